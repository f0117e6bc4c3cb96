import Testing
import UsherCore

@testable import UsherReplication

/// Slow start, by counting: what a ramping endpoint gets beside others.
@Suite struct BalancerRampTests {
    private static let start = MonotonicTime.start.advanced(by: .seconds(1_000))

    private func counts(
        _ policy: BalancePolicy, weights: [Int], ramping: [Int: Duration], picks: Int = 40_000,
        slowStart: Duration = .seconds(10), seed: UInt64 = 1
    ) -> [Int] {
        var random = SeededRandom(seed: seed)
        var balancer = readyBalancer(policy, weights: weights, slowStart: slowStart)
        for (index, elapsed) in ramping {
            let begin = Self.start.nanoseconds - elapsed.nanosecondsClamped
            balancer.setReady(index, true, rampFrom: MonotonicTime(nanoseconds: begin))
        }
        var counts = weights.map { _ in 0 }
        for _ in 0..<picks {
            guard let index = balancer.index(now: Self.start, random: &random) else { continue }
            counts[index] += 1
        }
        return counts
    }

    @Test(
        "the factor climbs evenly from a tenth to one and stays there",
        arguments: [
            (0, 0.1), (500, 0.1), (1_000, 0.1), (2_500, 0.25), (5_000, 0.5), (9_900, 0.99), (10_000, 1), (10_001, 1),
            (99_000, 1),
        ])
    func factor(elapsedMilliseconds: Int, expected: Double) {
        let slowStart = SlowStart(.seconds(10))
        let now = Self.start.advanced(by: .milliseconds(elapsedMilliseconds))
        #expect(abs(slowStart.factor(since: Self.start.nanoseconds, now: now) - expected) < 1e-9)
    }

    @Test("there is no ramp without a begin, without a span, and a begin in the future is the begin")
    func factorEdges() {
        #expect(SlowStart(.seconds(10)).factor(since: SlowStart.none, now: .start) == 1)
        #expect(SlowStart(.zero).factor(since: 0, now: .start) == 1)
        #expect(SlowStart(.seconds(-1)).factor(since: 0, now: .start) == 1)
        #expect(SlowStart(.seconds(10)).factor(since: 5_000_000_000, now: .start) == 0.1)
        #expect(SlowStart(.seconds(Int64.max)).end(of: 5) == .max)
        #expect(SlowStart(.seconds(10)).end(of: SlowStart.none) == 0)
    }

    @Test(
        "one of several that ramps gets its factor's part of an equal share", arguments: BalancePolicy.allCases,
        [(3, 0, 0.1), (3, 5_000, 0.5), (2, 2_000, 0.2), (10, 5_000, 0.5), (3, 10_000, 1.0)])
    func oneRamps(policy: BalancePolicy, sample: (count: Int, elapsedMilliseconds: Int, factor: Double)) {
        let counts = counts(
            policy, weights: Array(repeating: 1, count: sample.count),
            ramping: [1: .milliseconds(sample.elapsedMilliseconds)])
        let wanted = 40_000 * sample.factor / (Double(sample.count - 1) + sample.factor)
        // Five deviations, and as much again for `latency`: unmeasured endpoints cost nothing, so the first draw wins.
        #expect(abs(Double(counts[1]) - wanted) < 5 * wanted.squareRoot() + 10, "\(counts), wanted \(wanted)")
    }

    @Test("where all ramp alike, shares are those of the weights", arguments: BalancePolicy.allCases)
    func allRampAlike(policy: BalancePolicy) {
        let weights = [1, 2, 3, 4]
        let counts = counts(policy, weights: weights, ramping: [0: .zero, 1: .zero, 2: .zero, 3: .zero])
        for (index, weight) in weights.enumerated() {
            #expect(abs(counts[index] - 4_000 * weight) < 400, "\(counts)")
        }
    }

    @Test("those that ramp at different stages share by their factors", arguments: BalancePolicy.allCases)
    func stages(policy: BalancePolicy) {
        let counts = counts(policy, weights: [1, 1, 1], ramping: [0: .seconds(2), 1: .seconds(4), 2: .seconds(8)])
        for (index, factor) in [0.2, 0.4, 0.8].enumerated() {
            let wanted = 40_000 * factor / 1.4
            #expect(abs(Double(counts[index]) - wanted) < 0.06 * wanted, "\(counts)")
        }
    }

    @Test("without slow start a ramp changes nothing", arguments: BalancePolicy.allCases)
    func off(policy: BalancePolicy) {
        let counts = counts(policy, weights: [1, 1], ramping: [0: .zero], slowStart: .zero)
        #expect(abs(counts[0] - 20_000) < 500, "\(counts)")
    }

    @Test("the only one that is ready gets everything, ramp or not", arguments: BalancePolicy.allCases)
    func alone(policy: BalancePolicy) {
        #expect(counts(policy, weights: [1], ramping: [0: .zero], picks: 100) == [100])
    }

    @Test("a request that failed on all others gets the one that ramps", arguments: BalancePolicy.allCases)
    func lastResort(policy: BalancePolicy) {
        var random = SeededRandom(seed: 3)
        var balancer = readyBalancer(policy, weights: [1, 1, 1])
        balancer.setReady(1, true, rampFrom: Self.start)
        var tried = TriedEndpoints()
        tried.insert(endpointID(0))
        tried.insert(endpointID(2))
        for _ in 0..<100 {
            let index = balancer.index(excluding: tried, now: Self.start, random: &random)
            #expect(index == 1)
        }
    }

    @Test("under load an endpoint that ramps holds its factor's part of the requests in flight")
    func inFlight() throws {
        var random = SeededRandom(seed: 4)
        var balancer = readyBalancer(.leastRequests, weights: [1, 1, 1])
        balancer.setReady(1, true, rampFrom: Self.start)
        let now = Self.start.advanced(by: .seconds(2))
        for _ in 0..<2_200 {
            let picked = balancer.index(now: now, random: &random)
            balancer.requestStarted(try #require(picked), now: now)
        }
        // 1 : 0.2 : 1
        let counts = (0..<3).map { balancer.inFlight($0) }
        #expect(abs(counts[1] - 200) < 60, "\(counts)")
        #expect(abs(counts[0] - counts[2]) < 20, "\(counts)")
    }

    @Test("a quick endpoint does not jump its ramp because it answers sooner")
    func quick() throws {
        var random = SeededRandom(seed: 5)
        var balancer = readyBalancer(.latency, weights: [1, 1, 1])
        balancer.setReady(1, true, rampFrom: Self.start)
        for index in 0..<3 {
            balancer.requestStarted(index, now: Self.start)
            balancer.requestEnded(index, latency: .milliseconds(index == 1 ? 1 : 50), now: Self.start)
        }
        var toRamping = 0
        for _ in 0..<10_000 where balancer.index(now: Self.start, random: &random) == 1 { toRamping += 1 }
        // Drawn first by 0.1 of 2.1, or second by 0.1 of a half: not above twice its part.
        #expect(toRamping < 1_000)
    }

    @Test("a ramp that is set anew begins anew", arguments: BalancePolicy.allCases)
    func anew(policy: BalancePolicy) {
        var random = SeededRandom(seed: 6)
        var balancer = readyBalancer(policy, weights: [1, 1])
        var before = 0
        for _ in 0..<1_000 where balancer.index(now: Self.start, random: &random) == 1 { before += 1 }
        balancer.setReady(1, true, rampFrom: Self.start)
        var ramping = 0
        for _ in 0..<1_000 where balancer.index(now: Self.start, random: &random) == 1 { ramping += 1 }
        balancer.setReady(1, true, rampFrom: nil)
        var after = 0
        for _ in 0..<1_000 where balancer.index(now: Self.start, random: &random) == 1 { after += 1 }
        #expect(abs(before - 500) < 100 && ramping < 200 && abs(after - 500) < 100, "\(before) \(ramping) \(after)")
    }
}
