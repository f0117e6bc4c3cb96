internal import UsherCore
package import UsherHTTP

/// What a client connection may cost, in bytes and nanoseconds; docs/threat-model.md has the reasons.
package struct ConnectionLimits: Sendable {
    package var head = HeadLimits()
    /// From a head's first byte to its last; for a PROXY header and for a TLS handshake each as well. Default: 10 s.
    package var headTime: UInt64 = 10_000_000_000
    /// Between two requests. Default: 60 s.
    package var idle: UInt64 = 60_000_000_000
    /// Least bytes of a body in a second, counted from `bodyGrace` after its head. Default: 240.
    package var bodyRate = 240
    /// Time a body may take before its rate counts. 5 s.
    package var bodyGrace: UInt64 = 5_000_000_000
    /// Longest time in which a client takes nothing of what waits for it. 30 s.
    package var writeStall: UInt64 = 30_000_000_000
    /// An unread body up to this many bytes is read and thrown away so that the connection can go on. 64 KiB.
    package var discardMax = 65536
    /// How long a refused client is listened to before the connection is closed for good, so that it reads the answer.
    /// 2 s.
    package var linger: UInt64 = 2_000_000_000

    package init() {}

    /// Whether a body has come more slowly than it must, once its grace is over.
    func isTooSlow(_ bytes: Int, since start: MonotonicTime, now: MonotonicTime) -> Bool {
        let elapsed = now.nanoseconds(since: start)
        let counted = elapsed > self.bodyGrace ? elapsed - self.bodyGrace : 0
        return Double(bytes) < Double(counted) / 1e9 * Double(self.bodyRate)
    }
}
