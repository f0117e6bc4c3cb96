import Foundation
import Testing
import UsherTestKit

/// Who used what, as the API tells it, and what a request would find.
@Suite("Reports on quotas", .timeLimit(.minutes(2)))
struct QuotaReportTests {
    private struct List: Decodable {
        struct Quota: Decodable {
            struct Total: Decodable, Equatable {
                var `class`: String
                var allowed: Int
                var refused: Int
            }

            struct Caller: Decodable {
                enum CodingKeys: String, CodingKey {
                    case caller, requests, refused, error
                    case callerClass = "class"
                    case firstSeen = "first-seen"
                    case lastSeen = "last-seen"
                }

                var caller: String
                var callerClass: String
                var requests: Int
                var refused: Int
                var error: Int
                var firstSeen: String
                var lastSeen: String

                var text: String { "\(self.caller) \(self.callerClass) \(self.requests) \(self.refused)" }
            }

            var name: String
            var store: String
            var classes: [Total]
            var callers: [Caller]
        }

        var quotas: [Quota]
    }

    private static func quotas(_ gateway: RunningGateway, top: Int? = nil) async throws -> [List.Quota] {
        let answer = try await gateway.admin("/api/v1/quotas" + (top.map { "?top=\($0)" } ?? ""))
        return try JSONDecoder().decode(List.self, from: Data(answer.text.utf8)).quotas
    }

    private static func yaml(classes: String = "gold") -> String {
        """
        workers: 2
        listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]
        identities: { classes: [\(classes)], keys: { file: keys.yaml } }
        quotas: { public: { anonymous: 3/h, gold: 100/h }, unused: { anonymous: 1/h } }
        routes: [{ quota: public, respond: { status: 200, body: ok } }]
        """
    }

    @Test("every caller is listed with its counts, refusals and times, most requests first, over all workers")
    func callers() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(Self.yaml())
            let start = Date.now
            for (address, fields, count) in [
                ("192.0.2.1", "", 7), ("192.0.2.9", key.field, 20), ("2001:db8::7", "", 2),
            ] {
                for _ in 1...count {
                    _ = try await gateway.ask(Text.get("/", "X-Forwarded-For: \(address)\r\n" + fields))
                }
            }
            let quotas = try await Self.quotas(gateway)
            #expect(quotas.map(\.name) == ["public", "unused"] && quotas.allSatisfy { $0.store == "local" })
            let quota = quotas[0]
            #expect(
                quota.callers.map(\.text) == [
                    "acme gold 20 0", "192.0.2.1 anonymous 7 4", "2001:db8::/64 anonymous 2 0",
                ])
            #expect(
                quota.classes == [
                    .init(class: "anonymous", allowed: 5, refused: 4), .init(class: "gold", allowed: 20, refused: 0),
                ])
            for caller in quota.callers {
                let first = try Date(caller.firstSeen, strategy: .iso8601)
                let last = try Date(caller.lastSeen, strategy: .iso8601)
                #expect(first <= last && first > start.addingTimeInterval(-2) && last < Date.now.addingTimeInterval(2))
                #expect(caller.error == 0)
            }
            #expect(quotas[1].callers.isEmpty && quotas[1].classes.isEmpty)
            #expect(try await Self.quotas(gateway, top: 1)[0].callers.map(\.caller) == ["acme"])
            #expect(try await Self.quotas(gateway, top: 0)[0].callers.isEmpty)
            #expect(try await gateway.admin("/api/v1/quotas?top=x").status == 400)
            // The same numbers as on /metrics.
            let labels = "quota=\"public\",class=\"anonymous\""
            #expect(try await gateway.metric("usher_quota_requests_total{\(labels),outcome=\"allowed\"}") == 5)
            #expect(try await gateway.metric("usher_quota_requests_total{\(labels),outcome=\"refused\"}") == 4)
        }
    }

    @Test("a caller that is refused for what it has on its way is listed with that refusal, once a request")
    func inFlight() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 100/h, in-flight: 1 } }
                services: { web: { replicas: \(list(upstream)) } }
                routes: [{ quota: public, service: web }]
                """)
            let held = try await stage.client(gateway)
            try await held.send(Text.get("/held"))
            try await replica.holds.wait(for: 1)
            for _ in 1...4 { #expect(try await gateway.status() == 429) }
            let quota = try await Self.quotas(gateway)[0]
            #expect(quota.callers.map(\.text) == ["127.0.0.1 anonymous 5 4"])
            #expect(quota.classes == [.init(class: "anonymous", allowed: 1, refused: 4)])
            replica.letGo()
            #expect(try await held.receiveAnswer().status == 200)
        }
    }

    @Test("a caller keeps its class in the report when a reload renumbers classes")
    func renumbered() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(Self.yaml(classes: "gold, tin"))
            for _ in 1...3 { #expect(try await gateway.status(key.field) == 200) }
            #expect(try await gateway.reload(Self.yaml(classes: "new, tin, gold")).outcome == "applied")
            #expect(try await Self.quotas(gateway)[0].callers.map(\.text) == ["acme gold 3 0"])
            #expect(try await Self.quotas(gateway)[0].classes == [.init(class: "gold", allowed: 3, refused: 0)])
        }
    }

    // MARK: Explaining

    private struct Told: Decodable, Equatable {
        enum CodingKeys: String, CodingKey {
            case identity, quota, action, status
            case callerClass = "class"
            case left = "quota-left"
        }

        var identity: String?
        var callerClass: String?
        var quota: String?
        var left: Int?
        var action: String
        var status: Int?
    }

    private static func explain(_ gateway: RunningGateway, _ fields: String...) async throws -> Told {
        let query =
            (["url=%2F"]
            + fields.map { field in
                let text = field.replacing("\r\n", with: "")
                return "header=" + (text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
            }).joined(separator: "&")
        let answer = try await gateway.admin("/api/v1/explain?" + query)
        return try JSONDecoder().decode(Told.self, from: Data(answer.text.utf8))
    }

    @Test("explaining says identity, class and what is left, uses none of it, and logs nobody in")
    func explained() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            try stage.write("users.yaml", CallerPassword.ann.line)
            try stage.write("secret", "a secret of more than thirty-two bytes")
            let gateway = try await stage.gateway(
                """
                log: { access: off, audit: \(stage.folder)/audit.log, level: error }
                identities:
                  { classes: [gold], keys: { file: keys.yaml }, basic: { file: users.yaml },
                    jwt: { secret: { file: secret } } }
                quotas: { public: { anonymous: 2/h, authenticated: 5/h, gold: 10/h } }
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            let token = try await TokenIssuer.hs256("a secret of more than thirty-two bytes")
                .field(TokenIssuer.claims("bob"))
            for _ in 1...3 {
                for (fields, identity, callerClass, left) in [
                    ("", nil, "anonymous", 2), (key.field, "acme", "gold", 10), (token, "bob", "authenticated", 5),
                    (CallerPassword.ann.field, "ann", "authenticated", 5),
                ] as [(String, String?, String, Int)] {
                    let told = try await fields.isEmpty ? Self.explain(gateway) : Self.explain(gateway, fields)
                    #expect(
                        told
                            == Told(
                                identity: identity, callerClass: callerClass, quota: "public", left: left,
                                action: "respond", status: 200))
                }
            }
            for fields in ["X-API-Key: wrong", TokenIssuer.field("a.b.c"), CallerPassword.field("ann", "x")] {
                let told = try await Self.explain(gateway, fields)
                #expect(told.action == "refuse" && told.status == 401 && told.identity == nil)
            }
            // Nothing was used: both of an anonymous caller's requests still pass.
            for left in [1, 0] {
                #expect(try await gateway.ask(Text.get()).value("X-RateLimit-Remaining") == "\(left)")
                #expect(try await Self.explain(gateway).left == left)
            }
            let told = try await Self.explain(gateway)
            #expect(told.action == "refuse" && told.status == 429 && told.left == 0)
            let audit = (try? String(contentsOfFile: stage.folder + "/audit.log", encoding: .utf8)) ?? ""
            #expect(!audit.contains("\"login\""))
            // Who guesses by asking for explanations is seen.
            #expect(audit.contains("login-failed"))
            #expect(try await Self.quotas(gateway)[0].callers.map(\.text) == ["127.0.0.1 anonymous 2 0"])
        }
    }
}
