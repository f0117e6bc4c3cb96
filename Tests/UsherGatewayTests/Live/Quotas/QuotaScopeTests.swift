import NIOCore
import Testing
import UsherCore
import UsherTestKit

/// Who shares an allowance with whom, and how much of it a request uses.
@Suite("Scopes and costs of quotas", .timeLimit(.minutes(2)))
struct QuotaScopeTests {
    private static let trusting = "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]"

    /// What is left after a request; nil: it was refused.
    private static func left(
        _ gateway: RunningGateway, _ target: String = "/", _ fields: String = ""
    ) async throws -> Int? {
        let answer = try await gateway.ask(Text.get(target, fields))
        guard answer.status != 429 else { return nil }
        return answer.value("X-RateLimit-Remaining").flatMap { Int($0) }
    }

    @Test("two routes with one quota share its allowance, two quotas of the same numbers do not")
    func routes() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { shared: { anonymous: 5/h }, own: { anonymous: 5/h } }
                routes:
                  - { match: { path: /a }, quota: shared, respond: { status: 200 } }
                  - { match: { path: /b }, quota: shared, respond: { status: 200 } }
                  - { match: { path: /c }, quota: own, respond: { status: 200 } }
                """)
            var seen: [Int?] = []
            for target in ["/a", "/b", "/c", "/b", "/a", "/a", "/a", "/b", "/c"] {
                seen.append(try await Self.left(gateway, target))
            }
            #expect(seen == [4, 3, 4, 2, 1, 0, nil, nil, 3])
        }
    }

    @Test("each class has its own limit, each identity its own allowance, and a class without a limit has none")
    func classes() async throws {
        try await onStage { stage in
            let keys = ["ann", "bob", "rich", "free"].map { name in
                CallerKey(name, ["rich": "gold", "free": "silver"][name] ?? "authenticated")
            }
            try stage.write("keys.yaml", keys)
            try stage.write("users.yaml", CallerPassword.ann.line)
            let gateway = try await stage.gateway(
                """
                identities: { classes: [gold, silver], keys: { file: keys.yaml }, basic: { file: users.yaml } }
                quotas: { public: { authenticated: 10/h, gold: 100/h }, strangers: { anonymous: 3/h } }
                routes:
                  - { match: { path: /strangers }, quota: strangers, respond: { status: 200 } }
                  - { quota: public, respond: { status: 200 } }
                """)
            let (ann, bob, rich, free) = (keys[0].field, keys[1].field, keys[2].field, keys[3].field)
            #expect(try await Self.left(gateway, "/", ann) == 9)
            #expect(try await Self.left(gateway, "/", bob) == 9)
            // The same identity by another credential is the same caller.
            #expect(try await Self.left(gateway, "/", CallerPassword.ann.field) == 8)
            #expect(try await Self.left(gateway, "/", rich) == 99)
            #expect(try await Self.left(gateway, "/", free) == 9)
            for _ in 1...12 {
                let answer = try await gateway.ask(Text.get())
                #expect(answer.status == 200 && answer.values("X-RateLimit-Limit").isEmpty)
            }
            for left in [2, 1, 0, nil] { #expect(try await Self.left(gateway, "/strangers") == left) }
            #expect(try await gateway.ask(Text.get("/strangers", ann)).values("X-RateLimit-Limit").isEmpty)
        }
    }

    @Test("anonymous callers are told apart by their address, of IPv6 by its /64, as trusted peers tell it")
    func addresses() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                \(Self.trusting)
                quotas: { public: { anonymous: 4/h } }
                routes: [{ quota: public, respond: { status: 200 } }]
                """)
            var seen: [Int?] = []
            for fields in [
                "X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.2\r\n",
                "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n",
                "X-Forwarded-For: 2001:db8:1:2::1\r\n", "X-Forwarded-For: 2001:db8:1:2:ffff::9\r\n",
                "Forwarded: for=\"[2001:db8:1:2:8::]:4711\"\r\n", "X-Forwarded-For: 2001:db8:1:3::1\r\n",
                // The same address in its other form.
                "X-Forwarded-For: ::ffff:192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.1\r\n", "",
            ] { seen.append(try await Self.left(gateway, "/", fields)) }
            #expect(seen == [3, 3, 2, 1, 3, 2, 1, 3, 0, nil, 3])
        }
    }

    @Test("a stranger cannot choose whose allowance it uses")
    func strangers() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 4/h } }
                routes: [{ quota: public, respond: { status: 200 } }]
                """)
            var seen: [Int?] = []
            for number in 1...5 {
                let fields = "X-Forwarded-For: 192.0.2.\(number)\r\nForwarded: for=192.0.2.\(number)\r\n"
                seen.append(try await Self.left(gateway, "/", fields))
            }
            #expect(seen == [3, 2, 1, 0, nil])
        }
    }

    @Test("a template tells callers apart; where it gives nothing the identity or the address does")
    func template() async throws {
        try await onStage { stage in
            let key = CallerKey("acme")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(
                """
                \(Self.trusting)
                identities: { keys: { file: keys.yaml } }
                quotas: { public: { anonymous: 10/h, authenticated: 10/h, key: "{header.x-tenant|cookie.tenant}" } }
                routes: [{ quota: public, respond: { status: 200 } }]
                """)
            let (one, two) = ("X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.2\r\n")
            var seen: [Int?] = []
            for fields in [
                one + "X-Tenant: red\r\n", two + "X-Tenant: red\r\n", two + "Cookie: tenant=red\r\n",
                one + "X-Tenant: blue\r\n",
                // Without a tenant: by address, and by identity.
                one, two, two + "X-Tenant: \r\n", one + key.field, two + key.field,
                // Another class is another caller, and who is called like a tenant is not that tenant.
                two + key.field + "X-Tenant: red\r\n", one + key.field + "X-Tenant: acme\r\n", one + key.field,
            ] { seen.append(try await Self.left(gateway, "/", fields)) }
            #expect(seen == [9, 8, 7, 9, 9, 9, 8, 9, 8, 9, 9, 7])
        }
    }

    @Test("a request costs what its route says, else what the quota says, else one")
    func costs() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 20/h, cost: "{query.cost}" }, plain: { anonymous: 20/h } }
                routes:
                  - { match: { path: /five }, quota: { name: public, cost: 5 }, respond: { status: 200 } }
                  - { match: { path: /free }, quota: { name: public, cost: 0 }, respond: { status: 200 } }
                  - { match: { path: /plain }, quota: plain, respond: { status: 200 } }
                  - { match: { path: /header }, quota: { name: plain, cost: "{header.x-cost|query.cost}" },
                      respond: { status: 200 } }
                  - { quota: public, respond: { status: 200 } }
                """)
            var seen: [Int?] = []
            for target in [
                "/five", "/free", "/?cost=3", "/?cost=0", "/", "/?cost=", "/?cost=-4", "/?cost=1e3", "/?cost=x",
                "/?cost=1",
            ] {
                seen.append(try await Self.left(gateway, target))
            }
            #expect(seen == [15, 15, 12, 11, 10, 9, nil, nil, nil, 8])
            // What does not fit is refused as a whole, and something smaller still passes.
            seen = []
            for target in [
                "/?cost=9", "/?cost=21", "/?cost=99999999999999999999", "/five", "/five", "/?cost=3", "/", "/free",
            ] {
                seen.append(try await Self.left(gateway, target))
            }
            #expect(seen == [nil, nil, nil, 3, nil, 0, nil, 0])
            seen = []
            for (target, fields) in [("/plain", ""), ("/header?cost=4", ""), ("/header?cost=4", "X-Cost: 7\r\n")] {
                seen.append(try await Self.left(gateway, target, fields))
            }
            #expect(seen == [19, 15, 8])
        }
    }

    @Test("a refused request's body is not mistaken for the next request, and a short one lets the connection go on")
    func refusedBodies() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 1/h } }
                routes:
                  - { match: { path: /few }, quota: public, respond: { status: 200 } }
                  - { respond: { status: 204 } }
                """)
            #expect(try await gateway.ask(Text.get("/few")).status == 200)
            let client = try await stage.client(gateway)
            for _ in 1...3 {
                try await client.send(Text.post("/few", body: "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"))
                #expect(try await client.receiveAnswer().status == 429)
                #expect(try await client.ask(Text.get("/next")).status == 204)
            }
            // Of one whose length nobody knows the end is not waited for.
            let chunked = "POST /few HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
            client.sendInBackground(.init(string: chunked + "5\r\nhello\r\n0\r\n\r\n" + Text.get("/next")))
            let last = try await client.receiveAnswer()
            #expect(last.status == 429 && last.value("Connection") == "close")
            try await client.waitForEnd()
            let large = try await stage.client(gateway)
            large.sendInBackground(.init(string: Text.post("/few", body: String(repeating: "x", count: 4 << 20))))
            #expect(try await large.receiveAnswer().status == 429)
        }
    }

    @Test("clients of a Unix socket are one caller")
    func unixSocket() async throws {
        try await onStage { stage in
            let path = stage.folder + "/usher.sock"
            let gateway = try await stage.gateway(
                """
                listeners: [{ address: "unix:\(path)" }]
                quotas: { public: { anonymous: 2/h } }
                routes: [{ quota: public, respond: { status: 200 } }]
                """)
            var statuses: [Int] = []
            for number in 1...3 {
                let client = try await RawClient.connect(to: .unix(path: path))
                let fields = "X-Forwarded-For: 192.0.2.\(number)\r\n"
                statuses.append(try await client.ask(Text.get("/", fields)).status)
                await client.close()
            }
            #expect(statuses == [200, 200, 429])
            #expect(try await gateway.admin("/api/v1/quotas").text.contains("\"unix\""))
        }
    }

    @Test("a dry run counts and logs what it would refuse, lets everything pass and tells clients nothing")
    func dryRun() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 3/h, in-flight: 1, dry-run: true } }
                routes: [{ quota: public, respond: { status: 200 } }]
                """)
            for _ in 1...8 {
                let answer = try await gateway.ask(Text.get())
                #expect(answer.status == 200)
                #expect(!answer.fields.contains { $0.name.lowercased().contains("ratelimit") })
            }
            let labels = "quota=\"public\",class=\"anonymous\""
            #expect(try await gateway.metric("usher_quota_requests_total{\(labels),outcome=\"allowed\"}") == 3)
            #expect(try await gateway.metric("usher_quota_requests_total{\(labels),outcome=\"dry-run\"}") == 5)
            #expect(try await gateway.metric("usher_quota_requests_total{\(labels),outcome=\"refused\"}") == nil)
            try await gateway.stop()
            let outcomes = try gateway.accessLog().map { $0["quota-outcome"] as? String }
            #expect(outcomes == ["allowed", "allowed", "allowed"] + Array(repeating: "dry-run", count: 5))
        }
    }
}
