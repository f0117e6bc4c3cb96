/// Everything one worker counts, as plain integers: no atomics, no locks, no allocation once a route was used.
///
/// Routes, services and endpoints are numbers, given by the snapshot that is in force; `MetricNames` has their texts.
/// A number that is out of range is ignored (a worker may still finish a request of an older snapshot).
/// Confinement: owned by one event loop. A scrape hops to each loop, copies, and merges the copies.
package struct WorkerMetrics: Sendable {
    /// Client connections that are open now.
    package var clientConnections: Int = 0
    /// Client connections accepted so far.
    package var clientConnectionsTotal: UInt64 = 0
    /// Client connections closed at accept, by reason.
    package var refusedConnections = InlineArray<4, UInt64>(repeating: 0)
    /// Requests that were refused before they had a route, by place in `RefusedStatus.all`.
    package var refusedRequests = InlineArray<11, UInt64>(repeating: 0)
    /// Access log lines handed to the writer, and lines it did not take because its queue was full.
    package var accessLogLines: UInt64 = 0
    package var accessLogDropped: UInt64 = 0

    /// Numbers of routes and services, without the "none" that each also has.
    package private(set) var routeCount: Int
    package private(set) var serviceCount: Int

    /// Per service.
    package private(set) var services: [ServiceMetrics]
    /// Per service and endpoint.
    package private(set) var endpoints: [[EndpointMetrics]]
    /// The pairs of route and service that were used so far.
    package private(set) var pairs: [RouteMetrics] = []
    /// The place in `pairs` of each pair of route and service, -1 for those never used: most never are.
    private var places: [Int32]

    package init(routes: Int, services: Int, endpointsPerService: [Int]) {
        routeCount = max(routes, 0)
        serviceCount = max(services, 0)
        self.services = Array(repeating: ServiceMetrics(), count: serviceCount)
        endpoints = (0..<serviceCount).map { service in
            let count = service < endpointsPerService.count ? max(endpointsPerService[service], 0) : 0
            return Array(repeating: EndpointMetrics(), count: count)
        }
        places = Array(repeating: -1, count: (routeCount + 1) * (serviceCount + 1))
    }

    package init(names: MetricNames) {
        self.init(
            routes: names.routes.count, services: names.services.count,
            endpointsPerService: names.endpoints.map(\.count))
    }

    /// A client's request is over; `route` and `service` are -1 when it had none, `status` is 0 when none was sent.
    package mutating func requestEnded(
        route: Int, service: Int, status: Int, nanoseconds: UInt64, bytesIn: Int, bytesOut: Int
    ) {
        guard let place = place(route: route, service: service) else { return }
        pairs[place].codes[StatusClass(status: status).rawValue] &+= 1
        pairs[place].duration.record(nanoseconds: nanoseconds)
        // Byte counts of one machine stay below 2^64.
        pairs[place].receivedBytes &+= UInt64(clamping: bytesIn)
        pairs[place].sentBytes &+= UInt64(clamping: bytesOut)
    }

    /// One try at an endpoint is over; `nanoseconds` is nil when there was no answer to time.
    package mutating func tryEnded(
        service: Int, endpoint: Int, outcome: TryOutcome, nanoseconds: UInt64? = nil, bytesSent: Int = 0,
        bytesReceived: Int = 0
    ) {
        guard has(service: service, endpoint: endpoint) else { return }
        endpoints[service][endpoint].outcomes[outcome.rawValue] &+= 1
        if let nanoseconds { endpoints[service][endpoint].duration.record(nanoseconds: nanoseconds) }
        endpoints[service][endpoint].sentBytes &+= UInt64(clamping: bytesSent)
        endpoints[service][endpoint].receivedBytes &+= UInt64(clamping: bytesReceived)
    }

    /// A request begins (+1) or ends (-1) at an endpoint.
    package mutating func changeInFlight(service: Int, endpoint: Int, by change: Int) {
        guard has(service: service, endpoint: endpoint) else { return }
        endpoints[service][endpoint].inFlight &+= change
    }

    /// A connection to an endpoint is up.
    package mutating func upstreamConnected(service: Int, endpoint: Int) {
        guard has(service: service, endpoint: endpoint) else { return }
        endpoints[service][endpoint].connects &+= 1
        endpoints[service][endpoint].connections &+= 1
    }

    /// A connection to an endpoint that was up is closed.
    package mutating func upstreamDisconnected(service: Int, endpoint: Int) {
        guard has(service: service, endpoint: endpoint) else { return }
        endpoints[service][endpoint].connections &-= 1
    }

    /// A request is tried again.
    package mutating func retried(service: Int) {
        guard services.indices.contains(service) else { return }
        services[service].retries &+= 1
    }

    /// A retry was due, and the budget did not allow it.
    package mutating func retryRefused(service: Int) {
        guard services.indices.contains(service) else { return }
        services[service].retriesRefused &+= 1
    }

    /// A request found no ready replica.
    package mutating func noReplicaReady(service: Int) {
        guard services.indices.contains(service) else { return }
        services[service].noReplica &+= 1
    }

    /// A request found the service's queue full.
    package mutating func queueWasFull(service: Int) {
        guard services.indices.contains(service) else { return }
        services[service].queueFull &+= 1
    }

    /// A request enters (+1) or leaves (-1) a service's queue.
    package mutating func changeQueue(service: Int, by change: Int) {
        guard services.indices.contains(service) else { return }
        services[service].queueLength &+= change
    }

    /// A connection was closed at accept.
    package mutating func connectionRefused(_ reason: ConnectionRefusal) {
        refusedConnections[reason.rawValue] &+= 1
    }

    /// A request was refused before it had a route: malformed, too large, too slow.
    package mutating func requestRefused(status: Int) {
        refusedRequests[RefusedStatus.index(of: status)] &+= 1
    }

    /// What was counted for a route and a service (-1: none); nil when the pair was never used.
    package func pair(route: Int, service: Int) -> RouteMetrics? {
        guard let index = placeIndex(route: route, service: service), places[index] >= 0 else { return nil }
        return pairs[Int(places[index])]
    }

    /// What was counted for an endpoint; nil when there is no such number.
    package func endpoint(service: Int, endpoint: Int) -> EndpointMetrics? {
        has(service: service, endpoint: endpoint) ? endpoints[service][endpoint] : nil
    }

    private func has(service: Int, endpoint: Int) -> Bool {
        endpoints.indices.contains(service) && endpoints[service].indices.contains(endpoint)
    }

    private func placeIndex(route: Int, service: Int) -> Int? {
        guard route >= -1, route < routeCount, service >= -1, service < serviceCount else { return nil }
        return (route + 1) * (serviceCount + 1) + service + 1
    }

    /// Where a pair is counted; its first request makes the place.
    private mutating func place(route: Int, service: Int) -> Int? {
        guard let index = placeIndex(route: route, service: service) else { return nil }
        if places[index] < 0 {
            guard let next = Int32(exactly: pairs.count) else { return nil }
            places[index] = next
            pairs.append(RouteMetrics())
        }
        return Int(places[index])
    }
}

extension WorkerMetrics {
    /// Adds what another worker counted; grows to the larger of the two where their snapshots differ.
    package mutating func merge(_ other: WorkerMetrics) {
        clientConnections = clientConnections.addingClamped(other.clientConnections)
        clientConnectionsTotal = clientConnectionsTotal.addingSaturating(other.clientConnectionsTotal)
        accessLogLines = accessLogLines.addingSaturating(other.accessLogLines)
        accessLogDropped = accessLogDropped.addingSaturating(other.accessLogDropped)
        for reason in refusedConnections.indices {
            refusedConnections[reason] = refusedConnections[reason].addingSaturating(other.refusedConnections[reason])
        }
        for status in refusedRequests.indices {
            refusedRequests[status] = refusedRequests[status].addingSaturating(other.refusedRequests[status])
        }
        resize(
            routes: other.routeCount, services: other.serviceCount, endpointsPerService: other.endpoints.map(\.count))
        for service in other.services.indices {
            services[service].merge(other.services[service])
            for endpoint in other.endpoints[service].indices {
                endpoints[service][endpoint].merge(other.endpoints[service][endpoint])
            }
        }
        for route in -1..<other.routeCount {
            for service in -1..<other.serviceCount {
                guard let counted = other.pair(route: route, service: service),
                    let place = place(route: route, service: service)
                else { continue }
                pairs[place].merge(counted)
            }
        }
    }

    /// Makes room for more routes, services and endpoints; what was counted keeps its number, nothing ever shrinks.
    package mutating func resize(routes: Int, services: Int, endpointsPerService: [Int]) {
        let old = self
        routeCount = max(routeCount, routes)
        serviceCount = max(serviceCount, services)
        while self.services.count < serviceCount {
            self.services.append(ServiceMetrics())
            endpoints.append([])
        }
        for (service, count) in zip(0..<serviceCount, endpointsPerService) {
            while endpoints[service].count < count { endpoints[service].append(EndpointMetrics()) }
        }
        guard routeCount != old.routeCount || serviceCount != old.serviceCount else { return }
        places = Array(repeating: -1, count: (routeCount + 1) * (serviceCount + 1))
        for route in -1..<old.routeCount {
            for service in -1..<old.serviceCount {
                guard let from = old.placeIndex(route: route, service: service),
                    let to = placeIndex(route: route, service: service)
                else { continue }
                places[to] = old.places[from]
            }
        }
    }

    /// Takes over what was counted under other numbers, by name: for a reload that moves or removes some.
    ///
    /// What has no name any more is forgotten; what clients and listeners are counted by stays.
    package func renumbered(from old: MetricNames, to new: MetricNames) -> WorkerMetrics {
        var result = WorkerMetrics(names: new)
        result.clientConnections = clientConnections
        result.clientConnectionsTotal = clientConnectionsTotal
        result.refusedConnections = refusedConnections
        result.refusedRequests = refusedRequests
        result.accessLogLines = accessLogLines
        result.accessLogDropped = accessLogDropped
        let newRoutes = Self.numbers(new.routes)
        let newServices = Self.numbers(new.services)
        for (service, name) in zip(services.indices, old.services) {
            guard let to = newServices[name] else { continue }
            result.services[to] = services[service]
            let newEndpoints = Self.numbers(to < new.endpoints.count ? new.endpoints[to] : [])
            let oldEndpoints = service < old.endpoints.count ? old.endpoints[service] : []
            for (endpoint, name) in zip(endpoints[service].indices, oldEndpoints) {
                guard let place = newEndpoints[name] else { continue }
                result.endpoints[to][place] = endpoints[service][endpoint]
            }
        }
        for route in -1..<routeCount {
            for service in -1..<serviceCount {
                guard let counted = pair(route: route, service: service),
                    let toRoute = route < 0 ? -1 : old.routes.element(route).flatMap({ newRoutes[$0] }),
                    let toService = service < 0 ? -1 : old.services.element(service).flatMap({ newServices[$0] }),
                    let place = result.place(route: toRoute, service: toService)
                else { continue }
                result.pairs[place].merge(counted)
            }
        }
        return result
    }

    private static func numbers(_ names: [String]) -> [String: Int] {
        Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
    }
}

extension Array {
    /// The element at an index that may not exist.
    fileprivate func element(_ index: Int) -> Element? {
        indices.contains(index) ? self[index] : nil
    }
}
