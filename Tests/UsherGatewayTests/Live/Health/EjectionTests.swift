import NIOCore
import Testing
import UsherTestKit

@Suite("Replicas that are taken out for their answers", .timeLimit(.minutes(1)))
struct EjectionTests {
    private static func keys(_ ejection: String, _ more: String = "") -> String {
        "balance: round-robin, slow-start: 0s, retries: { attempts: 1 }, ejection: { \(ejection) }\(more)"
    }

    private static func ejections(_ gateway: RunningGateway, _ reason: String) async throws -> Double? {
        try await gateway.metric("usher_service_ejections_total{service=\"web\",reason=\"\(reason)\"}")
    }

    private static func pair(_ stage: Stage) async throws -> (
        (replica: Replica, upstream: ScriptedUpstream), (replica: Replica, upstream: ScriptedUpstream)
    ) {
        let (one, two) = (Replica("one"), Replica("two"))
        return ((one, try await stage.upstream(one)), (two, try await stage.upstream(two)))
    }

    @Test("failures in a row take a replica out, and it gets nothing while it is")
    func consecutive() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 3, for: 60s"))
            bad.replica.answers("503 Bad")
            let client = try await stage.client(gateway)
            var failures = 0
            while bad.replica.targets.count < 3 {
                if try await client.ask().status == 503 { failures += 1 }
            }
            #expect(failures == 3)
            try await gateway.wait(for: bad.upstream, toBe: "ejected")
            let told = try #require(try await gateway.endpoint(bad.upstream))
            #expect(told.reason.contains("3 failures in a row"))
            #expect(told.until != nil)
            #expect(try await Self.ejections(gateway, "consecutive") == 1)
            for _ in 1...4 { #expect(try await client.ask().status == 200) }
            #expect(bad.replica.targets.count == 3)
        }
    }

    /// Asks until a replica has had so many events.
    private static func events(_ count: Int, _ upstream: ScriptedUpstream, _ gateway: RunningGateway) async throws
        -> [ToldEndpoint.Event]
    {
        let client = try await RawClient.connect(port: gateway.port)
        let end = ContinuousClock.now + RawConnection.limit
        while ContinuousClock.now < end {
            for _ in 1...10 { _ = try await client.ask() }
            let events = try await gateway.endpoint(upstream)?.events ?? []
            guard events.count < count else {
                await client.close()
                return events
            }
        }
        throw TestKitError.timedOut("\(count) events")
    }

    @Test("time brings an ejected replica back")
    func comesBack() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 3, for: 200ms"))
            bad.replica.answers("503 Bad")
            let events = try await Self.events(3, bad.upstream, gateway)
            #expect(events.prefix(3).map(\.state) == ["ready", "ejected", "ready"])
            #expect(events[2].reason.contains("its ejection of 200ms is over"))
            #expect(events.allSatisfy { $0.at.hasSuffix("Z") && $0.at.contains("T") })
            #expect(events.map(\.at) == events.map(\.at).sorted())
        }
    }

    @Test("a success between failures begins the count anew")
    func interrupted() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 3, share: 100%, for: 1s"))
            let client = try await stage.client(gateway)
            for round in 0..<12 {
                bad.replica.answers(round % 3 == 2 ? "200 OK" : "503 Bad")
                let count = bad.replica.targets.count
                while bad.replica.targets.count == count { _ = try await client.ask() }
            }
            #expect(try await gateway.endpoint(bad.upstream)?.state == "ready")
            #expect(try await Self.ejections(gateway, "consecutive") == 0)
        }
    }

    @Test("a share of failures takes a replica out although no two follow each other")
    func share() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 1000, share: 40%, for: 30s"))
            let client = try await stage.client(gateway)
            for round in 0..<40 where try await gateway.endpoint(bad.upstream)?.state == "ready" {
                bad.replica.answers(round % 2 == 0 ? "502 Bad" : "200 OK")
                let count = bad.replica.targets.count
                while bad.replica.targets.count == count, try await client.ask().status > 0 {
                    if try await gateway.endpoint(bad.upstream)?.state != "ready" { break }
                }
            }
            let told = try #require(try await gateway.endpoint(bad.upstream))
            #expect(told.state == "ejected")
            #expect(told.reason.contains("%"))
            #expect(try await Self.ejections(gateway, "share") == 1)
            #expect(bad.replica.targets.count >= 20)
        }
    }

    @Test("each ejection is twice as long as the one before")
    func doubling() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 1, for: 2s"))
            bad.replica.answers("503 Bad")
            let events = try await Self.events(5, bad.upstream, gateway)
            let ends = events.filter { $0.state == "ready" }.dropFirst().map(\.reason)
            for (end, length) in zip(ends, ["2s", "4s"]) {
                #expect(end.contains("its ejection of \(length) is over"), "\(end)")
            }
        }
    }

    @Test("no more replicas are out than at-most allows, and never the last one")
    func atMost() async throws {
        try await onStage { stage in
            var upstreams: [ScriptedUpstream] = []
            for name in ["one", "two", "three", "four"] {
                let replica = Replica(name)
                replica.answers("503 Bad")
                upstreams.append(try await stage.upstream(replica))
            }
            let gateway = try await stage.gateway(
                "services: { web: { replicas: \(list(upstreams[0], upstreams[1], upstreams[2], upstreams[3])), "
                    + "\(Self.keys("failures: 1, for: 60s, at-most: 50%")) } }")
            for _ in 1...24 { #expect(try await gateway.ask(Text.get()).status == 503) }
            #expect(try await gateway.endpoints().map(\.state).sorted() == ["ejected", "ejected", "ready", "ready"])
            let kept = try await gateway.endpoints().first { $0.state == "ready" }
            #expect(kept?.events?.last?.reason.contains("would be ejected") == true)
            let pair = list(upstreams[0], upstreams[1])
            try await gateway.reload(
                "services: { web: { replicas: \(pair), \(Self.keys("failures: 1, for: 60s, at-most: 100%")) } }")
            for _ in 1...12 { #expect(try await gateway.ask(Text.get()).status == 503) }
            #expect(try await gateway.endpoints().count { $0.state == "ready" } == 1)
        }
    }

    @Test("with ejection: none nobody is taken out, and a reload to it lets those return who are out")
    func none() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 1, for: 300s"))
            bad.replica.answers("503 Bad")
            while bad.replica.targets.isEmpty { _ = try await gateway.ask(Text.get()) }
            try await gateway.wait(for: bad.upstream, toBe: "ejected")
            try await gateway.reload(
                "services: { web: { replicas: \(list(good.upstream, bad.upstream)), balance: round-robin, "
                    + "retries: { attempts: 1 }, slow-start: 0s, ejection: none } }")
            try await gateway.wait(for: bad.upstream, toBe: "ready")
            for _ in 1...40 { _ = try await gateway.ask(Text.get()) }
            #expect(bad.replica.targets.count >= 20)
            #expect(try await gateway.endpoint(bad.upstream)?.state == "ready")
        }
    }

    @Test("what a 503 says with Retry-After is a pause")
    func retryAfter() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 1000"))
            bad.replica.answers("503 Busy", "Retry-After: 30\r\n")
            let client = try await stage.client(gateway)
            while bad.replica.targets.isEmpty { _ = try await client.ask() }
            try await gateway.wait(for: bad.upstream, toBe: "paused")
            let told = try #require(try await gateway.endpoint(bad.upstream))
            #expect(told.reason.contains("pause of 30s") && told.until != nil)
            #expect(try await Self.ejections(gateway, "paused") == 1)
            for _ in 1...4 { #expect(try await client.ask().status == 200) }
            #expect(bad.replica.targets.count == 1)
        }
    }

    @Test("a pause ends by itself")
    func pauseEnds() async throws {
        try await onStage { stage in
            let (good, bad) = try await Self.pair(stage)
            let gateway = try await stage.gateway(
                to: good.upstream, bad.upstream, keys: Self.keys("failures: 1000"))
            bad.replica.answers("503 Busy", "Retry-After: 1\r\n")
            while bad.replica.targets.isEmpty { _ = try await gateway.ask(Text.get()) }
            bad.replica.answers("200 OK")
            let events = try await Self.events(3, bad.upstream, gateway)
            #expect(events.map(\.state) == ["ready", "paused", "ready"])
            #expect(events[2].reason.contains("its pause of 1s is over"))
        }
    }

    @Test("the last replica is not paused, and its own 503 reaches the client with its Retry-After")
    func lastPause() async throws {
        try await onStage { stage in
            let only = Replica("only")
            only.answers("503 Busy", "Retry-After: 7\r\n")
            let gateway = try await stage.gateway(to: try await stage.upstream(only), keys: Self.keys("failures: 1"))
            for _ in 1...3 {
                let answer = try await gateway.ask(Text.get())
                #expect(answer.status == 503 && answer.text == "only" && answer.value("retry-after") == "7")
            }
            #expect(try await gateway.endpoints().first?.state == "ready")
        }
    }
}
