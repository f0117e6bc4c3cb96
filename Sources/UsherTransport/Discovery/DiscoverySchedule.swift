package import UsherCore

/// When a name is resolved next; each delay is stretched by up to a tenth, so that many names do not ask in step.
///
/// Last resolution | Next one after
/// ----------------|---------------------------------------------------------------
/// succeeded       | `every`, or sooner when the answer's TTL (at least 1 s) is over sooner
/// failed          | 1 s, doubled with every further failure, up to `every` and at most 30 s
package struct DiscoverySchedule: Sendable, Hashable {
    /// An answer that may not be kept is asked for again after this time.
    static let ttlMin = Duration.seconds(1)
    static let firstPause = Duration.seconds(1)
    static let pauseMax = Duration.seconds(30)

    /// The longest time between two resolutions. Less than 10 ms counts as 10 ms.
    private let every: Duration
    /// After the next failure.
    private var pause: Duration

    package init(every: Duration) {
        self.every = max(every, .milliseconds(10))
        self.pause = min(Self.firstPause, self.every)
    }

    /// - Returns: how long to wait before the next resolution.
    package mutating func succeeded(ttl: Duration, random: inout SeededRandom) -> Duration {
        self.pause = min(Self.firstPause, self.every)
        return Self.stretched(min(self.every, max(ttl, Self.ttlMin)), &random)
    }

    /// - Returns: how long to wait before the next resolution.
    package mutating func failed(random: inout SeededRandom) -> Duration {
        let pause = self.pause
        self.pause = min(pause * 2, self.every, Self.pauseMax)
        return Self.stretched(pause, &random)
    }

    private static func stretched(_ delay: Duration, _ random: inout SeededRandom) -> Duration {
        delay + delay * random.below(1025) / 10240
    }
}
