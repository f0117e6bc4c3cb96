import Testing
import UsherCore
import UsherQuotas
import UsherTestKit

@testable import UsherStores

/// The script against `QuotaLimit.offer`, from whatever is stored.
@Suite("The script for quotas", .serialized, .timeLimit(.minutes(2)))
struct RedisQuotaScriptTests {
    @Test("it decides as the limit does, to the nanosecond")
    func model() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let server = try await RedisServer.start()
        let settings = RedisSettings(address: .unix(path: server.socketPath), deadline: .seconds(10))
        var verdicts = (allowed: 0, refused: 0)
        try await RedisWorker.with(settings) { worker in
            for _ in 0..<500 {
                let limit = try Self.limit(&random)
                let debts = limit.windows.map { Self.below($0.span + $0.span / 8 + 2, &random) }
                let burst = limit.windows.map(\.burst).min() ?? 1
                let cost = UInt64(random.below(burst + burst / 8 + 2))
                let before = try Self.time(server)
                let age = Self.below(limit.windows.map(\.span).max() ?? 1, &random) / 1000 / (1 << (random.below(30)))
                let stored = ([before - age] + debts).map { "\($0)" }.joined(separator: " ")
                try server.command("SET", RedisWorker.key, stored)

                let decision = try await worker.take(limit, cost: cost).get()
                let after = try Self.time(server)
                let message = Comment(rawValue: "seed \(seed): \(stored), \(limit.windows), cost \(cost)")
                if decision.isAllowed {
                    verdicts.allowed += 1
                    let words = try server.command("GET", RedisWorker.key).split(separator: " ")
                    let moment = try #require(UInt64(words[0]), message)
                    #expect((before...after).contains(moment), message)
                    var expected = Self.debts(debts, limit, after: moment - (before - age))
                    #expect(limit.offer(cost: cost, debts: &expected), message)
                    for index in limit.windows.indices {
                        #expect(decision.debts[index] == expected[index], message)
                        #expect(words[index + 1] == "\(expected[index])", message)
                    }
                } else {
                    verdicts.refused += 1
                    #expect(try server.command("GET", RedisWorker.key) == stored, message)
                    var most = Self.debts(debts, limit, after: age)
                    let least = Self.debts(debts, limit, after: after - (before - age))
                    for index in limit.windows.indices {
                        #expect((least[index]...most[index]).contains(decision.debts[index]), message)
                    }
                    #expect(!limit.offer(cost: cost, debts: &most), message)
                }
            }
        }
        #expect(verdicts.allowed > 50 && verdicts.refused > 50, "seed \(seed): \(verdicts)")
    }

    private static func limit(_ random: inout SeededRandom) throws -> QuotaLimit {
        var windows: [QuotaWindow] = []
        while windows.count < 1 + random.below(4) {
            let units: [Int64] = [1, 60, 3600, 86_400]
            let rate = Rate(count: 1 + random.below(1 << random.below(20)), per: .seconds(units[random.below(4)]))
            let burst = 1 + random.below(1 << random.below(30))
            // The script's doubles are exact up to 2⁵³. Some rates are out of range.
            guard let window = try? QuotaWindow(rate, burst: burst), window.span <= 1 << 53 else { continue }
            windows.append(window)
        }
        return QuotaLimit(name: "public", windows: windows)
    }

    /// What is left of stored debts after so many microseconds.
    private static func debts(_ stored: [UInt64], _ limit: QuotaLimit, after microseconds: UInt64) -> QuotaDebts {
        var debts = QuotaDebts(repeating: 0)
        for (index, window) in limit.windows.enumerated() {
            let debt = min(stored[index], window.span)
            debts[index] = debt - min(debt, microseconds * 1000)
        }
        return debts
    }

    private static func below(_ bound: UInt64, _ random: inout SeededRandom) -> UInt64 {
        random.next().multipliedFullWidth(by: bound).high
    }

    /// The server's clock. Unit: microseconds.
    private static func time(_ server: RedisServer) throws -> UInt64 {
        let words = try server.command("TIME").split(separator: "\n").compactMap { UInt64($0) }
        try #require(words.count == 2)
        return words[0] * 1_000_000 + words[1]
    }
}
