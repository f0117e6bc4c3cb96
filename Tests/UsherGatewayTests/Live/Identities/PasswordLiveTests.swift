import Foundation
import Testing
import UsherTestKit

/// Callers with names and passwords.
@Suite("Passwords of requests", .timeLimit(.minutes(2)))
struct PasswordLiveTests {
    private static func gateway(
        _ stage: Stage, routes: String? = nil, more: String = ""
    ) async throws -> RunningGateway {
        try stage.write("users.yaml", CallerPassword.ann.line + CallerPassword.bob.line)
        return try await stage.gateway(
            identities: "{ classes: [gold], basic: { file: users.yaml } }", routes: routes, more: more)
    }

    @Test("a name with its password is believed, and the service learns who it is")
    func believed() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage)
            for _ in 1...2 {
                let ann = try await gateway.ask(Text.get("/", CallerPassword.ann.field))
                #expect(ann.text == "Usher-Identity: ann\nUsher-Class: authenticated\n")
                let scheme = CallerPassword.bob.field.replacing("Basic ", with: "bAsIc   ")
                let bob = try await gateway.ask(Text.get("/", scheme))
                #expect(bob.text == "Usher-Identity: bob\nUsher-Class: gold\n")
            }
            #expect(try await gateway.ask(Text.get()).text == "Usher-Class: anonymous\n")
        }
    }

    @Test("a wrong password, an unknown name and what is no such pair are refused with 401 and the scheme")
    func refused() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage)
            let ann = CallerPassword.ann
            let fields = [
                CallerPassword.field("ann", "wrong"), CallerPassword.field("nobody", ann.password),
                CallerPassword.field("ANN", ann.password), CallerPassword.field("ann", ""),
                CallerPassword.field("ann", ann.password + " "), CallerPassword.field("", ann.password),
                "Authorization: Basic \(Data("ann".utf8).base64EncodedString())\r\n",
                "Authorization: Basic\r\n", "Authorization: Basic !!!\r\n", "Authorization: Basic YW5u=\r\n",
                "Authorization: Basic YW5uOg\r\n",
                "Authorization: Basic \(String(repeating: "QUFB", count: 1000))\r\n", ann.field + ann.field,
                "Authorization: Basic \(Data("ann:a\u{1}b".utf8).base64EncodedString())\r\n",
            ]
            for field in fields {
                let answer = try await gateway.ask(Text.get("/", field))
                #expect(answer.status == 401, "\(field)")
                #expect(answer.value("WWW-Authenticate") == "Basic realm=\"usher\", charset=\"UTF-8\"")
            }
        }
    }

    @Test("what other schemes say is the service's own business")
    func otherSchemes() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage)
            for field in ["Authorization: Bearer abc\r\n", "Authorization: Digest username=\"ann\"\r\n"] {
                let answer = try await gateway.ask(Text.get("/", field))
                #expect(answer.status == 200 && answer.text == "Usher-Class: anonymous\n")
            }
        }
    }

    @Test("a page's worth of requests at once with the right password are all let in, also the first time")
    func manyAtOnce() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(
                stage, routes: "[{ require: authenticated, respond: { status: 200 } }]", more: "workers: 2")
            let field = ("authorization", CallerPassword.ann.value)
            var pages = try await (0..<2).asyncMap { _ in try await HTTP2Talk(stage.client(gateway)) }
            for index in pages.indices {
                for _ in 0..<80 { _ = try await pages[index].send("/", [field]) }
            }
            var statuses: [Int: Int] = [:]
            for index in pages.indices {
                for number in 0..<80 {
                    statuses[try await pages[index].answer(to: UInt32(2 * number + 1)).status, default: 0] += 1
                }
            }
            #expect(statuses == [200: 160])
        }
    }

    @Test("wrong passwords that come at once are no more guesses than those that come one by one")
    func guessesAtOnce() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage, more: "workers: 2")
            var talks = try await (0..<3).asyncMap { _ in try await HTTP2Talk(stage.client(gateway)) }
            let start = ContinuousClock.now
            for index in talks.indices {
                for number in 0..<20 {
                    let guess = CallerPassword.value("ann", "guess-\(index)-\(number)")
                    _ = try await talks[index].send("/", [("authorization", guess)])
                }
            }
            var statuses: [Int: Int] = [:]
            for index in talks.indices {
                for number in 0..<20 {
                    statuses[try await talks[index].answer(to: UInt32(2 * number + 1)).status, default: 0] += 1
                }
            }
            let back = Int((ContinuousClock.now - start) / .seconds(6)) + 1
            #expect((10...(10 + back)).contains(statuses[401, default: 0]), "\(statuses)")
            // The others are too many, or too many at once.
            #expect(Set(statuses.keys).isSubset(of: [401, 429, 503]), "\(statuses)")
        }
    }

    @Test("who asks for an explanation may guess no more passwords than anybody else")
    func explained() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage)
            let right = ["Authorization: " + CallerPassword.ann.value]
            let wrong = ["Authorization: " + CallerPassword.value("ann", "wrong")]
            #expect(try await gateway.explain("http://a.example/", right).identity == "ann")
            for _ in 1...10 {
                #expect(try await gateway.explain("http://a.example/", wrong).status == 401)
            }
            #expect(try await gateway.explain("http://a.example/", right).status == 429)
        }
    }

    @Test("after ten wrong passwords a client is told to wait, while others log in, and who was in stays in")
    func guesses() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(
                stage, more: "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]")
            func client(_ address: String, _ field: String) async throws -> ReceivedMessage {
                try await gateway.ask(Text.get("/", "X-Forwarded-For: \(address)\r\n" + field))
            }
            let (ann, bob) = (CallerPassword.ann, CallerPassword.bob)
            #expect(try await client("192.0.2.7", ann.field).status == 200)
            // As many as come back while the ten are counted, one every six seconds, may be added.
            let start = ContinuousClock.now
            var statuses: [Int] = []
            for number in 1...30 {
                statuses.append(try await client("192.0.2.7", CallerPassword.field("ann", "wrong\(number)")).status)
            }
            let back = Int((ContinuousClock.now - start) / .seconds(6)) + 1
            let wrong = statuses.count { $0 == 401 }
            #expect((10...(10 + back)).contains(wrong), "\(statuses)")
            #expect(statuses.prefix(10).allSatisfy { $0 == 401 })
            #expect(statuses.count { $0 == 429 } == 30 - wrong, "\(statuses)")
            // The right password of somebody else does not help, as long as a wrong one does not before and after it.
            var late: ReceivedMessage?
            for number in 31...40 where late == nil {
                let before = try await client("192.0.2.7", CallerPassword.field("ann", "wrong\(2 * number)"))
                let between = try await client("192.0.2.7", bob.field)
                let after = try await client("192.0.2.7", CallerPassword.field("ann", "wrong\(2 * number + 1)"))
                if before.status == 429 && after.status == 429 { late = between }
            }
            #expect(late?.status == 429 && late?.value("Retry-After") == "6")
            #expect(try await client("192.0.2.7", ann.field).status == 200)
            #expect(try await client("192.0.2.8", bob.field).text.hasPrefix("Usher-Identity: bob\n"))
            #expect(try await client("192.0.2.8", CallerPassword.field("ann", "wrong")).status == 401)
        }
    }
}
