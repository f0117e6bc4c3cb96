import Foundation
import Testing
import UsherTestKit

/// What is written down of logins and of requests, and who made them.
@Suite("Logins in the logs", .timeLimit(.minutes(2)))
struct AuditLiveTests {
    /// Lines of an audit log, as `event` and the values of some members; the time left aside.
    private static func audit(_ stage: Stage) throws -> [[String: String]] {
        let text = try String(contentsOfFile: stage.folder + "/audit.log", encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            return object.filter { $0.key != "time" }.compactMapValues { $0 as? String }
        }
    }

    /// Waits for the lines of an event; the log is written a moment after what it tells of.
    private static func wait(_ stage: Stage, for event: String, count: Int) async throws -> [[String: String]] {
        let end = ContinuousClock.now + RawConnection.limit
        while ContinuousClock.now < end {
            let found = try Self.audit(stage).filter { $0["event"] == event }
            if found.count >= count { return found }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestKitError.timedOut("\(count) lines of \(event): \(try Self.audit(stage))")
    }

    private static func log(_ stage: Stage) -> String {
        "workers: 2\nlog: { access: \(stage.folder)/access-0.log, audit: \(stage.folder)/audit.log, level: error }"
    }

    @Test("a credential has one login line however often and wherever it is used, and each wrong one has its own")
    func logins() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            try stage.write("users.yaml", CallerPassword.ann.line)
            try stage.write("secret", "a secret of more than thirty-two bytes")
            let gateway = try await stage.gateway(
                identities: """
                    { classes: [gold], keys: { file: keys.yaml }, basic: { file: users.yaml },
                      jwt: { secret: { file: secret } } }
                    """, more: Self.log(stage))
            let token = try await TokenIssuer.hs256("a secret of more than thirty-two bytes")
                .field(TokenIssuer.claims("bob"))
            // A request that is refused logs nobody in, whatever else it shows.
            #expect(try await gateway.status(key.field + key.field) == 401)
            for _ in 1...8 {
                for field in [key.field, CallerPassword.ann.field, token, ""] {
                    #expect(try await gateway.status(field) == 200)
                }
            }
            #expect(try await gateway.status("X-API-Key: wrong\r\n") == 401)
            #expect(try await gateway.status(TokenIssuer.field("a.b.c")) == 401)
            #expect(try await gateway.status(CallerPassword.field("ann", "secret-guess")) == 401)
            try await gateway.stop()
            let lines = try Self.audit(stage)
            let client = "127.0.0.1"
            #expect(
                lines == [
                    [
                        "event": "login-failed", "method": "key", "why": "the credential cannot be read",
                        "client": client,
                    ],
                    ["event": "login", "method": "key", "identity": "acme", "class": "gold", "client": client],
                    [
                        "event": "login", "method": "basic", "identity": "ann", "class": "authenticated",
                        "client": client,
                    ],
                    ["event": "login", "method": "jwt", "identity": "bob", "class": "authenticated", "client": client],
                    ["event": "login-failed", "method": "key", "why": "the API key is not known", "client": client],
                    ["event": "login-failed", "method": "jwt", "why": "the token is malformed", "client": client],
                    [
                        "event": "login-failed", "method": "basic",
                        "why": "name and password do not fit together", "client": client,
                    ],
                ])
            let text = try String(contentsOfFile: stage.folder + "/audit.log", encoding: .utf8)
            let access = try String(contentsOfFile: stage.folder + "/access-0.log", encoding: .utf8)
            for secret in [key.text, CallerPassword.ann.password, "secret-guess", String(token.dropFirst(30))] {
                #expect(!text.contains(secret) && !access.contains(secret))
            }
        }
    }

    @Test("added, removed and changed keys and users have a line each; what is there at the start has none")
    func changes() async throws {
        try await onStage { stage in
            let (stays, goes, comes) = (CallerKey("stays"), CallerKey("goes"), CallerKey("comes", "gold"))
            let (ann, bob) = (CallerPassword.ann, CallerPassword.bob)
            try stage.write("keys.yaml", [stays, goes])
            try stage.write("users.yaml", ann.line)
            let gateway = try await stage.gateway(
                identities: "{ classes: [gold], keys: { file: keys.yaml }, basic: { file: users.yaml } }",
                more: Self.log(stage))
            #expect(try await gateway.status(stays.field) == 200)
            _ = try await Self.wait(stage, for: "login", count: 1)
            #expect(try Self.audit(stage).count == 1)

            try stage.write("keys.yaml", stays.line.replacing("authenticated", with: "gold") + comes.line)
            #expect(
                try await Self.wait(stage, for: "key-added", count: 1)
                    == [["event": "key-added", "identity": "comes", "class": "gold"]])
            #expect(
                try await Self.wait(stage, for: "key-removed", count: 1)
                    == [["event": "key-removed", "identity": "goes", "class": "authenticated"]])
            #expect(
                try await Self.wait(stage, for: "key-changed", count: 1)
                    == [["event": "key-changed", "identity": "stays", "class": "gold"]])

            let other = CallerPassword(name: "ann", password: bob.password, hash: bob.hash)
            try stage.write("users.yaml", other.line + bob.line)
            #expect(
                try await Self.wait(stage, for: "user-added", count: 1)
                    == [["event": "user-added", "identity": "bob", "class": "gold"]])
            #expect(
                try await Self.wait(stage, for: "user-changed", count: 1)
                    == [["event": "user-changed", "identity": "ann", "class": "authenticated"]])
            try stage.write("users.yaml", bob.line)
            #expect(
                try await Self.wait(stage, for: "user-removed", count: 1)
                    == [["event": "user-removed", "identity": "ann", "class": "authenticated"]])

            try await gateway.stop()
            #expect(try Self.audit(stage).count == 7)
        }
    }

    @Test("the access log says who asked, of what class, and what the quota said and has left")
    func accessLog() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(
                identities: "{ classes: [gold], keys: { file: keys.yaml } }",
                routes: """

                    - { match: { path: /gold }, require: gold, service: web }
                    - { match: { path: /dry }, quota: dry, respond: { status: 200 } }
                    - { match: { path: /free }, respond: { status: 200 } }
                    - { quota: public, service: web }
                    """,
                more: """
                    quotas:
                      public: { anonymous: 2/h, gold: 100/h }
                      dry: { anonymous: 1/h, dry-run: true }
                    """)
            for (target, field) in [
                ("/", ""), ("/", ""), ("/", ""), ("/", key.field), ("/gold", key.field), ("/gold", ""),
                ("/", "X-API-Key: wrong\r\n"), ("/dry", ""), ("/dry", ""), ("/free", ""),
            ] {
                _ = try await gateway.ask(Text.get(target, field))
            }
            try await gateway.stop()
            let lines = try gateway.accessLog().map { line in
                ["status", "identity", "class", "quota", "quota-outcome", "quota-left", "why"].map { name in
                    line[name].map { "\($0)" } ?? "-"
                }.joined(separator: " ")
            }
            #expect(
                lines == [
                    "200 - anonymous public allowed 1 -", "200 - anonymous public allowed 0 -",
                    "429 - anonymous public refused 0 the quota is used up", "200 acme gold public allowed 99 -",
                    "200 acme gold - - - -", "401 - anonymous - - - say who you are",
                    "401 - - - - - the API key is not known", "200 - anonymous dry allowed 0 -",
                    "200 - anonymous dry dry-run 0 -", "200 - anonymous - - - -",
                ])
        }
    }
}
