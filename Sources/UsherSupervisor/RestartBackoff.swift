public import UsherCore

/// How long to wait before a process that ended is started again.
///
/// The wait doubles with every run that was too short to count as working, from `first` to `longest`, and begins anew
/// after a run of at least `provenAfter`. Each wait is shortened by up to a quarter at random, so that replicas that
/// fell together do not rise together.
public struct RestartBackoff: Sendable, Hashable {
    public struct Configuration: Sendable, Hashable {
        /// Default 200 ms.
        public var first: Duration = .milliseconds(200)
        /// Default 30 s.
        public var longest: Duration = .seconds(30)
        /// A run of this length has worked; default 10 s.
        public var provenAfter: Duration = .seconds(10)

        public init() {}
    }

    public let configuration: Configuration
    private var wait: Duration

    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        wait = min(configuration.first, configuration.longest)
    }

    /// The wait before the next start, now that a run of `lifetime` is over (zero when it never started).
    public mutating func delay(afterRunOf lifetime: Duration, random: inout SeededRandom) -> Duration {
        if lifetime >= configuration.provenAfter {
            wait = min(configuration.first, configuration.longest)
        }
        let full = wait
        // Compared before doubling, so that no configuration can overflow it.
        wait = full >= configuration.longest / 2 ? configuration.longest : full * 2
        return full - full / 4000 * random.below(1001)
    }
}
