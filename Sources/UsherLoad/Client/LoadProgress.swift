/// How far a run has come, for a person who waits for it.
package struct LoadProgress: Sendable, Hashable {
    /// Unit: seconds since the first request that counts; 0 during the warm-up.
    package var elapsed: Double
    /// Unit: seconds. Nil: the run ends after a number of requests.
    package var total: Double?
    package var requests: UInt64
    /// Nil: the run ends after a time.
    package var requestsTotal: UInt64?
    /// During the last second, or since the beginning of a shorter run. Unit: requests per second.
    package var ratePerSecond: Double
    package var errors: UInt64
    /// Of everything so far. Unit: milliseconds.
    package var p99: Double?

    package init(
        elapsed: Double, total: Double?, requests: UInt64, requestsTotal: UInt64?, ratePerSecond: Double,
        errors: UInt64, p99: Double?
    ) {
        self.elapsed = elapsed
        self.total = total
        self.requests = requests
        self.requestsTotal = requestsTotal
        self.ratePerSecond = ratePerSecond
        self.errors = errors
        self.p99 = p99
    }

    /// Range: 0...1.
    package var share: Double {
        let ofTime = total.map { $0 > 0 ? elapsed / $0 : 1 } ?? 0
        let ofRequests = requestsTotal.map { $0 > 0 ? Double(requests) / Double($0) : 1 } ?? 0
        return min(max(0, ofTime, ofRequests), 1)
    }

    /// Characters between the brackets of the bar.
    private static let barWidth = 24

    /// `[#####     ] 2.4/10 s  145,000 requests  61,000/s  errors 0  p99 1.2 ms`
    package var line: String {
        let full = Int((share * Double(Self.barWidth)).rounded(.down))
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: Self.barWidth - full)
        let time =
            NumberText.fixed(elapsed, decimals: 1) + (total.map { "/\(NumberText.fixed($0, decimals: 0))" } ?? "")
        let count = NumberText.grouped(requests) + (requestsTotal.map { "/\(NumberText.grouped($0))" } ?? "")
        return "[\(bar)] \(time) s  \(count) requests  \(NumberText.rate(ratePerSecond))/s  "
            + "errors \(NumberText.grouped(errors))  p99 \(NumberText.milliseconds(p99))"
    }
}

/// The rate of the last second, from counts that come a few times in each.
package struct RecentRate: Sendable {
    private var counts: [(time: Double, count: UInt64)] = []
    /// Unit: seconds.
    private static let span = 1.0

    package init() {}

    /// - Parameter time: in seconds, not before the last one.
    package mutating func note(_ count: UInt64, at time: Double) -> Double {
        counts.append((time, count))
        // One that is older than the span stays, to measure from.
        while counts.count > 2, counts[1].time <= time - Self.span { counts.removeFirst() }
        guard let first = counts.first, time > first.time else { return 0 }
        return Double(count &- first.count) / (time - first.time)
    }
}
