extension WorkerMetrics {
    /// Goes on under the numbers of another snapshot; what has no number any more is forgotten.
    ///
    /// Routes are found by name, everything else by the numbers given. Services and endpoints that stay where they were
    /// cost next to nothing, others a copy.
    /// - Parameters:
    ///   - services: for each service of `new` its old number, or nil when it is new.
    ///   - endpoints: for each service of `new` the old number of each endpoint, or nil for a new one; nil instead of a
    ///     list when the endpoints of the service are as before.
    package mutating func move(to new: MetricNames, services origins: [Int?], endpoints: [[Int?]?]) {
        let old = self
        self = WorkerMetrics(movingTotalsOf: old, to: new)
        var newServices = [Int?](repeating: nil, count: old.services.count)
        for (service, origin) in zip(services.indices, origins) {
            guard let origin, old.services.indices.contains(origin), newServices[origin] == nil else { continue }
            newServices[origin] = service
            services[service] = old.services[origin]
            let table = old.endpoints[origin]
            let list = service < endpoints.count ? endpoints[service] : nil
            let moved = list.map { table.rearranged($0) } ?? table
            self.endpoints[service] = moved.resized(to: new.endpointCount(of: service))
        }
        let newRoutes = new.routes == old.names.routes ? nil : Self.places(of: old.names.routes, in: new.routes)
        routes.merge(old.routes) { pair in
            guard let route = pair.route < 0 ? -1 : newRoutes.map({ $0[pair.route] }) ?? pair.route,
                let service = pair.service < 0 ? -1 : newServices[pair.service]
            else { return nil }
            return (route, service)
        }
        quotas.merge(
            old.quotas, quotas: Self.places(of: old.names.quotas, in: new.quotas),
            classes: Self.places(of: old.names.classes, in: new.classes))
        caches.merge(old.caches, places: Self.places(of: old.names.caches, in: new.caches))
    }

    /// The same, with services and endpoints found by name as well.
    package mutating func move(to new: MetricNames) {
        let old = names
        let origins = Self.places(of: new.services, in: old.services)
        let endpoints = zip(new.services.indices, origins).map { service, origin -> [Int?]? in
            guard let origin, origin < old.endpoints.count, service < new.endpoints.count,
                old.endpoints[origin] != new.endpoints[service]
            else { return nil }
            return Self.places(of: new.endpoints[service], in: old.endpoints[origin])
        }
        move(to: new, services: origins, endpoints: endpoints)
    }

    /// Adds what another worker counted.
    ///
    /// The two may stand on either side of a reload: the other's counters are found by name then, and those whose names
    /// are not known here are left out.
    package mutating func merge(_ other: WorkerMetrics) {
        if other.names == names {
            add(other)
        } else {
            var moved = other
            moved.move(to: names)
            add(moved)
        }
    }

    /// Adds counters of the same numbers.
    private mutating func add(_ other: WorkerMetrics) {
        clientConnections = clientConnections.addingClamped(other.clientConnections)
        clientConnectionsTotal = clientConnectionsTotal.addingSaturating(other.clientConnectionsTotal)
        accessLogLines = accessLogLines.addingSaturating(other.accessLogLines)
        accessLogDropped = accessLogDropped.addingSaturating(other.accessLogDropped)
        for reason in refusedConnections.indices {
            refusedConnections[reason] = refusedConnections[reason].addingSaturating(other.refusedConnections[reason])
        }
        http2Failures = http2Failures.addingSaturating(other.http2Failures)
        shedRequests = shedRequests.addingSaturating(other.shedRequests)
        for kind in credentialsAccepted.indices {
            credentialsAccepted[kind] = credentialsAccepted[kind].addingSaturating(other.credentialsAccepted[kind])
            credentialsRejected[kind] = credentialsRejected[kind].addingSaturating(other.credentialsRejected[kind])
        }
        caches.merge(other.caches, places: Array(names.caches.indices))
        quotas.merge(other.quotas, quotas: Array(names.quotas.indices), classes: Array(names.classes.indices))
        for end in handshakes.indices {
            handshakes[end] = handshakes[end].addingSaturating(other.handshakes[end])
        }
        for status in refusedRequests.indices {
            refusedRequests[status] = refusedRequests[status].addingSaturating(other.refusedRequests[status])
        }
        for service in zip(services.indices, other.services.indices).map(\.0) {
            services[service].merge(other.services[service])
            endpoints[service].merge(other.endpoints[service])
        }
        routes.merge(other.routes) { ($0.route, $0.service) }
    }

    /// Nothing counted under the new names, and of the old one what has no name: connections, refusals, log lines.
    private init(movingTotalsOf old: WorkerMetrics, to names: MetricNames) {
        self.init(names: names)
        clientConnections = old.clientConnections
        clientConnectionsTotal = old.clientConnectionsTotal
        refusedConnections = old.refusedConnections
        handshakes = old.handshakes
        http2Failures = old.http2Failures
        refusedRequests = old.refusedRequests
        shedRequests = old.shedRequests
        credentialsAccepted = old.credentialsAccepted
        credentialsRejected = old.credentialsRejected
        accessLogLines = old.accessLogLines
        accessLogDropped = old.accessLogDropped
    }

    /// For each of the names its place in a list; the first one where it stands there twice.
    private static func places(of names: [String], in list: [String]) -> [Int?] {
        let places = Dictionary(zip(list, list.indices), uniquingKeysWith: { first, _ in first })
        return names.map { places[$0] }
    }
}
