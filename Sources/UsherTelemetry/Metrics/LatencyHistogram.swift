/// Counts durations in fixed buckets, the same for every service, so that workers and machines can be added up.
///
/// The bounds are those of a Prometheus histogram (`le`, inclusive). Recording allocates nothing and takes no lock.
/// Confinement: owned by one worker; a scrape copies it.
package struct LatencyHistogram: Sendable {
    /// Upper bounds of the buckets but the last, which has none. Unit: nanoseconds; 0.5 ms to 60 s.
    package static let boundsNanoseconds: [UInt64] = [
        500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000,
        500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000, 60_000_000_000,
    ]

    /// The same bounds as text for the `le` label. Unit: seconds.
    package static let boundLabels: [String] = [
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
        "0.5", "1", "2.5", "5", "10", "30", "60",
    ]

    /// Durations per bucket, not cumulative; the last counts what lies above every bound.
    package private(set) var counts = InlineArray<17, UInt64>(repeating: 0)

    /// All durations added up. Unit: nanoseconds; stays at the largest value instead of wrapping (584 years).
    package private(set) var sumNanoseconds: UInt64 = 0

    package init() {}

    /// How many durations were recorded.
    package var count: UInt64 {
        var total: UInt64 = 0
        for bucket in counts.indices { total &+= counts[bucket] }
        return total
    }

    /// Adds one duration.
    package mutating func record(nanoseconds: UInt64) {
        // A counter that goes up by one at a time cannot wrap within the life of a machine.
        counts[Self.bucket(of: nanoseconds)] &+= 1
        sumNanoseconds = sumNanoseconds.addingSaturating(nanoseconds)
    }

    /// Adds everything another histogram has counted.
    package mutating func merge(_ other: LatencyHistogram) {
        for bucket in counts.indices {
            counts[bucket] = counts[bucket].addingSaturating(other.counts[bucket])
        }
        sumNanoseconds = sumNanoseconds.addingSaturating(other.sumNanoseconds)
    }

    /// An estimate of the duration below which the share `fraction` of all lie, in nanoseconds; nil when empty.
    ///
    /// Inside a bucket the durations are taken as evenly spread; above the last bound the answer is that bound (60 s).
    package func quantile(_ fraction: Double) -> UInt64? {
        let total = count
        guard total > 0 else { return nil }
        let rank = min(max(fraction, 0), 1) * Double(total)
        var below: UInt64 = 0
        var lower: UInt64 = 0
        for (bucket, upper) in Self.boundsNanoseconds.enumerated() {
            let inside = counts[bucket]
            if inside > 0, Double(below &+ inside) >= rank {
                let share = (rank - Double(below)) / Double(inside)
                return lower + UInt64(Double(upper - lower) * min(max(share, 0), 1))
            }
            below &+= inside
            lower = upper
        }
        return lower
    }

    /// The first bucket whose bound is not below the duration: most requests end in the first few comparisons.
    private static func bucket(of nanoseconds: UInt64) -> Int {
        let bounds = boundsNanoseconds
        var bucket = 0
        while bucket < bounds.count, nanoseconds > bounds[bucket] { bucket += 1 }
        return bucket
    }
}

extension UInt64 {
    /// The sum, or the largest value where that would overflow.
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
