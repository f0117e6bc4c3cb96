/// Everything one worker counts, as plain integers: no atomics, no locks, no allocation once a route was used.
///
/// Routes, services and endpoints are numbers, given by the snapshot that is in force; `names` has their texts.
/// A number that is out of range is ignored (a worker may still finish a request of an older snapshot).
/// Confinement: owned by one event loop. A scrape hops to each loop, copies, and merges the copies.
package struct WorkerMetrics: Sendable {
    /// Client connections that are open now.
    package var clientConnections: Int = 0
    /// Client connections accepted so far.
    package var clientConnectionsTotal: UInt64 = 0
    /// Client connections closed at once, by reason.
    package var refusedConnections = InlineArray<9, UInt64>(repeating: 0)
    /// TLS handshakes with clients that are over, by how they ended.
    package var handshakes = InlineArray<6, UInt64>(repeating: 0)
    /// HTTP/2 connections that were ended for what their client did.
    package var http2Failures: UInt64 = 0
    /// Requests that were refused before they had a route, by place in `RefusedStatus.all`.
    package var refusedRequests = InlineArray<12, UInt64>(repeating: 0)
    /// Requests of anonymous callers that were refused because the process is near the end of its memory.
    package var shedRequests: UInt64 = 0
    /// Credentials that were believed and that were not, by `CredentialKind`.
    package var credentialsAccepted = InlineArray<3, UInt64>(repeating: 0)
    package var credentialsRejected = InlineArray<3, UInt64>(repeating: 0)
    /// Access log lines handed to the writer, and lines it did not take because its queue was full.
    package var accessLogLines: UInt64 = 0
    package var accessLogDropped: UInt64 = 0

    /// What the numbers stand for.
    package internal(set) var names: MetricNames
    /// Per service.
    package internal(set) var services: [ServiceMetrics]
    /// Per service.
    var endpoints: [EndpointTable]
    var routes: RouteTable
    /// Per quota and class.
    var quotas: QuotaCounts
    /// Per cache.
    var caches: CacheCounts

    package init(names: MetricNames) {
        self.names = names
        services = Array(repeating: ServiceMetrics(), count: names.services.count)
        endpoints = names.services.indices.map { EndpointTable(count: names.endpointCount(of: $0)) }
        routes = RouteTable(routes: names.routes.count, services: names.services.count)
        quotas = QuotaCounts(quotas: names.quotas.count, classes: names.classes.count)
        caches = CacheCounts(caches: names.caches.count)
    }

    /// A client's request is over; `route` and `service` are -1 when it had none, `status` is 0 when none was sent.
    package mutating func requestEnded(
        route: Int, service: Int, status: Int, nanoseconds: UInt64, bytesIn: Int, bytesOut: Int
    ) {
        routes.update(route, service) { counted in
            counted.codes[StatusClass(status: status).rawValue] &+= 1
            counted.duration.record(nanoseconds: nanoseconds)
            // Byte counts of one machine stay below 2^64.
            counted.receivedBytes &+= UInt64(clamping: bytesIn)
            counted.sentBytes &+= UInt64(clamping: bytesOut)
        }
    }

    /// A connection was closed at once.
    package mutating func connectionRefused(_ reason: ConnectionRefusal) {
        refusedConnections[reason.rawValue] &+= 1
    }

    /// A TLS handshake with a client is over.
    package mutating func handshakeEnded(_ end: HandshakeEnd) {
        handshakes[end.rawValue] &+= 1
    }

    /// A request was refused before it had a route: malformed, too large, too slow.
    package mutating func requestRefused(status: Int) {
        refusedRequests[RefusedStatus.index(of: status)] &+= 1
    }

    /// What was counted for a route and a service (-1: none); nil when the pair was never used.
    package func pair(route: Int, service: Int) -> RouteMetrics? {
        routes[route, service]
    }

    /// What was counted for an endpoint; nil when there is no such number.
    package func endpoint(service: Int, endpoint: Int) -> EndpointMetrics? {
        guard endpoints.indices.contains(service), endpoint >= 0, endpoint < endpoints[service].count else {
            return nil
        }
        return endpoints[service][endpoint] ?? EndpointMetrics()
    }

    /// Changes an endpoint's counters, if there is one of that number.
    @inline(__always)
    private mutating func update(_ service: Int, _ endpoint: Int, _ body: (inout EndpointMetrics) -> Void) {
        guard endpoints.indices.contains(service) else { return }
        endpoints[service].update(endpoint, body)
    }
}

// MARK: Callers

extension WorkerMetrics {
    /// A quota was asked.
    package mutating func quotaAsked(quota: Int, callerClass: Int, outcome: QuotaOutcome) {
        quotas.count(quota, callerClass, outcome)
    }

    /// How often a quota said this to a class.
    package func quota(_ quota: Int, callerClass: Int, outcome: QuotaOutcome) -> UInt64 {
        quotas[quota, callerClass][outcome.rawValue]
    }

    /// A cache was asked.
    package mutating func cacheAsked(cache: Int, outcome: CacheOutcome) {
        caches.count(cache, outcome)
    }

    /// How often a cache did this.
    package func cache(_ cache: Int, outcome: CacheOutcome) -> UInt64 {
        caches[cache][outcome.rawValue]
    }

    /// A credential was looked at.
    package mutating func credentialSeen(_ kind: CredentialKind, isAccepted: Bool) {
        if isAccepted { credentialsAccepted[kind.rawValue] &+= 1 } else { credentialsRejected[kind.rawValue] &+= 1 }
    }
}

// MARK: Endpoints

extension WorkerMetrics {
    /// One try at an endpoint is over; `nanoseconds` is nil when there was no answer to time.
    package mutating func tryEnded(
        service: Int, endpoint: Int, outcome: TryOutcome, nanoseconds: UInt64? = nil, bytesSent: Int = 0,
        bytesReceived: Int = 0
    ) {
        update(service, endpoint) { counted in
            counted.outcomes[outcome.rawValue] &+= 1
            if let nanoseconds { counted.duration.record(nanoseconds: nanoseconds) }
            counted.sentBytes &+= UInt64(clamping: bytesSent)
            counted.receivedBytes &+= UInt64(clamping: bytesReceived)
        }
    }

    /// A request begins (+1) or ends (-1) at an endpoint.
    package mutating func changeInFlight(service: Int, endpoint: Int, by change: Int) {
        update(service, endpoint) { $0.inFlight &+= change }
    }

    /// A connection to an endpoint is up.
    package mutating func upstreamConnected(service: Int, endpoint: Int) {
        update(service, endpoint) { counted in
            counted.connects &+= 1
            counted.connections &+= 1
        }
    }

    /// A connection to an endpoint that was up is closed.
    package mutating func upstreamDisconnected(service: Int, endpoint: Int) {
        update(service, endpoint) { $0.connections &-= 1 }
    }

    /// An endpoint sent bytes that no request asked for: a second answer, or more than it had declared.
    package mutating func receivedUnaskedBytes(service: Int, endpoint: Int) {
        update(service, endpoint) { $0.unaskedAnswers &+= 1 }
    }

    /// A request was upgraded: from here on bytes pass as they are.
    package mutating func tunnelOpened(service: Int, endpoint: Int) {
        update(service, endpoint) { counted in
            counted.tunnelsOpened &+= 1
            counted.tunnels &+= 1
        }
    }

    /// A tunnel carried bytes, from the client to the replica and back.
    package mutating func tunnelPassed(service: Int, endpoint: Int, fromClient: Int, toClient: Int) {
        update(service, endpoint) { counted in
            counted.tunnelReceivedBytes &+= UInt64(clamping: fromClient)
            counted.tunnelSentBytes &+= UInt64(clamping: toClient)
        }
    }

    /// A tunnel is closed.
    package mutating func tunnelClosed(service: Int, endpoint: Int) {
        update(service, endpoint) { $0.tunnels &-= 1 }
    }
}

// MARK: Services

extension WorkerMetrics {
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

    /// A request of a service with sessions got its replica.
    package mutating func sessionUsed(service: Int, outcome: SessionOutcome) {
        guard services.indices.contains(service) else { return }
        services[service].sessions[outcome.rawValue] &+= 1
    }
}
