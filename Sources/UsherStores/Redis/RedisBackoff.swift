internal import UsherCore

/// How long to wait before the next attempt to connect: doubled after each, up to a bound, and shortened by up to half
/// at random, so that gateways which lost their server together do not come back together.
struct RedisBackoff {
    /// 50 ms.
    static let first = Duration.milliseconds(50)
    /// 1 s.
    static let longest = Duration.seconds(1)
    /// A connection that could be used for so long begins anew at `first`. 1 s.
    static let provenAfter = Duration.seconds(1)

    private var full = Self.first

    /// - Parameter lifetime: for how long the last connection could be used; zero when it could not.
    mutating func delay(afterConnectionOf lifetime: Duration, random: inout SeededRandom) -> Duration {
        if lifetime >= Self.provenAfter { self.full = Self.first }
        let full = self.full
        self.full = min(full * 2, Self.longest)
        return full - full / 2000 * random.below(1001)
    }
}
