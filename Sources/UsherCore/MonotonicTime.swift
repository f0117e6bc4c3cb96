/// A moment on the monotonic clock; whoever decides something gets it as `now` and never reads a clock itself.
///
/// Unit: nanoseconds since an origin that is the same for the whole process. Moments of two processes do not compare.
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since the clock's origin; 2⁶⁴ of them are 584 years.
    public var nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The clock's origin, where tests begin.
    public static let start = MonotonicTime(nanoseconds: 0)

    /// The moment `duration` later; a negative duration counts as none, and the end of time is never passed.
    @inlinable
    public func advanced(by duration: Duration) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.nanosecondsClamped)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }

    /// How long ago `earlier` was; zero when it lies later than this moment.
    @inlinable
    public func elapsed(since earlier: MonotonicTime) -> Duration {
        guard nanoseconds > earlier.nanoseconds else { return .zero }
        // The guard proves that the difference does not wrap.
        return .nanoseconds(Int64(clamping: nanoseconds &- earlier.nanoseconds))
    }

    /// The same in whole nanoseconds, without the cost of a `Duration`.
    @inlinable
    public func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds &- earlier.nanoseconds : 0
    }

    @inlinable
    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

extension Duration {
    /// Whole nanoseconds, rounded down: 0 for a negative duration, `UInt64.max` for one above 584 years.
    @inlinable
    public var nanosecondsClamped: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return overflow || carry ? .max : sum
    }
}
