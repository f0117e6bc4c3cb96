import Testing
import UsherCore
import UsherReplication

/// Latency comparisons among two endpoints: both are always drawn, so every outcome is exact.
@Suite struct LatencyPolicyTests {
    private static func seconds(_ seconds: Double) -> MonotonicTime {
        MonotonicTime.start.advanced(by: .milliseconds(Int(seconds * 1_000)))
    }

    /// One exchange of `index` that begins at `at` and takes `milliseconds`.
    private func answer(_ balancer: inout Balancer, _ index: Int, at: Double, milliseconds: Int) {
        balancer.requestStarted(index, now: Self.seconds(at))
        balancer.requestEnded(
            index, latency: .milliseconds(milliseconds), now: Self.seconds(at + Double(milliseconds) / 1_000))
    }

    private func picks(_ balancer: inout Balancer, at: Double, random: inout SeededRandom, count: Int = 50) -> Set<Int?>
    {
        var seen = Set<Int?>()
        for _ in 0..<count { seen.insert(balancer.index(now: Self.seconds(at), random: &random)) }
        return seen
    }

    @Test("the endpoint that answers sooner is picked")
    func sooner() {
        var random = SeededRandom(seed: 1)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        answer(&balancer, 0, at: 0, milliseconds: 20)
        answer(&balancer, 1, at: 0, milliseconds: 10)
        #expect(picks(&balancer, at: 0.02, random: &random) == [1])
    }

    @Test("requests in flight multiply the cost", arguments: [(1, 0), (3, 0), (2, 1)])
    func inFlight(busy: Int, expected: Int) {
        var random = SeededRandom(seed: 2)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        // 25 ms against 10 ms: two more in flight (x 3) turn it, one more (x 2) does not.
        answer(&balancer, 0, at: 0, milliseconds: 25)
        answer(&balancer, 1, at: 0, milliseconds: 10)
        for _ in 0..<(expected == 1 ? 1 : 2) * busy { balancer.requestStarted(1, now: Self.seconds(0.03)) }
        if expected == 1 { balancer.requestStarted(0, now: Self.seconds(0.03)) }
        #expect(picks(&balancer, at: 0.03, random: &random) == [expected])
    }

    @Test("weight divides the cost")
    func weight() {
        var random = SeededRandom(seed: 3)
        var balancer = readyBalancer(.latency, weights: [3, 1])
        answer(&balancer, 0, at: 0, milliseconds: 25)
        answer(&balancer, 1, at: 0, milliseconds: 10)
        #expect(picks(&balancer, at: 0.03, random: &random) == [0])
    }

    @Test("one slow answer counts at once, quick ones win it back only over time")
    func peak() {
        var random = SeededRandom(seed: 4)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        for step in 0..<100 {
            answer(&balancer, 0, at: Double(step) / 10, milliseconds: 10)
            answer(&balancer, 1, at: Double(step) / 10, milliseconds: 20)
        }
        #expect(picks(&balancer, at: 10, random: &random) == [0])
        // The slow answer comes right after a quick one, so that no silence gives it weight.
        balancer.requestStarted(0, now: Self.seconds(10))
        answer(&balancer, 0, at: 10.98, milliseconds: 10)
        balancer.requestEnded(0, latency: .seconds(1), now: Self.seconds(11))
        answer(&balancer, 1, at: 11, milliseconds: 20)
        #expect(picks(&balancer, at: 11.1, random: &random) == [1])
        // 1000 ms fade to 20 ms in 4.6 time constants of 10 s; half of that is not enough.
        for step in 0..<230 {
            answer(&balancer, 0, at: 11.1 + Double(step) / 10, milliseconds: 10)
            answer(&balancer, 1, at: 11.1 + Double(step) / 10, milliseconds: 20)
        }
        #expect(picks(&balancer, at: 34.2, random: &random) == [1])
        for step in 0..<300 {
            answer(&balancer, 0, at: 34.2 + Double(step) / 10, milliseconds: 10)
            answer(&balancer, 1, at: 34.2 + Double(step) / 10, milliseconds: 20)
        }
        #expect(picks(&balancer, at: 64.3, random: &random) == [0])
    }

    @Test("an unmeasured endpoint is probed first, once")
    func unmeasured() {
        var random = SeededRandom(seed: 5)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        answer(&balancer, 0, at: 0, milliseconds: 1_000)
        #expect(picks(&balancer, at: 1, random: &random) == [1])
        balancer.requestStarted(1, now: Self.seconds(1))
        #expect(picks(&balancer, at: 1.1, random: &random) == [0])
        #expect(picks(&balancer, at: 10.9, random: &random) == [0])
    }

    @Test("an unmeasured endpoint whose first exchange never ends is probed again after ten seconds")
    func unmeasuredHanging() {
        var random = SeededRandom(seed: 6)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        answer(&balancer, 0, at: 0, milliseconds: 1_000)
        balancer.requestStarted(1, now: Self.seconds(1))
        #expect(picks(&balancer, at: 11.1, random: &random) == [1])
        balancer.requestStarted(1, now: Self.seconds(11.1))
        #expect(picks(&balancer, at: 11.2, random: &random) == [0])
    }

    @Test("an endpoint that was slow is probed again after silence, by one request and not by a flood")
    func recovery() {
        var random = SeededRandom(seed: 7)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        answer(&balancer, 1, at: 0, milliseconds: 5_000)
        for step in 0..<700 { answer(&balancer, 0, at: 5 + Double(step) / 10, milliseconds: 10) }
        // 5 s fade to 10 ms in 6.2 time constants.
        #expect(picks(&balancer, at: 30, random: &random) == [0])
        #expect(picks(&balancer, at: 75, random: &random) == [1])
        balancer.requestStarted(1, now: Self.seconds(75))
        #expect(picks(&balancer, at: 75.1, random: &random) == [0])
        balancer.requestEnded(1, latency: .milliseconds(2), now: Self.seconds(75.1))
        #expect(picks(&balancer, at: 75.2, random: &random) == [1])
    }

    @Test("failing fast attracts nothing")
    func failures() {
        var random = SeededRandom(seed: 8)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        answer(&balancer, 0, at: 0, milliseconds: 50)
        balancer.requestStarted(1, now: Self.seconds(0.1))
        balancer.requestFailed(1, now: Self.seconds(0.1))
        #expect(picks(&balancer, at: 0.2, random: &random) == [0])
    }

    @Test("an exchange that the client gave up is no sample")
    func aborted() {
        var random = SeededRandom(seed: 9)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        answer(&balancer, 0, at: 0, milliseconds: 50)
        answer(&balancer, 1, at: 0, milliseconds: 60)
        balancer.requestStarted(1, now: Self.seconds(0.1))
        balancer.requestEnded(1, latency: nil, now: Self.seconds(0.1))
        #expect(picks(&balancer, at: 0.1, random: &random) == [0])
    }

    @Test("a clock that stands still or runs back does no harm")
    func clock() {
        var random = SeededRandom(seed: 10)
        var balancer = readyBalancer(.latency, weights: [1, 1])
        answer(&balancer, 0, at: 100, milliseconds: 20)
        answer(&balancer, 1, at: 100, milliseconds: 10)
        answer(&balancer, 1, at: 50, milliseconds: 10)
        #expect(picks(&balancer, at: 0, random: &random) == [1])
    }
}
