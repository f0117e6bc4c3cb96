public import UsherCore

/// When an endpoint is taken out for what its answers are like, and for how long.
public struct EjectionPolicy: Sendable, Hashable {
    /// Failures in a row. Range: from 1. Default: 5.
    public var failures: Int
    /// Failures as a share of the latest outcomes, of which there must be `OutcomeWindow.leastOutcomes`. Range:
    /// above 0% to 100%. Default: 50%.
    public var share: Share
    /// How long the first time; doubled on each repetition, up to `longest`. Default: 10 s.
    public var duration: Duration
    /// Of the service's endpoints, rounded down, so many may be out at once. Range: 0%...100%. Default: 50%.
    public var atMost: Share

    /// The longest time-out that doubling leads to. A `duration` above it stays as it is.
    public static let longest = Duration.seconds(300)

    public init(
        failures: Int = 5, share: Share = Share(percent: 50), duration: Duration = .seconds(10),
        atMost: Share = Share(percent: 50)
    ) {
        self.failures = failures
        self.share = share
        self.duration = duration
        self.atMost = atMost
    }

    /// How many of `total` endpoints may be out at once.
    func allowance(of total: Int) -> Int {
        let share = UInt128(min(max(atMost.partsPerMillion, 0), 1_000_000))
        return Int(clamping: share * UInt128(max(total, 0)) / 1_000_000)
    }

    /// The time-out that follows one of `last`, or the first one for nil.
    func length(after last: Duration?) -> Duration {
        guard let last, last > .zero else { return duration }
        let limit = max(Self.longest, duration)
        return last >= limit / 2 ? limit : max(last * 2, duration)
    }
}

/// What a worker saw that speaks for taking an endpoint out.
public enum EjectionCause: Sendable, Hashable {
    /// This many failures in a row.
    case consecutive(Int)
    /// This share of so many outcomes were failures.
    case share(percent: Int, of: Int)

    /// The same for people.
    public var reason: String {
        switch self {
        case .consecutive(let count):
            "\(count) failure\(count == 1 ? "" : "s") in a row"
        case .share(let percent, let total):
            "\(percent) % of \(total) requests failed in \(OutcomeWindow.span.text)"
        }
    }
}
