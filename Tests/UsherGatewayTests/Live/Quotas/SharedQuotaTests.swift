import NIOCore
import Testing
import UsherTestKit

/// Gateways that count together in a real redis-server.
@Suite("Quotas that gateways share", .serialized, .timeLimit(.minutes(3)))
struct SharedQuotaTests {
    /// A busy machine answers late now and then; these tests are not about that.
    static let patient = "deadline: 1s"

    static func yaml(_ store: String, _ limits: String, more: String = "", keys: Bool = false) -> String {
        """
        \(keys ? "identities: { classes: [gold], keys: { file: keys.yaml } }" : "")
        quotas: { public: { \(limits), store: { \(store) }\(more) } }
        routes: [{ quota: public, respond: { status: 200, body: ok } }]
        """
    }

    private static func gateways(
        _ stage: Stage, count: Int = 3, _ yaml: String, quota: String = "public"
    ) async throws -> [RunningGateway] {
        var gateways: [RunningGateway] = []
        for _ in 0..<count {
            let gateway = try await stage.gateway(yaml)
            try await gateway.wait(for: "usher_quota_store_up{quota=\"\(quota)\"}", toBe: 1)
            gateways.append(gateway)
        }
        return gateways
    }

    @Test(
        "three gateways together let pass what one would, within two per cent",
        arguments: [(10, 1), (100, 1), (1000, 10), (10_000, 100)])
    func exact(rate: Int, cost: Int) async throws {
        let server = try await RedisServer.start()
        try await onStage { stage in
            let yaml = Self.yaml(
                "unix: \(server.socketPath), \(Self.patient)", "anonymous: \(rate)/s", more: ", cost: \(cost)")
            let gateways = try await Self.gateways(stage, yaml)
            try await QuotaFlood.expectExact(rate: rate, cost: cost, on: gateways.map(\.port), tolerance: 0.02) {
                try server.command("FLUSHALL")
            }
            for gateway in gateways {
                let failed = "usher_quota_requests_total{quota=\"public\",class=\"anonymous\",outcome=\"store-failed\"}"
                #expect(try await gateway.metric(failed) == nil)
            }
        }
    }

    @Test("what is left counts down across gateways, and each caller has its own count")
    func countDown() async throws {
        let server = try await RedisServer.start()
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            let store = "unix: \(server.socketPath), \(Self.patient)"
            let yaml = Self.yaml(store, "anonymous: 6/h, gold: 10/h", keys: true)
            let gateways = try await Self.gateways(stage, yaml)
            for number in 0..<9 {
                let answer = try await gateways[number % 3].ask(Text.get())
                #expect(answer.status == (number < 6 ? 200 : 429))
                #expect(answer.value("X-RateLimit-Remaining") == "\(max(5 - number, 0))")
                #expect(answer.value("X-RateLimit-Limit") == "6")
                #expect(answer.values("Retry-After").isEmpty == (number < 6))
                let known = try await gateways[(number + 1) % 3].ask(Text.get("/", key.field))
                #expect(known.value("X-RateLimit-Remaining") == "\(9 - number)")
            }
        }
    }

    @Test("counts outlive gateways, and other quotas and databases of the server have their own")
    func outlive() async throws {
        let server = try await RedisServer.start(["--requirepass", "pass word"], tcp: true)
        try await onStage { stage in
            let port = try #require(server.port)
            func store(_ database: Int) -> String {
                "redis: \"127.0.0.1:\(port)\", password: \"pass word\", database: \(database), \(Self.patient)"
            }
            func left(_ yaml: String, _ quota: String = "public") async throws -> String? {
                let yaml = yaml.replacing("public", with: quota)
                let gateway = try await Self.gateways(stage, count: 1, yaml, quota: quota)[0]
                let left = try await gateway.ask(Text.get()).value("X-RateLimit-Remaining")
                try await gateway.stop()
                return left
            }
            #expect(try await left(Self.yaml(store(0), "anonymous: 6/h")) == "5")
            #expect(try await left(Self.yaml(store(0), "anonymous: 6/h")) == "4")
            #expect(try await left(Self.yaml(store(3), "anonymous: 6/h")) == "5")
            #expect(try await left(Self.yaml(store(0), "anonymous: 6/h"), "other") == "5")
            #expect(try await left(Self.yaml(store(0), "anonymous: 6/h")) == "3")
            // Three are used, which is half an hour: of twelve an hour six are left, before this one.
            #expect(try await left(Self.yaml(store(0), "anonymous: 12/h")) == "5")
        }
    }

    @Test("a wrong password is an outage like any other: on-failure holds, and the metric and the API say so")
    func wrongPassword() async throws {
        let server = try await RedisServer.start(["--requirepass", "right"])
        try await onStage { stage in
            let gateway = try await stage.gateway(
                Self.yaml("unix: \(server.socketPath), password: wrong", "anonymous: 1/h", more: ", on-failure: allow"))
            try await gateway.wait(for: "usher_quota_store_up{quota=\"public\"}", toBe: 0)
            for _ in 1...5 { #expect(try await gateway.status() == 200) }
            let quotas = try await gateway.admin("/api/v1/quotas").text
            #expect(quotas.contains("store-problem") && !quotas.contains("wrong\""), "\(quotas)")
        }
    }

    @Test("requests with bodies, pipelined ones and streams wait for the store as long as it takes, in order and whole")
    func parked() async throws {
        let server = try await RedisServer.start()
        try await onStage { stage in
            let mirror = try await stage.mirror()
            let store = "unix: \(server.socketPath), \(Self.patient)"
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 1000/h, store: { \(store) } } }
                services: { web: { replicas: \(list(mirror)) } }
                routes: [{ quota: public, service: web }]
                """)
            try await gateway.wait(for: "usher_quota_store_up{quota=\"public\"}", toBe: 1)
            let client = try await stage.client(gateway)
            let bodies = (0..<20).map { String(repeating: "\($0 % 10)", count: 1 << ($0 % 18)) }
            client.sendInBackground(.init(string: bodies.map { Text.post("/", body: $0) }.joined()))
            for (number, body) in bodies.enumerated() {
                let answer = try await client.receiveAnswer()
                #expect(answer.text == "\n" + body)
                #expect(answer.value("X-RateLimit-Remaining") == "\(999 - number)")
            }
            var streams = try await HTTP2Talk(stage.client(gateway))
            var sent: [(UInt32, String)] = []
            for body in bodies where body.utf8.count < 60_000 {
                // As much as all streams together may send before they are read.
                let part = String(body.prefix(3000))
                sent.append((try await streams.send("/", body: Array(part.utf8)), part))
            }
            for (stream, body) in sent { #expect(try await streams.answer(to: stream).text == "\n" + body) }
        }
    }
}
