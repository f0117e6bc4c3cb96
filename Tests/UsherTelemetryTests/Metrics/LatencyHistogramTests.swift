import Testing
import UsherCore

@testable import UsherTelemetry

@Suite struct LatencyHistogramTests {
    @Test("bounds and their labels say the same")
    func labels() throws {
        #expect(LatencyHistogram.boundLabels.count == LatencyHistogram.boundsNanoseconds.count)
        for (label, bound) in zip(LatencyHistogram.boundLabels, LatencyHistogram.boundsNanoseconds) {
            let seconds = try #require(Double(label))
            #expect((seconds * 1e9).rounded() == Double(bound))
        }
        #expect(LatencyHistogram().counts.count == LatencyHistogram.boundsNanoseconds.count + 1)
    }

    @Test("a duration that equals a bound is counted in that bound's bucket", arguments: 0..<16)
    func inclusiveBounds(bucket: Int) {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: LatencyHistogram.boundsNanoseconds[bucket])
        histogram.record(nanoseconds: LatencyHistogram.boundsNanoseconds[bucket] + 1)
        #expect(histogram.counts[bucket] == 1)
        #expect(histogram.counts[bucket + 1] == 1)
    }

    @Test("buckets, sum and quantiles agree with sorting all durations", arguments: [1, 2, 3, 4] as [UInt64])
    func bruteForce(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var durations: [UInt64] = []
        var parts = [LatencyHistogram(), LatencyHistogram()]
        for _ in 0..<2000 {
            // Spread over the orders of magnitude, from nanoseconds to minutes.
            let duration = random.next() >> UInt64(28 + random.below(30))
            durations.append(duration)
            parts[random.below(2)].record(nanoseconds: duration)
        }
        var whole = parts[0]
        whole.merge(parts[1])
        durations.sort()
        var lower: UInt64 = 0
        for (bucket, upper) in (LatencyHistogram.boundsNanoseconds + [.max]).enumerated() {
            let expected = durations.count { $0 <= upper && ($0 > lower || bucket == 0) }
            #expect(whole.counts[bucket] == UInt64(expected), "seed \(seed), bucket \(bucket)")
            lower = upper
        }
        #expect(whole.count == 2000)
        #expect(whole.sumNanoseconds == durations.reduce(0, +))
        for fraction in [0.01, 0.5, 0.9, 0.99] {
            let estimate = try #require(whole.quantile(fraction))
            let exact = durations[min(Int(fraction * 2000), 1999)]
            let bounds = [0] + LatencyHistogram.boundsNanoseconds
            let place = bounds.lastIndex { $0 < exact } ?? 0
            // An estimate lies in the bucket of the exact value, or at its edge.
            #expect(estimate >= bounds[max(place - 1, 0)], "seed \(seed), share \(fraction)")
            #expect(estimate <= bounds[min(place + 1, bounds.count - 1)], "seed \(seed), share \(fraction)")
        }
    }

    @Test("an empty histogram has no quantile, a sum never wraps, and what is above every bound reads as 60 s")
    func edges() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil)
        histogram.record(nanoseconds: .max)
        histogram.record(nanoseconds: .max)
        #expect(histogram.sumNanoseconds == .max)
        #expect(histogram.counts[16] == 2)
        #expect(histogram.quantile(0.5) == 60_000_000_000)
        #expect(histogram.quantile(-1) != nil)
        #expect(histogram.quantile(.nan) != nil)
    }
}
