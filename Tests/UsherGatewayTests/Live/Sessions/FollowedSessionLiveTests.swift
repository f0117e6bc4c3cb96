import Testing
import UsherTestKit

@Suite("Sessions that the application names", .timeLimit(.minutes(1)))
struct FollowedSessionLiveTests {
    private static func play(
        _ session: String, _ body: (RunningGateway, [(Replica, ScriptedUpstream)]) async throws -> Void
    ) async throws {
        try await onStage { stage in
            var replicas: [(Replica, ScriptedUpstream)] = []
            for name in ["one", "two", "three"] {
                let replica = Replica(name)
                replicas.append((replica, try await stage.upstream(replica)))
            }
            let gateway = try await stage.gateway(
                """
                services:
                  web:
                    replicas: \(list(replicas[0].1, replicas[1].1, replicas[2].1))
                    balance: round-robin
                    session: { follow: "\(session)" }
                """)
            try await body(gateway, replicas)
        }
    }

    @Test("a cookie that a replica sets brings its client back to it, and Usher sets none of its own")
    func setCookie() async throws {
        try await Self.play("{cookie.SID}") { gateway, replicas in
            for (replica, _) in replicas {
                replica.answers("200 OK", "Set-Cookie: lang=en\r\nSet-Cookie: SID=of-\(replica.name); HttpOnly\r\n")
            }
            var names: Set<String> = []
            for _ in 1...3 {
                let first = try await gateway.ask(Text.get())
                #expect(first.values("set-cookie") == ["lang=en", "SID=of-\(first.text); HttpOnly"])
                names.insert(first.text)
                for _ in 1...4 {
                    let next = try await gateway.ask(Text.get("/", "Cookie: lang=en; SID=of-\(first.text)\r\n"))
                    #expect(next.text == first.text)
                }
            }
            #expect(names.count == 3)
        }
    }

    @Test("a header that the client sends keeps it at the replica that it reached first")
    func header() async throws {
        try await Self.play("{header.x-session}") { gateway, replicas in
            // So many that a replica which gets none by chance does not happen.
            for number in 0..<60 {
                let request = Text.get("/", "X-Session: s\(number)\r\n")
                let first = try await gateway.ask(request).text
                for _ in 1...3 { #expect(try await gateway.ask(request).text == first) }
            }
            #expect(replicas.allSatisfy { !$0.0.targets.isEmpty })
        }
    }

    @Test("a header that a replica answers with brings its client back to it")
    func answerHeader() async throws {
        try await Self.play("{header.x-session}") { gateway, replicas in
            for (replica, _) in replicas { replica.answers("200 OK", "X-Session: of-\(replica.name)\r\n") }
            for _ in 1...3 {
                let first = try await gateway.ask(Text.get())
                let name = try #require(first.value("x-session"))
                for _ in 1...4 {
                    #expect(try await gateway.ask(Text.get("/", "X-Session: \(name)\r\n")).text == first.text)
                }
            }
        }
    }

    @Test("a session whose replica is drained moves for good, and the new replica is told once")
    func moved() async throws {
        try await Self.play("{cookie.SID}") { gateway, replicas in
            let request = Text.get("/", "Cookie: SID=abc\r\n")
            let first = try await gateway.ask(request).text
            let old = try #require(replicas.first { $0.0.name == first })
            try await gateway.drain(old.1)
            let second = try await gateway.ask(request).text
            #expect(second != first)
            let new = try #require(replicas.first { $0.0.name == second })
            #expect(new.0.requests.entries.last?.value("usher-session") == "moved")
            #expect(try await gateway.ask(request).text == second)
            #expect(new.0.requests.entries.last?.values("usher-session").isEmpty == true)
            try await gateway.undrain(old.1)
            #expect(try await gateway.ask(request).text == second)
        }
    }

    @Test("what was learned outlives a reload that leaves the session as it is")
    func reload() async throws {
        try await Self.play("{cookie.SID}") { gateway, replicas in
            for (replica, _) in replicas { replica.answers("200 OK", "Set-Cookie: SID=of-\(replica.name)\r\n") }
            var names: [String] = []
            for _ in 1...3 { names.append(try await gateway.ask(Text.get()).text) }
            let reloaded = try await gateway.reload(
                """
                services:
                  web:
                    replicas: \(list(replicas[2].1, replicas[0].1, replicas[1].1))
                    balance: random
                    session: { follow: "{cookie.SID}" }
                """)
            #expect(reloaded.outcome == "applied")
            for name in names {
                for _ in 1...3 {
                    #expect(try await gateway.ask(Text.get("/", "Cookie: SID=of-\(name)\r\n")).text == name)
                }
            }
        }
    }
}
