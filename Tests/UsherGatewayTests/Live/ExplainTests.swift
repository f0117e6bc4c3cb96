import Testing
import UsherTestKit

@Suite("Explaining which replica a request would get", .timeLimit(.minutes(1)))
struct ExplainTests {
    @Test(
        "one replica is chosen and the others could be, whatever the policy",
        arguments: ["round-robin", "random", "least-requests", "latency"])
    func policies(policy: String) async throws {
        try await onStage { stage in
            let upstreams = (
                try await stage.upstream(Replica("one")), try await stage.upstream(Replica("two")),
                try await stage.upstream(Replica("three"))
            )
            let gateway = try await stage.gateway(
                to: upstreams.0, upstreams.1, upstreams.2, keys: "balance: \(policy)")
            let explained = try await gateway.explain()
            #expect(explained.action == "service")
            #expect(explained.endpoints.map(\.verdict).sorted() == ["chosen", "not chosen", "not chosen"])
            let chosen = explained.endpoints.first { $0.verdict == "chosen" }
            #expect(chosen?.address == explained.replica)
            #expect(chosen?.why.hasPrefix("\(policy); 0 in flight") == true)
            #expect(explained.endpoints.filter { $0.verdict != "chosen" }.allSatisfy { $0.why.hasPrefix("ready; ") })
            #expect(explained.session == nil)
            #expect([upstreams.0, upstreams.1, upstreams.2].allSatisfy { $0.received.isEmpty })
        }
    }

    @Test("explaining takes no replica's turn")
    func noTurn() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let gateway = try await stage.gateway(
                to: try await stage.upstream(one), try await stage.upstream(two), keys: "balance: round-robin")
            for _ in 1...6 {
                _ = try await gateway.ask(Text.get())
                _ = try await gateway.explain()
            }
            #expect(one.targets.count == 3 && two.targets.count == 3)
        }
    }

    @Test("what each replica is out for is said")
    func conditions() async throws {
        try await onStage { stage in
            let replicas = ["ready", "drained", "ejected", "paused"].map(Replica.init)
            var upstreams: [ScriptedUpstream] = []
            for replica in replicas { upstreams.append(try await stage.upstream(replica)) }
            let path = stage.folder + "/replica.sock"
            let unreachable = try await stage.upstream(at: .unix(path: path)) { try await Replica("x").serve($0) }
            let backup = try await stage.upstream(Replica("backup"))
            let addresses = (upstreams + [unreachable]).map { "\"\($0.address)\"" }.joined(separator: ", ")
            let gateway = try await stage.gateway(
                """
                services:
                  web:
                    replicas: [\(addresses), { address: "\(backup.address)", backup: true }]
                    balance: round-robin
                    retries: { attempts: 1 }
                    ejection: { failures: 1, for: 60s }
                """)
            await unreachable.stop()
            replicas[2].answers("502 Bad")
            replicas[3].answers("503 Busy", "Retry-After: 30\r\n")
            try await gateway.drain(upstreams[1])
            let states = ["ready", "drained", "ejected", "paused", "unreachable", "ready"]
            for _ in 1...12 { _ = try await gateway.ask(Text.get()) }
            for (upstream, state) in zip(upstreams + [unreachable, backup], states) {
                try await gateway.wait(for: upstream, toBe: state)
            }
            let explained = try await gateway.explain()
            #expect(explained.replica == "\(upstreams[0].address)")
            #expect(explained.verdict(on: upstreams[0]) == "chosen")
            for (upstream, state) in zip(upstreams + [unreachable], states).dropFirst() {
                #expect(explained.verdict(on: upstream) == "out")
                #expect(explained.why(upstream)?.hasPrefix(state) == true, "\(explained.why(upstream) ?? "")")
            }
            #expect(explained.verdict(on: backup) == "not chosen")
            #expect(explained.why(backup)?.contains("backup") == true)
        }
    }

    @Test("without a replica that may be picked it is a refusal with 503")
    func nobody() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("one"))
            let gateway = try await stage.gateway(to: upstream)
            try await gateway.drain(upstream)
            let explained = try await gateway.explain()
            #expect(explained.action == "refuse" && explained.status == 503 && explained.replica == nil)
            #expect(explained.why(upstream) == "drained by an operator")
        }
    }

    @Test("a hashed session's replica is the one that its requests get")
    func hash() async throws {
        try await onStage { stage in
            let upstreams = (
                try await stage.upstream(Replica("one")), try await stage.upstream(Replica("two")),
                try await stage.upstream(Replica("three"))
            )
            let gateway = try await stage.gateway(
                to: upstreams.0, upstreams.1, upstreams.2, keys: "session: { hash: [\"{header.x-user}\"] }")
            var chosen: Set<String> = []
            for user in 0..<12 {
                let explained = try await gateway.explain("http://a.example/", ["X-User: \(user)"])
                let replica = try #require(explained.replica)
                chosen.insert(replica)
                #expect(explained.session?.hasPrefix("hash ") == true)
                #expect(explained.endpoints.first { $0.verdict == "chosen" }?.why == "the session belongs there")
                let others = explained.endpoints.filter { $0.verdict != "chosen" }
                #expect(others.allSatisfy { $0.why == "the session belongs to another replica" })
                let count = try await gateway.endpoints().first { $0.address == replica }?.requests
                _ = try await gateway.ask(Text.get("/", "X-User: \(user)\r\n"))
                #expect(try await gateway.endpoints().first { $0.address == replica }?.requests == (count ?? 0) + 1)
            }
            #expect(chosen.count > 1)
            #expect(try await gateway.explain().session == nil)
        }
    }

    @Test("a cookie's session is known, moved when its replica is out, new without a cookie, and refused when forged")
    func cookie() async throws {
        try await onStage { stage in
            let (first, second) = (try await stage.upstream(Replica("one")), try await stage.upstream(Replica("two")))
            let gateway = try await stage.gateway(to: first, second, keys: "session: { cookie: sid }")
            let answer = try await gateway.ask(Text.get())
            let cookie = try #require(answer.value("set-cookie")).prefix { $0 != ";" }
            let (own, other) = answer.text == "one" ? (first, second) : (second, first)
            let known = try await gateway.explain("http://a.example/", ["Cookie: \(cookie)"])
            #expect(known.replica == "\(own.address)")
            #expect(known.session == "known, with a replica of its own")
            #expect(known.why(own) == "the session belongs there")
            #expect(try await gateway.explain().session == "a new one begins")
            let forged = try await gateway.explain("http://a.example/", ["Cookie: \(cookie)x"])
            #expect(forged.session?.contains("refused as malformed") == true)
            try await gateway.drain(own)
            let moved = try await gateway.explain("http://a.example/", ["Cookie: \(cookie)"])
            #expect(moved.replica == "\(other.address)")
            #expect(moved.why(other) == "the session's own replica cannot take it; this is its next")
            #expect(moved.why(own) == "drained by an operator")
        }
    }

    @Test("a followed session is known after its first request")
    func follow() async throws {
        try await onStage { stage in
            let (first, second) = (try await stage.upstream(Replica("one")), try await stage.upstream(Replica("two")))
            let gateway = try await stage.gateway(to: first, second, keys: "session: { follow: \"{cookie.SID}\" }")
            let before = try await gateway.explain("http://a.example/", ["Cookie: SID=a"])
            #expect(before.session == "not seen before on this gateway")
            let answer = try await gateway.ask(Text.get("/", "Cookie: SID=a\r\n"))
            let after = try await gateway.explain("http://a.example/", ["Cookie: SID=a"])
            #expect(after.session == "known, with a replica of its own")
            #expect(after.replica == "\((answer.text == "one" ? first : second).address)")
        }
    }

    @Test("a panic is said")
    func panic() async throws {
        try await onStage { stage in
            let replica = Replica("one")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(
                to: upstream, keys: "readiness: { path: /ready, interval: 50ms, timeout: 5s, rise: 1, fall: 1 }")
            replica.setReady(false)
            try await gateway.wait(for: upstream, toBe: "unready")
            #expect(try await gateway.explain().verdict(on: upstream) == "chosen")
            let answer = try await gateway.admin("/api/v1/explain?url=http%3A%2F%2Fa%2F")
            #expect(answer.text.contains("too few are ready, so all that once were are used"))
        }
    }
}
