import Testing
import UsherCore
import UsherTransport

@Suite("When a name is resolved next")
struct DiscoveryScheduleTests {
    /// Whether the delay is the expected one, stretched by up to a tenth.
    private func isAbout(_ delay: Duration, _ expected: Duration) -> Bool {
        delay >= expected && delay <= expected + expected / 10
    }

    @Test(
        "after success: when the configured time or the answer's own is over, at least a second",
        arguments: [
            (5_000, 60_000, 5_000), (5_000, 3_000, 3_000), (5_000, 0, 1_000), (5_000, 500, 1_000),
            (100, 0, 100), (100, 60_000, 100), (3_600_000, 86_400_000, 3_600_000), (0, 0, 10),
        ])
    func success(everyMilliseconds: Int, ttlMilliseconds: Int, expectedMilliseconds: Int) {
        var random = SeededRandom(seed: 1)
        for _ in 0..<100 {
            var schedule = DiscoverySchedule(every: .milliseconds(everyMilliseconds))
            let delay = schedule.succeeded(ttl: .milliseconds(ttlMilliseconds), random: &random)
            #expect(self.isAbout(delay, .milliseconds(expectedMilliseconds)), "\(delay)")
        }
    }

    @Test(
        "after failures: a second, doubled up to the configured time and at most half a minute",
        arguments: [
            (5, [1, 2, 4, 5, 5]), (3600, [1, 2, 4, 8, 16, 30, 30]), (1, [1, 1]),
        ])
    func failures(everySeconds: Int, expectedSeconds: [Int]) {
        var random = SeededRandom(seed: 2)
        var schedule = DiscoverySchedule(every: .seconds(everySeconds))
        for expected in expectedSeconds {
            let delay = schedule.failed(random: &random)
            #expect(self.isAbout(delay, .seconds(expected)), "\(delay)")
        }
        _ = schedule.succeeded(ttl: .seconds(60), random: &random)
        #expect(self.isAbout(schedule.failed(random: &random), .seconds(1)))
    }

    @Test("delays differ, so that many names do not ask in step")
    func jitter() {
        var random = SeededRandom(seed: 3)
        var schedule = DiscoverySchedule(every: .seconds(5))
        let delays = Set((0..<100).map { _ in schedule.succeeded(ttl: .seconds(60), random: &random) })
        #expect(delays.count > 80)
    }
}
