internal import UsherCore

/// A server that owes an answer: it is asked again and again whether it is there, and given up when it never says so.
struct RedisSilence {
    enum Action: Sendable, Hashable {
        case ping
        case giveUp
    }

    /// Between two pings. 100 ms.
    static let beat = Duration.milliseconds(100)
    /// A connection that is silent for so long is of no more use. 1 s.
    static let longest = Duration.seconds(1)

    let since: MonotonicTime

    /// What to do on a beat.
    func beat(now: MonotonicTime) -> Action {
        now.elapsed(since: self.since) >= Self.longest ? .giveUp : .ping
    }
}
