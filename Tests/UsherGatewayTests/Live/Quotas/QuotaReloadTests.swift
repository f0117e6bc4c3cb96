import Testing
import UsherTestKit

/// Quotas across reloads.
@Suite("Quotas and reloads", .timeLimit(.minutes(2)))
struct QuotaReloadTests {
    private static func yaml(_ quotas: String, classes: String = "gold", body: String = "ok", keys: CallerKey...)
        -> String
    {
        """
        identities: { classes: [\(classes)], keys: { file: keys.yaml } }
        quotas: \(quotas)
        routes:
          - { match: { path: /other }, quota: other, respond: { status: 200 } }
          - { quota: public, respond: { status: 200, body: "\(body)" } }
        """
    }

    private static func left(_ gateway: RunningGateway, _ fields: String = "", _ target: String = "/") async throws
        -> Int?
    {
        let answer = try await gateway.ask(Text.get(target, fields))
        return answer.status == 429 ? nil : answer.value("X-RateLimit-Remaining").flatMap { Int($0) }
    }

    @Test("a quota that stays keeps its counts, whatever else changes, and another limit holds for them")
    func keeps() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            let quotas = "{ public: { anonymous: 6/h, gold: 10/h }, other: { anonymous: 2/h } }"
            let gateway = try await stage.gateway(Self.yaml(quotas))
            for left in [5, 4, 3] { #expect(try await Self.left(gateway) == left) }
            #expect(try await Self.left(gateway, key.field) == 9)
            #expect(try await Self.left(gateway, "", "/other") == 1)

            #expect(try await gateway.reload(Self.yaml(quotas, body: "new")).outcome == "applied")
            #expect(try await gateway.ask(Text.get("/", key.field)).text == "new")
            #expect(try await Self.left(gateway) == 2)

            // 4 of 6 are used, which is 40 of 60 minutes: of 12 an hour 4 are left. And back.
            let more = "{ other: { anonymous: 2/h }, public: { anonymous: 12/h, gold: 10/h } }"
            let reloaded = try await gateway.reload(Self.yaml(more))
            #expect(
                reloaded.outcome == "applied" && reloaded.paths.contains { $0.hasPrefix("quotas.public.anonymous") })
            #expect(try await Self.left(gateway) == 3)
            #expect(try await Self.left(gateway, key.field) == 7)
            #expect(try await Self.left(gateway, "", "/other") == 0)
            #expect(try await Self.left(gateway, "", "/other") == nil)

            // A smaller one: nobody waits longer than it takes to come back whole.
            let less = "{ public: { anonymous: 1/min, gold: 10/h }, other: { anonymous: 2/h } }"
            #expect(try await gateway.reload(Self.yaml(less)).outcome == "applied")
            let refused = try await gateway.ask(Text.get())
            #expect(refused.status == 429)
            #expect((50...60).contains(refused.value("Retry-After").flatMap { Int($0) } ?? 0))
        }
    }

    @Test("requests on their way count across a reload, and are released once")
    func inFlight() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let upstream = try await stage.upstream(replica)
            func yaml(_ number: Int) -> String {
                """
                quotas: { public: { anonymous: 1000/h, in-flight: \(number) } }
                services: { web: { replicas: \(list(upstream)) } }
                routes: [{ quota: public, service: web }]
                """
            }
            let gateway = try await stage.gateway(yaml(1))
            let first = try await stage.client(gateway)
            try await first.send(Text.get("/held"))
            try await replica.holds.wait(for: 1)
            #expect(try await gateway.reload(yaml(2)).outcome == "applied")
            let second = try await stage.client(gateway)
            try await second.send(Text.get("/held"))
            try await replica.holds.wait(for: 2)
            #expect(try await gateway.status() == 429)
            #expect(try await gateway.reload(yaml(1)).outcome == "applied")
            #expect(try await gateway.status() == 429)
            replica.letGo()
            #expect(try await first.receiveAnswer().status == 200)
            #expect(try await second.receiveAnswer().status == 200)
            try await gateway.wait(until: 200, "")
        }
    }

    @Test("a caller's counts stay its own when classes are renumbered")
    func classes() async throws {
        try await onStage { stage in
            let keys = [CallerKey("acme", "gold"), CallerKey("tiny", "tin")]
            try stage.write("keys.yaml", keys)
            let quotas = "{ public: { anonymous: 5/h, gold: 10/h, tin: 3/h }, other: { anonymous: 2/h } }"
            let gateway = try await stage.gateway(Self.yaml(quotas, classes: "gold, tin"))
            for left in [9, 8] { #expect(try await Self.left(gateway, keys[0].field) == left) }
            for left in [2, 1] { #expect(try await Self.left(gateway, keys[1].field) == left) }
            #expect(try await gateway.reload(Self.yaml(quotas, classes: "new, tin, gold")).outcome == "applied")
            #expect(try await Self.left(gateway, keys[0].field) == 7)
            #expect(try await Self.left(gateway, keys[1].field) == 0)
            #expect(try await Self.left(gateway, keys[1].field) == nil)
        }
    }

    @Test("quotas that come and go leave others alone")
    func comeAndGo() async throws {
        try await onStage { stage in
            try stage.write("keys.yaml", "")
            let both = "{ public: { anonymous: 6/h }, other: { anonymous: 2/h } }"
            let gateway = try await stage.gateway(Self.yaml(both))
            #expect(try await Self.left(gateway) == 5)
            #expect(try await Self.left(gateway, "", "/other") == 1)
            let one = "{ added: { anonymous: 9/h }, public: { anonymous: 6/h } }"
            let yaml = Self.yaml(one).replacing("quota: other", with: "quota: added")
            #expect(try await gateway.reload(yaml).outcome == "applied")
            #expect(try await Self.left(gateway) == 4)
            #expect(try await Self.left(gateway, "", "/other") == 8)
            #expect(
                try await gateway.metric(
                    "usher_quota_requests_total{quota=\"public\",class=\"anonymous\",outcome=\"allowed\"}") == 2)
            // A name that is used anew begins anew.
            #expect(try await gateway.reload(Self.yaml(both)).outcome == "applied")
            #expect(try await Self.left(gateway, "", "/other") == 1)
            #expect(try await Self.left(gateway) == 3)
        }
    }
}
