import Testing
import UsherCore

@testable import UsherTelemetry

@Suite struct WorkerMetricsMovingTests {
    private let names = MetricNames(
        routes: ["a", "b"], services: ["web", "cart"], endpoints: [["w0", "w1"], ["c0"]])

    private func used() -> WorkerMetrics {
        var metrics = WorkerMetrics(names: names)
        metrics.clientConnections = 5
        metrics.clientConnectionsTotal = 9
        metrics.accessLogLines = 4
        metrics.accessLogDropped = 1
        metrics.connectionRefused(.untrustedProxy)
        metrics.requestRefused(status: 400)
        metrics.requestEnded(route: 0, service: 0, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: 1, service: 1, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: 0, service: -1, status: 308, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: -1, service: -1, status: 404, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.tryEnded(service: 0, endpoint: 0, outcome: .reset)
        metrics.tryEnded(service: 0, endpoint: 1, outcome: .success)
        metrics.changeInFlight(service: 0, endpoint: 1, by: 3)
        metrics.tunnelOpened(service: 0, endpoint: 1)
        metrics.retried(service: 0)
        metrics.sessionUsed(service: 0, outcome: .moved)
        metrics.changeQueue(service: 1, by: 2)
        return metrics
    }

    /// Everything that was counted, by name.
    private func listed(_ metrics: WorkerMetrics) -> [String: UInt64] {
        let names = metrics.names
        var all: [String: UInt64] = [:]
        for pair in metrics.routes.pairs {
            let route = pair.route < 0 ? "-" : names.routes[pair.route]
            all["\(route) \(pair.service < 0 ? "-" : names.services[pair.service])"] = pair.counted.duration.count
        }
        for (service, name) in names.services.enumerated() {
            all[name] = metrics.services[service].retries
            for (endpoint, address) in names.endpoints[service].enumerated() {
                all["\(name)/\(address)"] = metrics.endpoint(service: service, endpoint: endpoint)?.requests
            }
        }
        return all.filter { $0.value > 0 }
    }

    @Test("a reload that moves and removes names keeps what was counted under the others", arguments: [true, false])
    func renumbering(byName: Bool) {
        var metrics = used()
        let new = MetricNames(routes: ["x", "a"], services: ["new", "web"], endpoints: [["n0"], ["w1", "w2"]])
        if byName {
            metrics.move(to: new)
        } else {
            metrics.move(to: new, services: [nil, 0], endpoints: [nil, [1, nil]])
        }
        #expect(metrics.names == new)
        #expect(listed(metrics) == ["a web": 1, "a -": 1, "- -": 1, "web": 1, "web/w1": 1])
        #expect(metrics.endpoint(service: 1, endpoint: 0)?.inFlight == 3)
        #expect(metrics.endpoint(service: 1, endpoint: 0)?.tunnels == 1)
        #expect(metrics.services[1].sessions[SessionOutcome.moved.rawValue] == 1)
        #expect(metrics.services[0].queueLength == 0)
        #expect(metrics.clientConnections == 5)
        #expect(metrics.clientConnectionsTotal == 9)
        #expect(metrics.accessLogLines == 4)
        #expect(metrics.accessLogDropped == 1)
        #expect(metrics.refusedConnections[ConnectionRefusal.untrustedProxy.rawValue] == 1)
        #expect(metrics.refusedRequests[0] == 1)
    }

    @Test("after a move new endpoints count from zero and old numbers mean what they mean now")
    func countingGoesOn() {
        var metrics = used()
        let new = MetricNames(routes: ["a"], services: ["web"], endpoints: [["w2", "w0", "w3"]])
        metrics.move(to: new, services: [0], endpoints: [[nil, 0, nil]])
        for endpoint in 0..<5 { metrics.tryEnded(service: 0, endpoint: endpoint, outcome: .success) }
        metrics.requestEnded(route: 0, service: 0, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: 1, service: 0, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        #expect(listed(metrics) == ["a web": 2, "a -": 1, "- -": 1, "web": 1, "web/w2": 1, "web/w0": 2, "web/w3": 1])
    }

    @Test(
        "numbers that do not fit the names do no harm",
        arguments: [
            ([], []), ([0, 1, 2, 3], [[0], [0]]), ([7, -1], [[9, -4], nil]), ([0, 0], [[1, 1], [1, 1]]),
            ([nil, nil], [[0], [0]]), ([1, 0], []),
        ] as [([Int?], [[Int?]?])])
    func mismatched(services: [Int?], endpoints: [[Int?]?]) {
        var metrics = used()
        metrics.move(to: names, services: services, endpoints: endpoints)
        #expect(metrics.services.count == 2)
        #expect(metrics.endpoints.map(\.count) == [2, 1])
        // Nothing is ever counted twice, also where two new numbers come from one old one.
        #expect(listed(metrics).values.allSatisfy { $0 == 1 })
        let counted = metrics.endpoints.flatMap(\.used)
        #expect(counted.reduce(0) { $0 + $1.outcomes[TryOutcome.success.rawValue] } <= 1)
        #expect(counted.reduce(0) { $0 + $1.inFlight } <= 3)
    }

    @Test("services whose endpoints stay are not copied")
    func untouched() {
        var metrics = used()
        func storage(_ service: Int) -> UnsafePointer<EndpointMetrics>? {
            metrics.endpoints[service].used.withUnsafeBufferPointer { $0.baseAddress }
        }
        let before = storage(0)
        var new = names
        new.services.insert("new", at: 0)
        new.endpoints.insert(["n0"], at: 0)
        metrics.move(to: new, services: [nil, 0, 1], endpoints: [nil, nil, nil])
        #expect(storage(1) == before)
        #expect(before != nil)
    }

    @Test("merging adds everything up")
    func merging() {
        var sum = used()
        sum.merge(used())
        #expect(sum.clientConnections == 10)
        #expect(sum.clientConnectionsTotal == 18)
        #expect(sum.accessLogLines == 8)
        #expect(sum.accessLogDropped == 2)
        #expect(sum.refusedConnections[ConnectionRefusal.untrustedProxy.rawValue] == 2)
        #expect(listed(sum) == listed(used()).mapValues { $0 * 2 })
        #expect(sum.endpoint(service: 0, endpoint: 1)?.tunnelsOpened == 2)
        #expect(sum.services[0].sessions[SessionOutcome.moved.rawValue] == 2)
        #expect(sum.services[1].queueLength == 4)
    }

    @Test("a worker on the other side of a reload is merged by name, and what has no name here is left out")
    func mergingAcrossReload() {
        let new = MetricNames(
            routes: ["b", "a", "c"], services: ["cart", "new", "web"], endpoints: [["c1", "c0"], ["n0"], ["w1"]])
        var swapped = used()
        swapped.move(to: new)
        swapped.requestEnded(route: 2, service: 1, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        swapped.tryEnded(service: 0, endpoint: 0, outcome: .success)
        var total = WorkerMetrics(names: new)
        total.merge(swapped)
        total.merge(used())
        #expect(
            listed(total) == [
                "a web": 2, "b cart": 2, "a -": 2, "- -": 2, "c new": 1, "web": 2, "web/w1": 2, "cart/c1": 1,
            ])
        var early = used()
        early.merge(swapped)
        #expect(early.names == names)
        #expect(
            listed(early) == ["a web": 2, "b cart": 2, "a -": 2, "- -": 2, "web": 2, "web/w0": 1, "web/w1": 2])
        #expect(early.clientConnections == 10)
    }

    @Test(
        "any sequence of reloads keeps exactly what a table by name keeps", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        func some(_ prefix: String, _ most: Int) -> [String] {
            var list = (0..<most).map { "\(prefix)\($0)" }.filter { _ in random.below(2) == 0 }
            for index in list.indices { list.swapAt(index, random.below(list.count)) }
            return list
        }
        var names = MetricNames(routes: [], services: [], endpoints: [])
        var metrics = WorkerMetrics(names: names)
        var expected: [String: UInt64] = [:]
        for round in 0..<60 {
            let services = some("s", 5)
            let next = MetricNames(
                routes: some("r", 5), services: services, endpoints: services.map { _ in some("e", 6) })
            let old = names
            names = next
            if round % 2 == 0 {
                metrics.move(to: next)
            } else {
                let origins = services.map { old.services.firstIndex(of: $0) }
                let endpoints = zip(origins, next.endpoints).map { origin, list -> [Int?]? in
                    list.map { name in origin.flatMap { old.endpoints[$0].firstIndex(of: name) } }
                }
                metrics.move(to: next, services: origins, endpoints: endpoints)
            }
            expected = expected.filter { Self.isKnown($0.key, names) }
            for _ in 0..<20 {
                let service = random.below(services.count + 1) - 1
                let route = random.below(names.routes.count + 1) - 1
                metrics.requestEnded(
                    route: route, service: service, status: 200, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
                let routeName = route < 0 ? "-" : names.routes[route]
                expected["\(routeName) \(service < 0 ? "-" : services[service])", default: 0] += 1
                guard service >= 0, !names.endpoints[service].isEmpty else { continue }
                let endpoint = random.below(names.endpoints[service].count)
                metrics.tryEnded(service: service, endpoint: endpoint, outcome: .success)
                expected["\(services[service])/\(names.endpoints[service][endpoint])", default: 0] += 1
            }
            #expect(listed(metrics) == expected, "seed \(seed), round \(round)")
        }
    }

    /// Whether a key of `listed` has all its names still.
    private static func isKnown(_ key: String, _ names: MetricNames) -> Bool {
        if let slash = key.firstIndex(of: "/") {
            guard let service = names.services.firstIndex(of: String(key[..<slash])) else { return false }
            return names.endpoints[service].contains(String(key[key.index(after: slash)...]))
        }
        let parts = key.split(separator: " ").map(String.init)
        return (parts[0] == "-" || names.routes.contains(parts[0]))
            && (parts[1] == "-" || names.services.contains(parts[1]))
    }
}
