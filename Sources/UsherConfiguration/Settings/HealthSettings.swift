public import UsherCore

/// The active check that tells whether a replica may take requests.
public struct ReadinessSettings: Sendable, Hashable {
    /// Path and query of the GET; a 2xx answer is a success.
    public var path: String
    /// Between two checks of one replica. Default: 2 s.
    public var interval = Duration.seconds(2)
    /// Default: 1 s.
    public var timeout = Duration.seconds(1)
    /// Successes in a row that make a replica ready again. Default: 2.
    public var rise = 2
    /// Failures in a row that take a replica out. Default: 3.
    public var fall = 3

    public init(path: String) {
        self.path = path
    }
}

/// When a replica is taken out for what its answers are like, and for how long.
public struct EjectionSettings: Sendable, Hashable {
    /// Failures in a row. Range: 1...1000. Default: 5.
    public var failures = 5
    /// Failures as a share of a replica's latest requests. Range: 1%...100%. Default: 50%.
    public var share = Share(percent: 50)
    /// The first time; doubles on repetition, up to 5 min. Range: 100 ms...5 min. Default: 10 s. Key: `for`.
    public var duration = Duration.seconds(10)
    /// Never more of the service's replicas than this are out for it. Range: 0%...100%. Default: 50%.
    public var atMost = Share(percent: 50)

    public init() {}
}
