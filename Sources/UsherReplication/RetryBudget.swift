public import UsherCore

/// Decides whether a failed try may be repeated, so that retries cannot multiply an overload.
///
/// Every request earns `share` of a retry and every second `floor` of one; savings fade with a time constant of
/// `savingTime`. So in any span of time T
///
///     retries ≤ floor × T + share × requests in T + savings at its begin
///
/// and the savings approach, and with even traffic never exceed, what `savingTime` earns: floor × 10 s + share × the
/// requests of 10 s. A new budget has saved up its floor. A worker gets its part of the floor.
///
/// Confinement: owned by one event loop. Never reads a clock.
public struct RetryBudget: Sendable {
    /// How long savings last: after this time 37 % of them are left.
    public static let savingTime = Duration.seconds(10)

    /// Retries earned by one request. Range: 0...1.
    public let share: Double
    /// Retries earned by one second, requests or not. Range: from 0.
    public let floorPerSecond: Double
    private var savings: Double
    private var settledAt: MonotonicTime

    /// Values out of range (and not-a-number) count as the nearest end of it.
    public init(share: Double, floorPerSecond: Double, now: MonotonicTime) {
        self.share = share > 0 ? min(share, 1) : 0
        self.floorPerSecond = floorPerSecond > 0 ? min(floorPerSecond, 1e9) : 0
        savings = self.floorPerSecond * Self.savingSeconds
        settledAt = now
    }

    /// Retries that could be made at once, as of the last event.
    public var available: Int { Int(savings) }

    /// A request (not a retry) was accepted and earns its share.
    public mutating func requestArrived(now: MonotonicTime) {
        settle(now: now)
        savings += share
    }

    /// Whether a try may be repeated now; a yes is paid for at once.
    public mutating func mayRetry(now: MonotonicTime) -> Bool {
        settle(now: now)
        guard savings >= 1 else { return false }
        savings -= 1
        return true
    }

    private static let savingSeconds = 10.0

    /// Adds the floor's earnings since the last event and lets the savings fade: the solution of s' = floor - s ÷ 10 s.
    private mutating func settle(now: MonotonicTime) {
        guard now > settledAt else { return }
        let elapsed = now.nanoseconds &- settledAt.nanoseconds
        settledAt = now
        let kept = Decay.remaining(after: elapsed, timeConstant: Self.savingSeconds * 1e9)
        savings = savings * kept + floorPerSecond * Self.savingSeconds * (1 - kept)
    }
}
