import Testing
import UsherCore
import UsherTestKit

@Suite("Replicas that come and go", .timeLimit(.minutes(1)))
struct AvailabilityTests {
    @Test("a replica that takes no connections is found again without a client's request")
    func unreachable() async throws {
        try await onStage { stage in
            let replica = Replica("one")
            let path = stage.folder + "/replica.sock"
            let first = try await stage.upstream(at: .unix(path: path)) { try await replica.serve($0) }
            let other = try await stage.upstream(Replica("two"))
            let gateway = try await stage.gateway(to: first, other, keys: "balance: round-robin")
            await first.stop()
            while try await gateway.endpoint(first)?.state == "ready" {
                #expect(try await gateway.ask(Text.get()).text == "two")
            }
            #expect(try await gateway.endpoint(first)?.state == "unreachable")
            let tried = try await gateway.endpoint(first)?.requests
            let again = try await stage.upstream(at: .unix(path: path)) { try await replica.serve($0) }
            try await gateway.wait(for: again, toBe: "ready")
            #expect(try await gateway.endpoint(again)?.requests == tried)
            #expect(try await gateway.endpoint(again)?.reason == "it takes connections again")
            var names: Set<String> = []
            while names.count < 2 { names.insert(try await gateway.ask(Text.get()).text) }
        }
    }

    @Test("when no replica takes connections requests fail at once, and succeed as soon as one does")
    func allUnreachable() async throws {
        try await onStage { stage in
            let path = stage.folder + "/replica.sock"
            let first = try await stage.upstream(answering: Text.ok, at: .unix(path: path))
            let gateway = try await stage.gateway(to: first)
            await first.stop()
            for _ in 1...3 { #expect([502, 503].contains(try await gateway.ask(Text.get()).status)) }
            let again = try await stage.upstream(answering: Text.ok, at: .unix(path: path))
            try await gateway.wait(for: again, toBe: "ready")
            #expect(try await gateway.ask(Text.get()).status == 200)
        }
    }

    // MARK: Draining

    @Test("a drained replica finishes what it has and gets nothing new, until it is undrained")
    func drain() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            let gateway = try await stage.gateway(to: first, second, keys: "balance: round-robin, slow-start: 0s")
            let clients = [try await stage.client(gateway), try await stage.client(gateway)]
            for client in clients { try await client.send(Text.get("/held")) }
            try await one.holds.wait(for: 1)
            let answer = try await gateway.drain(first)
            #expect(answer.status == 200)
            #expect(answer.text.contains("done"))
            #expect(try await gateway.drain(first).text.contains("unchanged"))
            for _ in 1...6 { #expect(try await gateway.ask(Text.get()).text == "two") }
            one.letGo()
            two.letGo()
            var names: [String] = []
            for client in clients { names.append(try await client.receiveAnswer().text) }
            #expect(names.sorted() == ["one", "two"])
            #expect(try await gateway.endpoint(first)?.state == "drained")
            #expect(try await gateway.undrain(first).text.contains("done"))
            #expect(try await gateway.undrain(first).text.contains("unchanged"))
            for _ in 1...6 { _ = try await gateway.ask(Text.get()) }
            #expect(one.targets.count { $0 == "/" } == 3)
            let events = try #require(try await gateway.endpoint(first)?.events)
            #expect(events.map(\.state) == ["ready", "drained", "ready"])
        }
    }

    @Test("a drained replica is not used in a panic either: nobody is left, and 503 says so")
    func allDrained() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream, keys: "panic: 100%")
            #expect(try await gateway.ask(Text.get()).status == 200)
            try await gateway.drain(upstream)
            #expect(try await gateway.ask(Text.get()).status == 503)
            #expect(try await gateway.admin("/readyz").status == 503)
        }
    }

    @Test("strangers cannot drain, and unknown services and replicas are 404 with what there is")
    func whoMayDrain() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let token = try gateway.file.adminToken
            let body = "{\"address\": \"\(upstream.address)\"}"
            let path = "/api/v1/services/web/drain"
            #expect(try await gateway.post(path, body: body, token: nil).status == 401)
            #expect(try await gateway.post(path, body: body, token: token + "0").status == 401)
            #expect(try await gateway.admin(path).status == 405)
            let unknown = try await gateway.post(path, body: "{\"address\": \"127.0.0.1:1\"}", token: token)
            #expect(unknown.status == 404)
            #expect(unknown.text.contains("\(upstream.address)"))
            let noService = try await gateway.post("/api/v1/services/wep/drain", body: body, token: token)
            #expect(noService.status == 404)
            #expect(noService.text.contains("web"))
            #expect(try await gateway.post(path, body: "{", token: token).status == 400)
            #expect(try await gateway.endpoint(upstream)?.state == "ready")
        }
    }

    // MARK: Slow start and panic

    @Test("a replica that comes back gets little at first")
    func slowStart() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            let gateway = try await stage.gateway(to: first, second, keys: "balance: random, slow-start: 1h")
            let client = try await stage.client(gateway)
            try await gateway.drain(first)
            try await gateway.undrain(first)
            let count = 400
            for _ in 0..<count { _ = try await client.ask() }
            // A tenth of an equal weight is 1 of 11: 36 of 400, six standard deviations are 34.
            #expect((2...70).contains(one.targets.count))
            try await gateway.reload(
                "services: { web: { replicas: \(list(first, second)), balance: random, slow-start: 0s } }")
            let before = one.targets.count
            for _ in 0..<count { _ = try await client.ask() }
            // Half, six standard deviations are 60.
            #expect((140...260).contains(one.targets.count - before))
        }
    }

    @Test("when too few replicas are ready all that once were are used, and it is said so")
    func panic() async throws {
        try await onStage { stage in
            let replicas = ["one", "two", "three"].map(Replica.init)
            var upstreams: [ScriptedUpstream] = []
            for replica in replicas { upstreams.append(try await stage.upstream(replica)) }
            let gateway = try await stage.gateway(
                "services: { web: { replicas: \(list(upstreams[0], upstreams[1], upstreams[2])), panic: 40%, "
                    + "balance: round-robin, slow-start: 0s, "
                    + "readiness: { path: /ready, interval: 50ms, timeout: 5s, rise: 1, fall: 1 } } }")
            for upstream in upstreams { try await gateway.wait(for: upstream, toBe: "ready") }
            let panic = "usher_service_panic{service=\"web\"}"
            replicas[0].setReady(false)
            try await gateway.wait(for: upstreams[0], toBe: "unready")
            #expect(try await gateway.metric(panic) == 0)
            for _ in 1...6 { #expect(try await gateway.ask(Text.get()).text != "one") }
            replicas[1].setReady(false)
            try await gateway.wait(for: upstreams[1], toBe: "unready")
            #expect(try await gateway.metric(panic) == 1)
            var counts: [String: Int] = [:]
            for _ in 1...9 { counts[try await gateway.ask(Text.get()).text, default: 0] += 1 }
            #expect(counts == ["one": 3, "two": 3, "three": 3])
            replicas[0].setReady(true)
            try await gateway.wait(for: upstreams[0], toBe: "ready")
            #expect(try await gateway.metric(panic) == 0)
            for _ in 1...6 { #expect(try await gateway.ask(Text.get()).text != "two") }
        }
    }

    @Test("by default the last ones that were ready are used when none is")
    func lastOnes() async throws {
        try await onStage { stage in
            let replica = Replica("one")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(
                to: upstream, keys: "readiness: { path: /ready, interval: 50ms, timeout: 5s, rise: 1, fall: 1 }")
            replica.setReady(false)
            try await gateway.wait(for: upstream, toBe: "unready")
            #expect(try await gateway.ask(Text.get()).text == "one")
            #expect(try await gateway.admin("/readyz").status == 503)
        }
    }

    @Test("the events of a replica say what happened to it, when and why, newest last")
    func events() async throws {
        try await onStage { stage in
            let replica = Replica("one")
            let upstream = try await stage.upstream(replica)
            let other = try await stage.upstream(Replica("two"))
            let gateway = try await stage.gateway(
                to: upstream, other,
                keys: "readiness: { path: /ready, interval: 50ms, timeout: 5s, rise: 1, fall: 1 }")
            replica.setReady(false)
            try await gateway.wait(for: upstream, toBe: "unready")
            try await gateway.drain(upstream)
            replica.setReady(true)
            try await gateway.undrain(upstream)
            try await gateway.wait(for: upstream, toBe: "ready")
            let events = try #require(try await gateway.endpoint(upstream)?.events)
            #expect(events.last?.state == "ready")
            #expect(events.map(\.state).contains("drained"))
            let unready = events.first { $0.state == "unready" }
            #expect(unready?.reason.contains("/ready answered 503") == true)
            #expect(events.map(\.at) == events.map(\.at).sorted())
            // The list of all services stays short.
            #expect(try await !gateway.admin("/api/v1/services").text.contains("\"events\""))
            #expect(try await gateway.admin("/api/v1/services/nobody/endpoints").status == 404)
        }
    }
}
