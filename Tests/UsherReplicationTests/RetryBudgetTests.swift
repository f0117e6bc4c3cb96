import Testing
import UsherCore
import UsherReplication

private func seconds(_ seconds: Double) -> MonotonicTime {
    MonotonicTime.start.advanced(by: .microseconds(Int(seconds * 1_000_000)))
}

@Suite struct RetryBudgetTests {
    @Test("a new budget has saved up ten seconds of its floor")
    func firstSavings() {
        var budget = RetryBudget(share: 0.2, floorPerSecond: 3, now: .start)
        #expect(budget.available == 30)
        var granted = 0
        while granted < 100 && budget.mayRetry(now: .start) { granted += 1 }
        #expect(granted == 30)
    }

    @Test("without a floor, requests earn retries", arguments: [(0.2, 5), (0.5, 2), (1.0, 1)])
    func share(share: Double, requests: Int) {
        var budget = RetryBudget(share: share, floorPerSecond: 0, now: .start)
        var granted: [Bool] = [budget.mayRetry(now: .start)]
        for _ in 1..<requests { budget.requestArrived(now: .start) }
        granted.append(budget.mayRetry(now: .start))
        budget.requestArrived(now: .start)
        granted.append(budget.mayRetry(now: .start))
        granted.append(budget.mayRetry(now: .start))
        #expect(granted == [false, false, true, false])
    }

    @Test("the floor earns retries without requests, up to ten seconds' worth")
    func floor() {
        var budget = RetryBudget(share: 0, floorPerSecond: 2, now: .start)
        while budget.mayRetry(now: .start) {}
        let granted = [budget.mayRetry(now: seconds(0.4)), budget.mayRetry(now: seconds(0.6))]
        #expect(granted == [false, true])
        _ = budget.mayRetry(now: seconds(3_600))
        #expect((18...20).contains(budget.available))
    }

    @Test("even traffic saves ten seconds of its share, and forgets it when it ends")
    func savings() {
        var budget = RetryBudget(share: 0.2, floorPerSecond: 0, now: .start)
        for request in 0..<20_000 { budget.requestArrived(now: seconds(Double(request) / 200)) }
        // 200 requests per second × 20 % × 10 s.
        #expect((390...400).contains(budget.available), "\(budget.available)")
        let soon = budget.mayRetry(now: seconds(110))
        #expect(soon)
        #expect((140...150).contains(budget.available), "\(budget.available)")
        let late = budget.mayRetry(now: seconds(200))
        #expect(!late)
    }

    @Test("values out of range count as the nearest that is not", arguments: [-1, -.infinity, .nan] as [Double])
    func outOfRange(value: Double) {
        var budget = RetryBudget(share: value, floorPerSecond: value, now: .start)
        for _ in 0..<100 { budget.requestArrived(now: .start) }
        let granted = budget.mayRetry(now: seconds(10))
        #expect(!granted)
        let endless = RetryBudget(share: .infinity, floorPerSecond: .infinity, now: .start)
        #expect(endless.share == 1)
        #expect(endless.available > 0)
    }

    @Test(
        "in every span the retries stay within what the span earns and what was saved",
        arguments: 1...10 as ClosedRange<UInt64>)
    func bound(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let share = Double(random.below(100)) / 100
        let floor = Double(random.below(20))
        var budget = RetryBudget(share: share, floorPerSecond: floor, now: .start)
        var moments: [(at: Double, requests: Int, retries: Int, saved: Int)] = [(0, 0, 0, budget.available)]
        var at = 0.0
        var requests = 0
        var retries = 0
        for _ in 0..<600 {
            at += Double(random.below(1_000)) / 10_000
            if random.below(3) == 0 {
                budget.requestArrived(now: seconds(at))
                requests += 1
            } else if budget.mayRetry(now: seconds(at)) {
                retries += 1
            }
            moments.append((at, requests, retries, budget.available))
        }
        for (index, begin) in moments.enumerated() {
            for end in moments[index...] {
                let earned = floor * (end.at - begin.at) + share * Double(end.requests - begin.requests)
                // What was saved is known to the whole retry below.
                let most = earned + Double(begin.saved) + 1
                #expect(Double(end.retries - begin.retries) <= most, "seed \(seed)")
            }
        }
    }
}
