/// A service with its shards, when it is parted into some.
package struct ServiceGroup {
    package var service: ServiceReport
    /// `SERVICE/SHARD` each, in the order in which they came; those that only an earlier map knows among them.
    package var shards: [ServiceReport] = []

    /// In the order of the services. A shard whose service is not among them stands for itself.
    package static func all(_ services: [ServiceReport]) -> [ServiceGroup] {
        var groups: [ServiceGroup] = []
        var places: [Substring: Int] = [:]
        for service in services {
            // A slash stands in the names of shards alone.
            if let slash = service.name.firstIndex(of: "/"), let place = places[service.name[..<slash]] {
                groups[place].shards.append(service)
            } else {
                if service.shards != nil { places[service.name[...]] = groups.count }
                groups.append(ServiceGroup(service: service))
            }
        }
        return groups
    }

    package init(service: ServiceReport, shards: [ServiceReport] = []) {
        self.service = service
        self.shards = shards
    }

    /// Everything that its shards do, as if it were one service.
    var total: ServiceReport {
        var total = service
        for shard in shards {
            total.endpoints += shard.endpoints
            total.retries &+= shard.retries
            total.queued += shard.queued
        }
        return total
    }

    /// Those without a ready replica first, then those that lack one, then the others.
    var shardsByNeed: [ServiceReport] {
        [ServiceReport.Readiness.none, .partly, .whole].flatMap { readiness in
            shards.filter { $0.readiness == readiness }
        }
    }
}

extension ServiceReport {
    /// How many of its replicas are ready.
    enum Readiness {
        case none, partly, whole
    }

    var readiness: Readiness {
        guard endpoints.contains(where: \.ready) else { return .none }
        return endpoints.allSatisfy(\.ready) ? .whole : .partly
    }

    /// Whoever asks it finds somebody: a ready replica, or one in each shard.
    package var isServed: Bool {
        shards == nil ? readiness != .none : (dark ?? 0) == 0
    }
}
