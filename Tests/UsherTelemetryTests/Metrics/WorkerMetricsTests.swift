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
        #expect(metrics.pairs.count == 2)
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
        #expect(metrics.pairs.isEmpty)
        #expect(metrics.endpoints.joined().allSatisfy { $0.requests == 0 && $0.connects == 0 })
        #expect(metrics.services.allSatisfy { $0.retries == 0 })
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
        let endpoint = try #require(metrics.endpoint(service: 1, endpoint: 0))
        #expect(endpoint.requests == 8)
        #expect(endpoint.failures == 6)
        #expect(endpoint.duration.count == 7)
        #expect(endpoint.sentBytes == 14)
        #expect(endpoint.receivedBytes == 21)
        #expect(endpoint.connects == 2)
        #expect(endpoint.connections == 1)
        #expect(endpoint.inFlight == 1)
        let service = metrics.services[1]
        #expect(service.queueLength == 3)
        #expect([service.retries, service.retriesRefused, service.noReplica, service.queueFull] == [1, 1, 1, 1])
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

    @Test("merging adds everything up, also of a worker that knows more services")
    func merging() {
        var one = WorkerMetrics(names: names)
        one.clientConnections = 3
        one.requestEnded(route: 0, service: 1, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        var grown = names
        grown.routes.insert("c", at: 2)
        grown.services.append("new")
        grown.endpoints[1].append("c1")
        grown.endpoints.append(["n0"])
        var other = WorkerMetrics(names: grown)
        other.clientConnections = 4
        other.accessLogDropped = 2
        other.requestEnded(route: 0, service: 1, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        other.requestEnded(route: 2, service: 2, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        other.requestEnded(route: -1, service: -1, status: 404, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        other.tryEnded(service: 1, endpoint: 1, outcome: .success)
        other.connectionRefused(.draining)
        for (first, second) in [(one, other), (other, one)] {
            var sum = first
            sum.merge(second)
            #expect(sum.clientConnections == 7)
            #expect(sum.accessLogDropped == 2)
            #expect(sum.pair(route: 0, service: 1)?.codes[StatusClass.success.rawValue] == 2)
            #expect(sum.pair(route: 2, service: 2)?.codes[StatusClass.success.rawValue] == 1)
            #expect(sum.pair(route: -1, service: -1)?.codes[StatusClass.clientError.rawValue] == 1)
            #expect(sum.endpoint(service: 1, endpoint: 1)?.requests == 1)
            #expect(sum.refusedConnections[ConnectionRefusal.draining.rawValue] == 1)
        }
    }

    @Test("a reload that moves and removes names keeps what was counted under the others")
    func renumbering() {
        var metrics = WorkerMetrics(names: names)
        metrics.clientConnections = 5
        metrics.requestRefused(status: 400)
        metrics.requestEnded(route: 0, service: 0, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: 1, service: 1, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: -1, service: -1, status: 404, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.tryEnded(service: 0, endpoint: 1, outcome: .success)
        metrics.retried(service: 0)
        let new = MetricNames(routes: ["x", "a"], services: ["new", "web"], endpoints: [[], ["w1", "w2"]])
        let moved = metrics.renumbered(from: names, to: new)
        #expect(moved.clientConnections == 5)
        #expect(moved.refusedRequests[0] == 1)
        #expect(moved.pair(route: 1, service: 1)?.duration.count == 1)
        #expect(moved.pair(route: -1, service: -1)?.duration.count == 1)
        #expect(moved.pairs.count == 2)
        #expect(moved.endpoint(service: 1, endpoint: 0)?.requests == 1)
        #expect(moved.endpoint(service: 1, endpoint: 1)?.requests == 0)
        #expect(moved.services[1].retries == 1)
    }

    @Test("counting a pair that was used before changes no storage")
    func steadyState() {
        var metrics = WorkerMetrics(names: names)
        metrics.requestEnded(route: 0, service: 0, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        let before = metrics.pairs.withUnsafeBufferPointer { $0.baseAddress }
        for status in 100..<600 {
            metrics.requestEnded(route: 0, service: 0, status: status, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        }
        #expect(metrics.pairs.withUnsafeBufferPointer { $0.baseAddress } == before)
        #expect(metrics.pairs.count == 1)
    }
}
