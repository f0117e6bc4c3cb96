import Testing

@testable import UsherConsole

@Suite struct StatusShardsTests {
    private let text = StatusText(TextStyle(time: TextStyleTests.time))

    private func endpoint(_ address: String, isReady: Bool = true, requests: UInt64 = 0) -> EndpointReport {
        EndpointReport(
            address: address, ready: isReady, state: isReady ? "ready" : "unready",
            reason: isReady ? "ready" : "refused", since: "2026-11-22T23:10:00Z", inFlight: 1, requests: requests)
    }

    private func shard(_ name: String, _ endpoints: [EndpointReport]) -> ServiceReport {
        ServiceReport(name: name, balance: "random", endpoints: endpoints)
    }

    private func sharded(_ shards: Int, dark: Double = 0) -> ServiceReport {
        ServiceReport(
            name: "profiles", pattern: "sharded", balance: "random", endpoints: [], shards: shards, dark: dark)
    }

    @Test("a sharded service has a line for the whole and one a shard, those first that lack a replica")
    func table() {
        var slow = endpoint("a:1", requests: 40)
        slow.latency = .init(p50: 1, p99: 20)
        slow.failures = 3
        var quick = endpoint("a:2", requests: 2)
        quick.latency = .init(p50: 2, p99: 3)
        var waiting = shard("profiles/s0", [slow, quick])
        waiting.queued = 2
        let shown = text.services([
            sharded(3, dark: 0.25), ServiceReport(name: "web", balance: "random", endpoints: [endpoint("w:1")]),
            waiting,
            shard("profiles/s1", [endpoint("b:1", isReady: false), endpoint("b:2")]),
            shard("profiles/s2", [endpoint("c:1", isReady: false), endpoint("c:2", isReady: false)]),
        ])
        #expect(
            shown == """
                SERVICE   REPLICA         STATE         IN FLIGHT  REQUESTS  FAILURES  P50 MS  P99 MS
                profiles  3 shards        1 of 3 whole          6        42         3     2.0    20.0
                          25.0 % dark: shards without a ready replica
                          2 requests waiting
                          s2: 2 replicas  0 of 2 ready          2         0         0       -       -
                          c:1: refused (since 00:10:00), and 1 more
                          s1: 2 replicas  1 of 2 ready          2         0         0       -       -
                          b:1: refused (since 00:10:00)
                          s0: 2 replicas  ready                 2        42         3     2.0    20.0
                web       w:1             ready                 1         0         0       -       -
                """)
    }

    @Test("among others at most twenty shards are shown, by itself a service shows them all")
    func many() {
        let shards = (0..<30).map { shard("profiles/s\($0)", [endpoint("a:\($0)", isReady: $0 != 29)]) }
        let lines = text.services([sharded(30)] + shards).split(separator: "\n")
        // The title, the whole, twenty shards with one reason, and how many more there are.
        #expect(lines.count == 24)
        #expect(lines[2].contains("s29: 1 replica"))
        #expect(lines.last == "          10 more shards: usher status profiles")
        let down = (0..<30).map { shard("profiles/s\($0)", [endpoint("a:\($0)", isReady: $0 < 8)]) }
        let most = text.services([sharded(30, dark: 0.7)] + down)
        #expect(most.hasSuffix("\n          10 more shards, 2 of them not wholly ready: usher status profiles"))
        let whole = text.sharded(ServiceGroup(service: sharded(30), shards: shards))
        #expect(whole.split(separator: "\n").count == 33 && whole.contains("s28: 1 replica"))
    }

    @Test("a shard that only an earlier map knows is shown with the others, and told of")
    func earlier() {
        let shards = ["profiles/s0", "profiles/old"].map { shard($0, [endpoint("a:1")]) }
        let shown = text.services([sharded(1)] + shards)
        #expect(shown.contains("profiles  2 shards        ready"))
        #expect(shown.contains("\n          1 of them are of an earlier map\n"))
    }

    @Test("shards belong to the service whose name they begin with, if it is there")
    func groups() {
        let services = ["a", "a/b", "profiles/s0"].map { shard($0, []) } + [sharded(2)]
        let groups = ServiceGroup.all(services + [shard("profiles/s1", []), shard("profile/s2", [])])
        #expect(groups.map(\.service.name) == ["a", "a/b", "profiles/s0", "profiles", "profile/s2"])
        #expect(groups.map { $0.shards.map(\.name) } == [[], [], [], ["profiles/s1"], []])
    }

    @Test("a sharded service is served when no key is dark, any other by one ready replica")
    func served() {
        #expect(sharded(3).isServed && !sharded(3, dark: 0.0001).isServed)
        #expect(shard("web", [endpoint("a:1", isReady: false), endpoint("a:2")]).isServed)
        #expect(!shard("web", [endpoint("a:1", isReady: false)]).isServed && !shard("web", []).isServed)
    }
}
