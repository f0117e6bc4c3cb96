import Testing
import UsherCore
import UsherQuotas

@Suite("The table of callers", .timeLimit(.minutes(2)))
struct QuotaTableTests {
    private static let secret: (UInt64, UInt64) = (1, 2)

    private static func key(_ number: Int) -> KeyedHash {
        let bytes = Array("caller \(number)".utf8)
        return KeyedHash(value: bytes.span, secret: Self.secret)
    }

    private static func limit(_ texts: String...) throws -> QuotaLimit {
        QuotaLimit(name: "q", windows: try texts.map { try QuotaWindow(Rate(text: $0)) })
    }

    private static func at(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(seconds * 1e9)) }

    @Test("in any span at most burst and what comes back pass, and exactly that when somebody always asks")
    func exact() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for text in ["10/s", "100/s", "999/s", "10000/s"] {
            let limit = try Self.limit(text)
            var table = QuotaTable(windows: 1, capacity: 100)
            var nanoseconds: UInt64 = 5_000_000_000
            let start = nanoseconds
            var allowed = 0
            while nanoseconds < start + 3_000_000_000 {
                if table.take(Self.key(1), limit, cost: 1, now: MonotonicTime(nanoseconds: nanoseconds)).isAllowed {
                    allowed += 1
                }
                nanoseconds += UInt64(random.below(20_000)) + 1
            }
            let rate = limit.windows[0].rate.count
            #expect(abs(allowed - rate * 4) <= 1, "\(text), seed \(seed)")
        }
    }

    @Test("callers do not share what they may use")
    func apart() throws {
        let limit = try Self.limit("1/h")
        var table = QuotaTable(windows: 1, capacity: 10_000)
        for number in 0..<10_000 {
            let first = table.take(Self.key(number), limit, cost: 1, now: Self.at(1))
            #expect(first.isAllowed)
        }
        var again = 0
        for number in 0..<10_000 where table.take(Self.key(number), limit, cost: 1, now: Self.at(2)).isAllowed {
            again += 1
        }
        // Those whose places were needed by others; with as many places free it is next to nobody.
        #expect(again <= 5)
        #expect(UInt64(again) <= table.evicted)
    }

    @Test("a million callers fit, and hardly one is forgotten")
    func million() throws {
        let limit = try Self.limit("5/h")
        var table = QuotaTable(windows: 1, capacity: 1_000_000)
        for number in 0..<1_000_000 {
            let key = KeyedHash(high: 0, low: UInt64(number) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(number) << 7)
            _ = table.take(key, limit, cost: 1, now: Self.at(1))
        }
        #expect(table.evicted < 100)
        #expect(table.memory == 2_097_152 * 24)
    }

    @Test("a flood of strangers pushes out only strangers, and the memory stays what it is")
    func flood() throws {
        let limit = try Self.limit("60/min")
        var table = QuotaTable(windows: 1, capacity: 1000)
        let hot = (0..<20).map { Self.key(-1 - $0) }
        for key in hot {
            for _ in 0..<60 { _ = table.take(key, limit, cost: 1, now: Self.at(1)) }
        }
        for number in 0..<100_000 { _ = table.take(Self.key(number), limit, cost: 1, now: Self.at(1.5)) }
        let memory = table.memory
        #expect(table.evicted > 50_000)
        for key in hot {
            let decision = table.take(key, limit, cost: 1, now: Self.at(1.5))
            #expect(!decision.isAllowed)
        }
        for number in 0..<100_000 { _ = table.take(Self.key(number), limit, cost: 1, now: Self.at(1.6)) }
        #expect(table.memory == memory)
    }

    @Test("idle callers go before live ones, and cost nobody anything")
    func idle() throws {
        let limit = try Self.limit("1000/s")
        var table = QuotaTable(windows: 1, capacity: 1000)
        for round in 0..<100 {
            for number in 0..<1000 {
                _ = table.take(Self.key(round * 1000 + number), limit, cost: 1, now: Self.at(Double(round)))
            }
        }
        #expect(table.evicted == 0)
    }

    @Test("a clock that stands still, or a moment that is long gone, opens nothing")
    func clock() throws {
        let limit = try Self.limit("5/s")
        var table = QuotaTable(windows: 1, capacity: 10)
        var allowed = 0
        for _ in 0..<50 where table.take(Self.key(1), limit, cost: 1, now: Self.at(100)).isAllowed { allowed += 1 }
        for _ in 0..<50 where table.take(Self.key(1), limit, cost: 1, now: Self.at(90)).isAllowed { allowed += 1 }
        #expect(allowed == 5)
        let later = table.take(Self.key(1), limit, cost: 1, now: Self.at(101))
        #expect(later.isAllowed)
    }

    @Test("a smaller limit after a reload makes nobody wait longer than it takes")
    func smallerLimit() throws {
        var table = QuotaTable(windows: 1, capacity: 10)
        let large = try Self.limit("1000/h")
        for _ in 0..<1000 { _ = table.take(Self.key(1), large, cost: 1, now: Self.at(1)) }
        let small = try Self.limit("10/s")
        let refused = table.take(Self.key(1), small, cost: 1, now: Self.at(1))
        #expect(!refused.isAllowed)
        #expect(refused.debts[0] == 1_000_000_000)
        let later = table.take(Self.key(1), small, cost: 1, now: Self.at(1.1))
        #expect(later.isAllowed)
    }

    @Test("who looked at the clock a little earlier gives nothing back, whether refused or free of charge")
    func earlierClock() throws {
        let limit = try Self.limit("1000/s")
        var table = QuotaTable(windows: 1, capacity: 10)
        for _ in 0..<1000 { _ = table.take(Self.key(1), limit, cost: 1, now: Self.at(10)) }
        for _ in 0..<100 {
            let refused = table.take(Self.key(1), limit, cost: 1, now: Self.at(9.99))
            #expect(!refused.isAllowed)
            _ = table.take(Self.key(1), limit, cost: 0, now: Self.at(9.99))
        }
        let refused = table.take(Self.key(1), limit, cost: 1, now: Self.at(10))
        #expect(!refused.isAllowed)
    }

    @Test("what is given back can be used again, and no more than was taken")
    func giveBack() throws {
        let limit = try Self.limit("2/h", "3/d")
        var table = QuotaTable(windows: 2, capacity: 10)
        for _ in 0..<2 { _ = table.take(Self.key(1), limit, cost: 1, now: Self.at(1)) }
        let full = table.take(Self.key(1), limit, cost: 1, now: Self.at(1))
        #expect(!full.isAllowed)
        table.giveBack(Self.key(1), limit, cost: 1, now: Self.at(1))
        let again = table.take(Self.key(1), limit, cost: 1, now: Self.at(1))
        #expect(again.isAllowed)
        for _ in 0..<10 { table.giveBack(Self.key(1), limit, cost: .max, now: Self.at(2)) }
        table.giveBack(Self.key(2), limit, cost: 1, now: Self.at(2))
        var allowed = 0
        for _ in 0..<5 where table.take(Self.key(1), limit, cost: 1, now: Self.at(2)).isAllowed { allowed += 1 }
        #expect(allowed == 2)
    }

    @Test("it says the same as a model that keeps everything", arguments: 0..<20)
    func model(round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let limit = try Self.limit("50/s", "200/min")
        var table = QuotaTable(windows: 2, capacity: 500)
        var model: [Int: [UInt64]] = [:]
        var nanoseconds: UInt64 = 1
        for _ in 0..<5000 {
            nanoseconds += UInt64(random.below(10_000_000))
            let caller = random.below(100)
            let cost = UInt64(random.below(4))
            var whole = model[caller] ?? [0, 0]
            let fits = zip(limit.windows, whole).allSatisfy { window, moment in
                max(moment, nanoseconds) + window.interval * cost <= nanoseconds + window.span
            }
            if fits {
                for index in 0..<2 {
                    whole[index] = max(whole[index], nanoseconds) + limit.windows[index].interval * cost
                }
                model[caller] = whole
            }
            let decision = table.take(
                Self.key(caller), limit, cost: cost, now: MonotonicTime(nanoseconds: nanoseconds))
            try #require(decision.isAllowed == fits, "seed \(seed)")
        }
    }
}
