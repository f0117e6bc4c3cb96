internal import Histogram

/// How long requests took: counts in an HdrHistogram, exact to a thousandth of each value.
package struct LatencyHistogram: Sendable {
    /// What is longer counts as so long. One hour, in nanoseconds.
    private static let longest: UInt64 = 3_600_000_000_000

    // Nanoseconds; below a microsecond differences are not told apart, for no clock reading is better than that.
    private var counts = Histogram<UInt64>(
        lowestDiscernibleValue: 1000, highestTrackableValue: longest, numberOfSignificantValueDigits: .three)

    package init() {}

    package var count: UInt64 { counts.totalCount }

    package mutating func record(nanoseconds: UInt64) {
        counts.record(min(nanoseconds, Self.longest))
    }

    /// Adds what another one has seen.
    package mutating func merge(_ other: LatencyHistogram) {
        counts.add(other.counts)
    }

    /// What so many of a hundred requests did not take longer than. Unit: milliseconds. Nil when there was none.
    package func percentile(_ percent: Double) -> Double? {
        count == 0 ? nil : Self.milliseconds(Double(min(counts.valueAtPercentile(percent), counts.maxRecorded)))
    }

    /// Unit: milliseconds.
    package var maximum: Double? {
        count == 0 ? nil : Self.milliseconds(Double(counts.maxRecorded))
    }

    /// Unit: milliseconds.
    package var mean: Double? {
        count == 0 ? nil : Self.milliseconds(counts.mean)
    }

    /// To the microsecond.
    private static func milliseconds(_ nanoseconds: Double) -> Double {
        (nanoseconds / 1000).rounded() / 1000
    }
}
