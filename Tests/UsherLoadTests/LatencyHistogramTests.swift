import Testing
import UsherLoad

@Suite("Latencies", .timeLimit(.minutes(1)))
struct LatencyHistogramTests {
    @Test("nothing measured has no percentiles")
    func empty() {
        let latencies = LatencyHistogram()
        #expect(latencies.percentile(99) == nil && latencies.maximum == nil && latencies.mean == nil)
    }

    @Test("percentiles of a thousand different times are right to a thousandth")
    func percentiles() throws {
        var latencies = LatencyHistogram()
        for milliseconds in 1...1000 { latencies.record(nanoseconds: UInt64(milliseconds) * 1_000_000) }
        for (percent, expected) in [(50.0, 500.0), (90, 900), (99, 990), (99.9, 999)] {
            let value = try #require(latencies.percentile(percent))
            #expect(abs(value - expected) <= expected / 1000, "p\(percent) is \(value)")
        }
        #expect(latencies.maximum == 1000)
        let mean = try #require(latencies.mean)
        #expect(abs(mean - 500.5) < 0.5)
    }

    @Test("two together are what one would have seen")
    func merged() {
        var one = LatencyHistogram()
        var other = LatencyHistogram()
        one.record(nanoseconds: 1_000_000)
        other.record(nanoseconds: 9_000_000)
        one.merge(other)
        #expect(one.count == 2 && one.maximum == 9)
    }

    @Test("what takes longer than an hour counts as an hour")
    func endless() {
        var latencies = LatencyHistogram()
        latencies.record(nanoseconds: .max)
        #expect(latencies.count == 1 && latencies.maximum == 3_600_000)
    }
}
