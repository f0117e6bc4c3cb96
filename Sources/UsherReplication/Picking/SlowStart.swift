import UsherCore

/// How much of its weight an endpoint that came back counts with: a tenth at first, then its part of the ramp.
///
///     factor = max(0.1, (now - begin) ÷ span), 1 from begin + span on
struct SlowStart: Sendable, Hashable {
    /// The least factor, so that an endpoint that is never asked can still show what it does.
    static let leastFactor = 0.1
    /// A begin that says: no ramp.
    static let none = UInt64.max

    /// Length of the ramp. Unit: nanoseconds; 0: no endpoint ramps.
    private let span: UInt64

    init(_ duration: Duration) {
        span = duration.nanosecondsClamped
    }

    /// When a ramp that began at `begin` is over; 0 when there is none.
    func end(of begin: UInt64) -> UInt64 {
        guard begin != Self.none, span > 0 else { return 0 }
        let (end, overflow) = begin.addingReportingOverflow(span)
        return overflow ? .max : end
    }

    /// Range: 0.1...1.
    func factor(since begin: UInt64, now: MonotonicTime) -> Double {
        guard begin != Self.none, span > 0 else { return 1 }
        let elapsed = now.nanoseconds > begin ? now.nanoseconds &- begin : 0
        guard elapsed < span else { return 1 }
        return max(Self.leastFactor, Double(elapsed) / Double(span))
    }
}
