import Foundation
import Testing
import UsherTestKit

/// Callers with signed tokens whose keys lie in a file.
@Suite("Tokens of requests", .timeLimit(.minutes(2)))
struct TokenLiveTests {
    private typealias Issuer = TokenIssuer
    private static let secret = "a secret of more than thirty-two bytes"

    @Test("tokens that are signed with a key of the set are believed, whatever the kind of key")
    func believed() async throws {
        try await onStage { stage in
            let issuers = [
                Issuer.es256("e"), Issuer.edDSA("d"), try await Issuer.rs256("r", in: stage.folder),
            ]
            try stage.write("jwks.json", try await Issuer.keySet(issuers[0], issuers[1], issuers[2]))
            let gateway = try await stage.gateway(identities: "{ jwt: { jwks: jwks.json } }")
            for issuer in issuers {
                // From the second time on its verdict is known.
                let field = try await issuer.field(Issuer.claims(issuer.identifier))
                for _ in 1...2 {
                    let answer = try await gateway.ask(Text.get("/", field))
                    #expect(answer.status == 200)
                    #expect(answer.text == "Usher-Identity: \(issuer.identifier)\nUsher-Class: authenticated\n")
                }
                let lower = field.replacing("Bearer", with: "bEARER ")
                #expect(try await gateway.status(lower) == 200)
            }
            #expect(try await gateway.ask(Text.get()).text == "Usher-Class: anonymous\n")
        }
    }

    @Test("a shared secret verifies HS256, and the file may end as editors end files")
    func sharedSecret() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret + "\n")
            let gateway = try await stage.gateway(identities: "{ jwt: { secret: { file: secret } } }")
            let answer = try await gateway.ask(
                Text.get("/", try await Issuer.hs256(Self.secret).field(Issuer.claims("ann"))))
            #expect(answer.text == "Usher-Identity: ann\nUsher-Class: authenticated\n")
            let other = try await Issuer.hs256(Self.secret + "!").field(Issuer.claims("ann"))
            #expect(try await gateway.status(other) == 401)
        }
    }

    @Test("what is wrong with a token is told with its 401, each time it comes, and the service sees none of it")
    func refused() async throws {
        try await onStage { stage in
            let (issuer, stranger) = (Issuer.es256("e"), Issuer.es256("e"))
            try stage.write("jwks.json", try await Issuer.keySet(issuer))
            let rules = "issuer: https://id.test, audience: api, clock-skew: 0s, algorithms: [ES256]"
            let gateway = try await stage.gateway(identities: "{ jwt: { jwks: jwks.json, \(rules) } }")
            let good = "\"iss\":\"https://id.test\",\"aud\":\"api\""
            func claims(_ seconds: Double = 3600, _ more: String = good) -> String {
                Issuer.claims("ann", expiresIn: seconds, more)
            }
            let token = try await issuer.token(claims())
            #expect(try await gateway.status(Issuer.field(token)) == 200)
            let parts = token.split(separator: ".").map(String.init)
            let later = Int(Date.now.timeIntervalSince1970) + 1800
            let padding = "\"padding\":\"\(String(repeating: "x", count: 6200))\""
            let secret = Issuer.hs256(Self.secret)
            let bad: [(token: String, why: String)] = [
                (String(token.dropLast()), "malformed"), (parts[0] + "." + parts[1], "malformed"),
                (parts[0] + "." + parts[1] + ".", "malformed"), ("abc", "malformed"), ("..", "malformed"),
                ("", "malformed"),
                (String(token.dropLast(2)), "signature"), (parts[0] + ".e30." + parts[2], "signature"),
                (Issuer.encode("{\"alg\":\"none\"}".utf8) + "." + parts[1] + ".", "malformed"),
                (Issuer.encode("{\"alg\":\"none\"}".utf8) + "." + parts[1] + "." + parts[2], "not accepted"),
                (Issuer.encode("{\"alg\":\"None\"}".utf8) + "." + parts[1] + ".AA", "not accepted"),
                // The public key as a secret is the oldest trick.
                (try await secret.token(claims(), header: "{\"alg\":\"HS256\",\"kid\":\"e\"}"), "not accepted"),
                (try await issuer.token(claims(), header: "{\"alg\":\"RS256\",\"kid\":\"e\"}"), "not accepted"),
                (try await issuer.token(claims(), header: "{\"alg\":\"ES256\",\"kid\":\"f\"}"), "unknown key"),
                (try await stranger.token(claims()), "signature"),
                (try await issuer.token(claims(-1)), "expired"),
                (try await issuer.token("{\"sub\":\"ann\"}"), "no expiry"),
                (try await issuer.token(claims(3600, good + ",\"nbf\":\(later)")), "not valid yet"),
                (try await issuer.token(claims(3600, good + ",\"iat\":\(later)")), "in the future"),
                (try await issuer.token(claims(3600, "\"iss\":\"https://id.test.\",\"aud\":\"api\"")), "issuer"),
                (try await issuer.token(claims(3600, "\"iss\":\"https://id.test\",\"aud\":\"web\"")), "audience"),
                (try await issuer.token(claims(3600, good + "," + padding)), "8 KiB"),
            ]
            for (token, why) in bad {
                for _ in 1...2 {
                    let answer = try await gateway.ask(Text.get("/", Issuer.field(token)))
                    let challenge = answer.value("WWW-Authenticate") ?? ""
                    #expect(answer.status == 401 && answer.text.contains(why), "\(why): \(answer.text)")
                    #expect(challenge.hasPrefix("Bearer realm=\"usher\", error=\"invalid_token\", "), "\(challenge)")
                    #expect(challenge.contains(why), "\(challenge)")
                }
            }
        }
    }

    @Test("a token just below the limit of 8 KiB is believed, also in HTTP/2 and beside other large fields")
    func large() async throws {
        try await onStage { stage in
            let issuer = Issuer.es256("e")
            try stage.write("jwks.json", try await Issuer.keySet(issuer))
            let gateway = try await stage.gateway(
                identities: "{ jwt: { jwks: jwks.json } }", more: "limits: { head: 32KiB }")
            var size = 6100
            var token = ""
            repeat {
                size -= 3
                let padding = String(repeating: "x", count: size)
                token = try await issuer.token(Issuer.claims("ann", "\"padding\":\"\(padding)\""))
            } while token.utf8.count > 8192
            #expect(token.utf8.count > 8185)
            let field = TokenIssuer.field(token) + "X-Large: \(String(repeating: "y", count: 8000))\r\n"
            #expect(try await gateway.ask(Text.get("/", field)).text.hasPrefix("Usher-Identity: ann\n"))
            var client = try await HTTP2Talk(stage.client(gateway))
            let answer = try await client.ask("/", [("authorization", "Bearer \(token)")])
            #expect(answer.text.hasPrefix("Usher-Identity: ann\n"))
        }
    }

    @Test("hundreds of requests at once with a token that nobody has seen yet are all let in")
    func manyAtOnce() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret)
            let gateway = try await stage.gateway(
                identities: "{ jwt: { secret: { file: secret } } }",
                routes: "[{ require: authenticated, respond: { status: 200 } }]", more: "workers: 2")
            let token = try await Issuer.hs256(Self.secret).token(Issuer.claims("ann"))
            var talks = try await (0..<4).asyncMap { _ in try await HTTP2Talk(stage.client(gateway)) }
            for index in talks.indices {
                for _ in 0..<80 { _ = try await talks[index].send("/", [("authorization", "Bearer \(token)")]) }
            }
            var statuses: [Int: Int] = [:]
            for index in talks.indices {
                for number in 0..<80 {
                    statuses[try await talks[index].answer(to: UInt32(2 * number + 1)).status, default: 0] += 1
                }
            }
            #expect(statuses == [200: 320])
        }
    }

    @Test("a client that sends wrong tokens without end is told to wait, while others log in, and who was in stays in")
    func wrongTokens() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret)
            let gateway = try await stage.gateway(
                identities: "{ jwt: { secret: { file: secret } } }",
                more: "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]")
            let client = try await stage.client(gateway)
            func status(_ address: String, _ field: String) async throws -> Int {
                try await client.ask(Text.get("/", "X-Forwarded-For: \(address)\r\n" + field)).status
            }
            let issuer = Issuer.hs256(Self.secret)
            let known = try await issuer.field(Issuer.claims("ann"))
            #expect(try await status("192.0.2.7", known) == 200)
            let start = ContinuousClock.now
            var statuses: [Int] = []
            for number in 1...400 {
                statuses.append(try await status("192.0.2.7", known.replacing("\r\n", with: "\(number)\r\n")))
            }
            let back = Int((ContinuousClock.now - start) / .milliseconds(100)) + 1
            let wrong = statuses.count { $0 == 401 }
            #expect((100...(100 + back)).contains(wrong) && statuses.count { $0 == 429 } == 400 - wrong)
            #expect(try await status("192.0.2.7", known) == 200)
            #expect(try await status("192.0.2.8", try await issuer.field(Issuer.claims("bob"))) == 200)
        }
    }

    @Test("without a valid token the challenge has no error: nothing is wrong with what is not there")
    func challenge() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret)
            let gateway = try await stage.gateway(
                identities: "{ jwt: { secret: { file: secret } } }",
                routes: "[{ require: authenticated, service: web }]")
            let answer = try await gateway.ask(Text.get())
            #expect(answer.status == 401 && answer.value("WWW-Authenticate") == "Bearer realm=\"usher\"")
        }
    }

    @Test("a claim gives the class; what is no class, or missing, is authenticated, and never anonymous")
    func classes() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret)
            let issuer = Issuer.hs256(Self.secret)
            let gateway = try await stage.gateway(
                identities: """
                    { classes: [gold, silver-2],
                      jwt: { secret: { file: secret }, class: "{claim.realm.plan}{claim.n}" } }
                    """)
            for (plan, number, expected) in [
                ("gold", "", "gold"), ("silver-", ",\"n\":2", "silver-2"), ("GOLD", "", "authenticated"),
                ("anonymous", "", "authenticated"), ("", "", "authenticated"), ("gold ", "", "authenticated"),
            ] {
                let field = try await issuer.field(Issuer.claims("ann", "\"realm\":{\"plan\":\"\(plan)\"}\(number)"))
                let answer = try await gateway.ask(Text.get("/", field))
                #expect(answer.text == "Usher-Identity: ann\nUsher-Class: \(expected)\n", "\(plan)")
            }
        }
    }

    @Test("an expired token is refused although it was believed before, to the second")
    func expiry() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret)
            let gateway = try await stage.gateway(
                identities: "{ jwt: { secret: { file: secret }, clock-skew: 0s } }")
            let claims = Issuer.claims("ann", expiresIn: 3)
            let field = try await Issuer.hs256(Self.secret).field(claims)
            #expect(try await gateway.status(field) == 200)
            let taken = try await gateway.wait(until: 401, field)
            #expect(taken < .seconds(5))
            #expect(try await gateway.ask(Text.get("/", field)).text.contains("expired"))
        }
    }
}
