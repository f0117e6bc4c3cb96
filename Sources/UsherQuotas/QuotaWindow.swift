public import UsherCore

/// One limit of a quota: how much may be used at once, and how fast the allowance comes back.
///
/// In any span of time T at most `burst + rate × T` pass (the generic cell rate algorithm, ITU-T I.371 annex A).
public struct QuotaWindow: Sendable, Hashable {
    /// Range: 1...1,000,000 a second, at least 1 a day.
    public let rate: Rate
    /// What may be used at once after a rest. Range: 1...1,000,000,000. Default: the rate's count.
    public let burst: Int
    /// The time in which one unit comes back, rounded up so that never more than `rate` passes. Unit: nanoseconds.
    public let interval: UInt64
    /// The time in which all of it comes back. Unit: nanoseconds; at most `spanMaximum`.
    public let span: UInt64

    /// 400 days.
    public static let spanMaximum: UInt64 = 400 * 86_400 * 1_000_000_000
    public static let burstMaximum = 1_000_000_000

    /// - Throws: what is out of range, as the end of a sentence.
    public init(_ rate: Rate, burst: Int? = nil) throws(TextProblem) {
        let per = rate.per.nanosecondsClamped
        guard rate.count >= 1 else {
            throw TextProblem("\(rate) lets nobody in; the least is 1/d")
        }
        guard per > 0, UInt64(rate.count) <= per / 1000 else {
            throw TextProblem("\(rate) is out of range: at most 1000000/s")
        }
        let burst = burst ?? rate.count
        guard (1...Self.burstMaximum).contains(burst) else {
            throw TextProblem("a burst of \(burst) is out of range: 1 to \(Self.burstMaximum)")
        }
        let interval = (per + UInt64(rate.count) - 1) / UInt64(rate.count)
        let (span, overflow) = interval.multipliedReportingOverflow(by: UInt64(burst))
        guard !overflow, span <= Self.spanMaximum else {
            throw TextProblem("a burst of \(burst) at \(rate) takes longer than 400 days to come back")
        }
        self.rate = rate
        self.burst = burst
        self.interval = interval
        self.span = span
    }

    /// The nearest window that there can be: for numbers that are known to be in range.
    public init(clamping rate: Rate, burst: Int) {
        let per = max(rate.per.nanosecondsClamped, 1000)
        let count = min(max(UInt64(clamping: rate.count), 1), per / 1000)
        interval = (per + count - 1) / count
        let most = min(Self.spanMaximum / interval, UInt64(Self.burstMaximum))
        self.burst = Int(clamping: min(max(UInt64(clamping: burst), 1), max(most, 1)))
        self.rate = rate
        span = interval * UInt64(self.burst)
    }

    /// How much is left when the window is whole again in `debt` nanoseconds.
    @inlinable
    public func remaining(debt: UInt64) -> Int {
        debt >= span ? 0 : Int(clamping: (span - debt) / interval)
    }

    /// Nanoseconds until `cost` fits; 0 when it does. What never fits waits until the window is whole.
    @inlinable
    public func wait(debt: UInt64, cost: UInt64) -> UInt64 {
        let (price, overflow) = interval.multipliedReportingOverflow(by: cost)
        guard !overflow, price <= span else { return max(debt, 1) }
        return debt > span - price ? debt - (span - price) : 0
    }
}
