public import UsherCore

/// How tries at one endpoint ended lately, as one worker saw them; says when that speaks for taking the endpoint out.
///
/// Two half windows of five seconds: what is judged is 5 to 10 s old at most. After a report counting begins anew, so
/// that the same failures are not reported twice.
///
/// Confinement: owned by one event loop. Never reads a clock. 32 bytes.
public struct OutcomeWindow: Sendable, Hashable {
    /// Time over which the share of failures is taken.
    public static let span = Duration.seconds(10)
    /// Fewer outcomes than these say nothing about a share.
    public static let leastOutcomes = 20

    /// Half of `span`, in nanoseconds.
    private static let half: UInt64 = 5_000_000_000

    private var halfBegan: UInt64 = 0
    private var outcomes: UInt32 = 0
    private var failures: UInt32 = 0
    private var earlierOutcomes: UInt32 = 0
    private var earlierFailures: UInt32 = 0
    private var inRow: UInt32 = 0

    public init() {}

    /// Counts an outcome; not nil when `policy` would have the endpoint taken out for it.
    public mutating func record(failed: Bool, now: MonotonicTime, _ policy: EjectionPolicy?) -> EjectionCause? {
        guard let policy else { return nil }
        move(to: now)
        if outcomes < .max { outcomes += 1 }
        guard failed else {
            inRow = 0
            return nil
        }
        if failures < .max { failures += 1 }
        if inRow < .max { inRow += 1 }
        guard let cause = cause(by: policy) else { return nil }
        reset()
        return cause
    }

    /// Forgets everything: the endpoint was away, or what it did was reported.
    public mutating func reset() {
        self = OutcomeWindow(halfBegan: halfBegan)
    }

    private init(halfBegan: UInt64) {
        self.halfBegan = halfBegan
    }

    private mutating func move(to now: MonotonicTime) {
        guard now.nanoseconds > halfBegan else { return }
        let elapsed = now.nanoseconds &- halfBegan
        guard elapsed >= Self.half else { return }
        let isNext = elapsed < 2 * Self.half
        earlierOutcomes = isNext ? outcomes : 0
        earlierFailures = isNext ? failures : 0
        outcomes = 0
        failures = 0
        // Halves begin at multiples of their length.
        halfBegan = now.nanoseconds - now.nanoseconds % Self.half
    }

    private func cause(by policy: EjectionPolicy) -> EjectionCause? {
        if Int(inRow) >= max(policy.failures, 1) { return .consecutive(Int(inRow)) }
        // 33 bits each.
        let total = UInt64(outcomes) + UInt64(earlierOutcomes)
        let failed = UInt64(failures) + UInt64(earlierFailures)
        guard total >= Self.leastOutcomes else { return nil }
        let needed = UInt64(min(max(policy.share.partsPerMillion, 1), 1_000_000))
        // 33 bits times 20 bits.
        guard failed * 1_000_000 >= total * needed else { return nil }
        return .share(percent: Int(failed * 100 / total), of: Int(total))
    }
}
