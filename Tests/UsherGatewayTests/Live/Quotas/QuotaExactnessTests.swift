import Testing
import UsherTestKit

/// Floods against limits of all sizes: exactly as many requests pass as the limit says.
@Suite("Exact quotas", .serialized, .timeLimit(.minutes(3)))
struct QuotaExactnessTests {
    /// A limit, and a cost with which a debug build asks for more than it gives.
    static let limits: [(rate: Int, cost: Int)] = [(10, 1), (100, 1), (1000, 10), (10_000, 100)]

    private static func yaml(_ rate: Int, _ cost: Int) -> String {
        """
        workers: 2
        quotas: { public: { anonymous: \(rate)/s, cost: \(cost) } }
        routes: [{ quota: public, respond: { status: 200, body: ok } }]
        """
    }

    @Test("many clients of HTTP/1.1 and HTTP/2 get the burst and what comes back, and not one more", arguments: limits)
    func exact(rate: Int, cost: Int) async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.yaml(rate, cost))
            try await QuotaFlood.expectExact(rate: rate, cost: cost, on: [gateway.port]) {
                // All of the allowance comes back in a second.
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    @Test("each of several callers and classes gets its own allowance while all of them flood")
    func together() async throws {
        try await onStage { stage in
            let keys = [CallerKey("one"), CallerKey("two"), CallerKey("rich", "gold")]
            try stage.write("keys.yaml", keys)
            let gateway = try await stage.gateway(
                """
                workers: 2
                identities: { classes: [gold], keys: { file: keys.yaml } }
                quotas: { public: { anonymous: 10/s, authenticated: 50/s, gold: 200/s } }
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            let rates = [10, 50, 50, 200]
            for attempt in 1...5 {
                let floods = [QuotaFlood()] + keys.map { QuotaFlood([("x-api-key", $0.text)]) }
                try await withThrowingTaskGroup { group in
                    for (flood, rate) in zip(floods, rates) {
                        group.addTask {
                            try await flood.run(on: [gateway.port], burst: rate, clients: 2, for: .seconds(2))
                        }
                    }
                    try await group.waitForAll()
                }
                let hasPaused = floods.contains { $0.longestGap > .milliseconds(900) }
                for (flood, rate) in zip(floods, rates) {
                    let (lower, upper) = flood.bounds(rate: Double(rate), burst: rate)
                    let passed = Double(flood.allowed)
                    print("\(rate)/s: \(passed) of \(lower)...\(upper), \(flood.refused) refused")
                    #expect(passed <= upper && flood.others.isEmpty, "\(rate)/s: \(passed) of \(lower)...\(upper)")
                    if !hasPaused { #expect(passed > lower, "\(rate)/s: \(passed) of \(lower)...\(upper)") }
                }
                if !hasPaused || attempt == 5 { return #expect(!hasPaused) }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
