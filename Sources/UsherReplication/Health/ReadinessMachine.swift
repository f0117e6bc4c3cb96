public import UsherCore

/// Decides from active checks whether one replica may take requests.
///
/// State    | Meaning                                         | Left by
/// ---------|-------------------------------------------------|----------------------------------------------------
/// starting | not heard of yet: takes nothing, probed quickly | 1 success → ready; stays so on failures
/// ready    | takes requests                                  | `fall` failures in a row → unready; death → starting
/// unready  | was ready, failed its checks: takes nothing     | `rise` successes in a row → ready; death → starting
///
/// `fall` failures while starting are announced once, as `becameUnready`, so that somebody is told why nothing
/// happens; the first success still suffices, for a slow start is not a flapping replica.
///
/// Confinement: owned by whoever probes. Never reads a clock.
public struct ReadinessMachine: Sendable, Hashable {
    /// How a replica is checked. The defaults are those of `readiness` in `usher.yaml`.
    public struct Configuration: Sendable, Hashable {
        /// From one check to the next, give or take a tenth. Range: from 10 ms. Default: 2 s.
        public var interval: Duration = .seconds(2)
        /// Successes in a row that bring an unready replica back. Range: from 1. Default: 2.
        public var rise = 2
        /// Failures in a row that take a ready replica out. Range: from 1. Default: 3.
        public var fall = 3

        public init() {}

        public init(interval: Duration, rise: Int, fall: Int) {
            self.interval = interval
            self.rise = rise
            self.fall = fall
        }
    }

    /// What an event changed.
    public enum Action: Sendable, Hashable {
        /// Send requests from now on.
        case becameReady
        /// Send no more requests; the reason is for people.
        case becameUnready(reason: String)
        case unchanged
    }

    /// From one check to the next until the first success, when `interval` is longer.
    public static let startInterval = Duration.milliseconds(250)
    /// The shortest span between two checks, whatever is configured.
    public static let leastInterval = Duration.milliseconds(10)
    /// The reason given when a supervised process ended and nothing else is said.
    public static let deathReason = "its process ended"

    private enum State: Hashable { case starting, ready, unready }

    /// How the replica is checked; what is known of it stays when this changes.
    public var configuration: Configuration
    private var state = State.starting
    private var failures = 0
    /// Failing while it starts was told.
    private var isAnnounced = false
    private var successes = 0

    /// Why the replica takes no requests, as of the last failed check; nil while it is ready or unheard of.
    public private(set) var reason: String?
    /// Since when the verdict has been what it is; nil before the first one.
    public private(set) var changedAt: MonotonicTime?
    /// Whether it was ever ready: one that never was is not used even in a panic.
    public private(set) var hasBeenReady = false

    public init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    public var isReady: Bool { state == .ready }

    /// A check succeeded.
    public mutating func probeSucceeded(now: MonotonicTime) -> Action {
        failures = 0
        switch state {
        case .ready:
            reason = nil
            return .unchanged
        case .starting:
            return becomeReady(now: now)
        case .unready:
            successes += 1
            guard successes >= configuration.rise else { return .unchanged }
            return becomeReady(now: now)
        }
    }

    /// A check failed because of `reason`, such as "connection refused" or "status 503".
    public mutating func probeFailed(reason: String, now: MonotonicTime) -> Action {
        successes = 0
        // Saturates: a replica may fail for years.
        failures = failures == .max ? failures : failures + 1
        switch state {
        case .starting:
            self.reason = reason
            guard !isAnnounced, failures >= configuration.fall else { return .unchanged }
            isAnnounced = true
            changedAt = now
            return .becameUnready(reason: reason)
        case .unready:
            self.reason = reason
            return .unchanged
        case .ready:
            guard failures >= configuration.fall else { return .unchanged }
            return leave(to: .unready, reason: reason, now: now)
        }
    }

    /// The supervised process ended: unready at once, and its successor starts like the first one.
    public mutating func replicaDied(reason: String = Self.deathReason, now: MonotonicTime) -> Action {
        let wasReady = isReady
        failures = 0
        successes = 0
        state = .starting
        isAnnounced = false
        self.reason = reason
        guard wasReady else { return .unchanged }
        changedAt = now
        return .becameUnready(reason: reason)
    }

    /// When to check again after the check that just ended, or at the start: an interval, give or take a tenth.
    public func nextProbe(after now: MonotonicTime, random: inout SeededRandom) -> MonotonicTime {
        let wanted = state == .starting ? min(configuration.interval, Self.startInterval) : configuration.interval
        let interval = max(wanted, Self.leastInterval).nanosecondsClamped
        // At most half of the range of Int, so that the sum fits.
        let tenth = Int(clamping: interval / 10)
        let jitter = random.below(2 * min(tenth, .max / 4) + 1)
        return now.advanced(by: .nanoseconds(Int64(clamping: interval - interval / 10)))
            .advanced(by: .nanoseconds(Int64(jitter)))
    }

    private mutating func becomeReady(now: MonotonicTime) -> Action {
        state = .ready
        isAnnounced = false
        successes = 0
        reason = nil
        changedAt = now
        hasBeenReady = true
        return .becameReady
    }

    private mutating func leave(to next: State, reason: String, now: MonotonicTime) -> Action {
        state = next
        self.reason = reason
        changedAt = now
        return .becameUnready(reason: reason)
    }
}
