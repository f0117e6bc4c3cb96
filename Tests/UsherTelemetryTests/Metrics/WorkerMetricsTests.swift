import Testing

@testable import UsherTelemetry

@Suite struct WorkerMetricsTests {
    private let names = MetricNames(
        routes: ["a", "b"], services: ["web", "cart"], endpoints: [["w0", "w1"], ["c0"]])

    @Test("a request is counted once, under its route, service and class")
    func requests() throws {
        var metrics = WorkerMetrics(names: names)
        metrics.requestEnded(route: 1, service: 0, status: 204, nanoseconds: 2_000_000, bytesIn: 100, bytesOut: 50)
        metrics.requestEnded(route: 1, service: 0, status: 503, nanoseconds: 1, bytesIn: -5, bytesOut: 0)
        metrics.requestEnded(route: -1, service: -1, status: 0, nanoseconds: 1, bytesIn: 7, bytesOut: 0)
        let pair = try #require(metrics.pair(route: 1, service: 0))
        #expect(pair.codes[StatusClass.success.rawValue] == 1)
        #expect(pair.codes[StatusClass.serverError.rawValue] == 1)
        #expect(pair.duration.count == 2)
        #expect(pair.receivedBytes == 100)
        #expect(pair.sentBytes == 50)
        #expect(metrics.pair(route: -1, service: -1)?.codes[StatusClass.none.rawValue] == 1)
        #expect(metrics.pair(route: 0, service: 0) == nil)
        #expect(metrics.routes.pairs.count == 2)
    }

    @Test(
        "numbers that no snapshot has are ignored",
        arguments: [(-2, 0), (2, 0), (0, -2), (0, 2), (.max, .max), (.min, .min)])
    func outOfRange(route: Int, service: Int) {
        var metrics = WorkerMetrics(names: names)
        metrics.requestEnded(route: route, service: service, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.tryEnded(service: service == 0 ? 5 : service, endpoint: route, outcome: .reset)
        metrics.upstreamConnected(service: service == 0 ? 0 : service, endpoint: 9)
        metrics.retried(service: service == 0 ? -1 : service)
        metrics.sessionUsed(service: service == 0 ? 2 : service, outcome: .new)
        metrics.tunnelOpened(service: service == 0 ? 1 : service, endpoint: route == 0 ? -1 : route)
        #expect(metrics.routes.pairs.isEmpty)
        #expect(metrics.endpoints.allSatisfy { $0.used.isEmpty })
        #expect(metrics.services.allSatisfy { $0.retries == 0 && $0.sessions[SessionOutcome.new.rawValue] == 0 })
    }

    @Test(
        "a status has the class that its first digit says",
        arguments: [0, 99, 100, 199, 200, 301, 404, 499, 500, 999])
    func classes(status: Int) {
        let expected = [1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx"][status / 100] ?? (status >= 500 ? "5xx" : "none")
        #expect(StatusClass(status: status).label == expected)
    }

    @Test("tries, connections and queues are counted at their endpoint and service")
    func endpoints() throws {
        var metrics = WorkerMetrics(names: names)
        for outcome in TryOutcome.allCases {
            metrics.tryEnded(service: 1, endpoint: 0, outcome: outcome, nanoseconds: 5, bytesSent: 2, bytesReceived: 3)
        }
        metrics.tryEnded(service: 1, endpoint: 0, outcome: .connectFailed)
        metrics.upstreamConnected(service: 1, endpoint: 0)
        metrics.upstreamConnected(service: 1, endpoint: 0)
        metrics.upstreamDisconnected(service: 1, endpoint: 0)
        metrics.changeInFlight(service: 1, endpoint: 0, by: 2)
        metrics.changeInFlight(service: 1, endpoint: 0, by: -1)
        metrics.changeQueue(service: 1, by: 3)
        metrics.retried(service: 1)
        metrics.retryRefused(service: 1)
        metrics.noReplicaReady(service: 1)
        metrics.queueWasFull(service: 1)
        metrics.receivedUnaskedBytes(service: 1, endpoint: 0)
        for outcome in SessionOutcome.allCases { metrics.sessionUsed(service: 1, outcome: outcome) }
        metrics.sessionUsed(service: 1, outcome: .moved)
        let endpoint = try #require(metrics.endpoint(service: 1, endpoint: 0))
        #expect(endpoint.requests == 10)
        #expect(endpoint.failures == 8)
        #expect(endpoint.duration.count == 9)
        #expect(endpoint.sentBytes == 18)
        #expect(endpoint.receivedBytes == 27)
        #expect(endpoint.unaskedAnswers == 1)
        #expect(endpoint.connects == 2)
        #expect(endpoint.connections == 1)
        #expect(endpoint.inFlight == 1)
        let service = metrics.services[1]
        #expect(service.queueLength == 3)
        #expect([service.retries, service.retriesRefused, service.noReplica, service.queueFull] == [1, 1, 1, 1])
        #expect(SessionOutcome.allCases.map { service.sessions[$0.rawValue] } == [1, 1, 2, 1])
        #expect(metrics.endpoint(service: 1, endpoint: 1) == nil)
        #expect(metrics.endpoint(service: 0, endpoint: 1)?.requests == 0)
    }

    @Test("tunnels are counted while they are open and after, with what they carried each way")
    func tunnels() throws {
        var metrics = WorkerMetrics(names: names)
        metrics.tunnelOpened(service: 0, endpoint: 1)
        metrics.tunnelOpened(service: 0, endpoint: 1)
        metrics.tunnelPassed(service: 0, endpoint: 1, fromClient: 7, toClient: 0)
        metrics.tunnelPassed(service: 0, endpoint: 1, fromClient: -1, toClient: 12)
        metrics.tunnelClosed(service: 0, endpoint: 1)
        let endpoint = try #require(metrics.endpoint(service: 0, endpoint: 1))
        #expect(endpoint.tunnels == 1)
        #expect(endpoint.tunnelsOpened == 2)
        #expect(endpoint.tunnelReceivedBytes == 7)
        #expect(endpoint.tunnelSentBytes == 12)
        #expect(endpoint.requests == 0)
    }

    @Test("endpoints that are not used take no counters")
    func unused() {
        let many = MetricNames(routes: [], services: ["web"], endpoints: [(0..<10_000).map { "w\($0)" }])
        var metrics = WorkerMetrics(names: many)
        metrics.tryEnded(service: 0, endpoint: 9_999, outcome: .success)
        metrics.changeInFlight(service: 0, endpoint: 9_999, by: 1)
        metrics.upstreamConnected(service: 0, endpoint: 3)
        #expect(metrics.endpoints[0].used.count == 2)
        #expect(metrics.endpoint(service: 0, endpoint: 9_999)?.inFlight == 1)
        // What each used one takes, on every worker.
        #expect(MemoryLayout<EndpointMetrics>.stride <= 304)
    }

    @Test("refusals without a counter of their own count as the first of their class")
    func refusals() {
        var metrics = WorkerMetrics(names: names)
        for status in [431, 418, 599, 505] { metrics.requestRefused(status: status) }
        let counted = Dictionary(
            uniqueKeysWithValues: RefusedStatus.all.enumerated().map { ($1, metrics.refusedRequests[$0]) })
        #expect(counted.filter { $0.value > 0 } == [431: 1, 400: 1, 500: 1, 505: 1])
        #expect(metrics.refusedRequests.count == RefusedStatus.all.count)
        for reason in ConnectionRefusal.allCases { metrics.connectionRefused(reason) }
        #expect(metrics.refusedConnections.indices.allSatisfy { metrics.refusedConnections[$0] == 1 })
    }

    @Test("counting a pair that was used before changes no storage")
    func steadyState() {
        var metrics = WorkerMetrics(names: names)
        metrics.requestEnded(route: 0, service: 0, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        let before = metrics.routes.pairs.withUnsafeBufferPointer { $0.baseAddress }
        for status in 100..<600 {
            metrics.requestEnded(route: 0, service: 0, status: status, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        }
        #expect(metrics.routes.pairs.withUnsafeBufferPointer { $0.baseAddress } == before)
        #expect(metrics.routes.pairs.count == 1)
    }
}
