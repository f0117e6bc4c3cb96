import Testing
import UsherCore
import UsherQuotas

/// What every quota store promises, asked of each of them.
@Suite("Quota stores", .serialized, .timeLimit(.minutes(2)))
struct QuotaStoreTests {
    @Test("the burst passes, then nothing does", arguments: StoreKind.allCases)
    func burst(kind: StoreKind) async throws {
        let limit = try QuotaLimit("5/h")
        try await kind.with { store in
            for left in [4, 3, 2, 1, 0] {
                let decision = try await store.take(limit)
                #expect(decision.isAllowed && limit.remaining(decision) == [left])
            }
            for _ in 0..<3 {
                let refusal = try await store.take(limit)
                #expect(!refusal.isAllowed && limit.remaining(refusal) == [0])
                #expect((715...720).contains(limit.retryAfterSeconds(refusal, cost: 1)))
            }
        }
    }

    @Test("callers, classes and quotas count apart", arguments: StoreKind.allCases)
    func apart(kind: StoreKind) async throws {
        let limit = try QuotaLimit("1/h")
        try await kind.with { store in
            let long = String(repeating: "a", count: 1000)
            let callers = [("a", 1), ("b", 1), ("a", 2), ("", 1), ("grün\r\n\0 :#{}", 1), (long, 1), (long + "a", 1)]
            for isFirst in [true, false] {
                for (caller, callerClass) in callers {
                    let decision = try await store.take(limit, by: caller, of: callerClass)
                    #expect(decision.isAllowed == isFirst, "\(caller) \(callerClass)")
                }
            }
            let other = try await store.take(QuotaLimit("1/h", name: "other"), by: "a", of: 1)
            #expect(other.isAllowed == (kind == .redis), "a local store is one quota's")
        }
    }

    @Test("several windows give together or not at all", arguments: StoreKind.allCases)
    func severalWindows(kind: StoreKind) async throws {
        let limit = try QuotaLimit("6/h 3", "1000/d", "10/d 4", "5/h 5")
        try await kind.with { store in
            #expect(try await limit.remaining(store.take(limit)) == [2, 999, 3, 4])
            #expect(try await limit.remaining(store.take(limit, cost: 2)) == [0, 997, 1, 2])
            let refusal = try await store.take(limit)
            #expect(!refusal.isAllowed && limit.remaining(refusal) == [0, 997, 1, 2])
            #expect((590...600).contains(limit.retryAfterSeconds(refusal, cost: 1)))
        }
    }

    @Test("what is larger than the burst never passes, and takes nothing", arguments: StoreKind.allCases)
    func tooLarge(kind: StoreKind) async throws {
        let limit = try QuotaLimit("10/h", "1000000/s 1000000000")
        try await kind.with { store in
            for cost in [11, 12, 1_000_000_001, 1 << 53, UInt64(Int64.max), .max] {
                let decision = try await store.take(limit, cost: cost)
                #expect(!decision.isAllowed && decision.debts[0] == 0 && decision.debts[1] == 0, "cost \(cost)")
            }
            #expect(try await store.take(limit, cost: 0).isAllowed)
            #expect(try await limit.remaining(store.take(limit, cost: 10))[0] == 0)
            #expect(try await store.take(limit, cost: 0).isAllowed)
            #expect(try await !store.take(limit, cost: 1).isAllowed)
        }
    }

    @Test("the longest and the shortest windows are exact", arguments: StoreKind.allCases)
    func extremes(kind: StoreKind) async throws {
        let limit = try QuotaLimit("1/d 400", "25000000/d 1000000000", "1000000/s")
        try await kind.with { store in
            var model = QuotaDebts(repeating: 0)
            for cost: UInt64 in [1, 399] {
                let decision = try await store.take(limit, cost: cost)
                #expect(decision.isAllowed && limit.offer(cost: cost, debts: &model))
                for index in 0..<2 {
                    #expect(decision.debts[index] <= model[index])
                    #expect(model[index] - min(decision.debts[index], model[index]) < 5_000_000_000)
                }
            }
            #expect(try await !store.take(limit).isAllowed)
        }
    }

    @Test("what is left passes, and one more does not", arguments: StoreKind.allCases)
    func remainingIsTrue(kind: StoreKind) async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        try await kind.with { store in
            for round in 0..<40 {
                // An hour's windows: nothing of note comes back while this runs.
                let windows = try (0...random.below(3)).map { _ in
                    let rate = Rate(count: 1 + random.below(60), per: .seconds(3600))
                    return try QuotaWindow(rate, burst: 1 + random.below(200))
                }
                let limit = QuotaLimit(name: "public", windows: windows)
                let caller = "caller-\(round)"
                var model = QuotaDebts(repeating: 0)
                for _ in 0..<random.below(8) {
                    let cost = UInt64(random.below(40))
                    let decision = try await store.take(limit, cost: cost, by: caller)
                    #expect(decision.isAllowed == limit.offer(cost: cost, debts: &model), "seed \(seed)")
                    for index in windows.indices {
                        let passed = model[index] - min(decision.debts[index], model[index])
                        #expect(passed < 30_000_000_000, "seed \(seed)")
                    }
                }
                let left = try await limit.remaining(store.take(limit, cost: 0, by: caller)).min() ?? 0
                #expect(try await !store.take(limit, cost: UInt64(left) + 1, by: caller).isAllowed, "seed \(seed)")
                #expect(try await store.take(limit, cost: UInt64(left), by: caller).isAllowed, "seed \(seed)")
            }
        }
    }

    @Test("who waits as long as told is let in, and not before", arguments: StoreKind.allCases)
    func resetIsTrue(kind: StoreKind) async throws {
        let limit = try QuotaLimit("20/s 1")
        try await kind.with { store in
            #expect(try await store.take(limit).isAllowed)
            let start = ContinuousClock.now
            let told = try await store.take(limit).debts[0]
            try await eventually("the allowance") { try await store.take(limit).isAllowed }
            #expect(told <= 50_000_000)
            #expect((ContinuousClock.now - start).nanosecondsClamped >= told)
        }
    }

    @Test("a smaller limit after a reload makes nobody wait longer than its windows do", arguments: StoreKind.allCases)
    func smallerLimit(kind: StoreKind) async throws {
        let (large, small) = (try QuotaLimit("1/d 100", "10/h"), try QuotaLimit("30/min 1", "30/min 1"))
        try await kind.with { store in
            #expect(try await store.take(large, cost: 10).isAllowed)
            let refusal = try await store.take(small)
            #expect(!refusal.isAllowed && small.retryAfterSeconds(refusal, cost: 1) <= 2)
            try await eventually("the allowance") { try await store.take(small).isAllowed }
        }
    }

    @Test(
        "a hammered limit lets through its burst and its rate, exactly",
        arguments: StoreKind.allCases, ["10/s", "100/s", "1000/s 500", "10000/s 2000"])
    func exactCounts(kind: StoreKind, text: String) async throws {
        let limit = try QuotaLimit(text)
        let window = limit.windows[0]
        try await kind.with { store in
            let count = try await store.hammer(limit, for: .seconds(1))
            let most = Double(window.burst) + window.rate.perSecond * count.longest
            #expect(count.failures == [])
            #expect(Double(count.allowed) <= most)
            // What came back while all of it was there, because the machine had no time to ask, was given to nobody.
            let least = Double(window.burst) + window.rate.perSecond * count.shortest
            if count.wasWhole == 1 { #expect(Double(count.allowed + count.left) >= least - 1) }
        }
    }
}
