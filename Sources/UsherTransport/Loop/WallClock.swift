import NIOCore
package import UsherCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The calendar's clock, for logs and dates; nothing is ever timed by it.
package enum WallClock {
    /// Milliseconds since the Unix epoch, a few milliseconds late at most.
    package static func milliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// Seconds since the Unix epoch.
    package static var seconds: Int { Int(self.milliseconds() / 1000) }

    /// When a moment that is over was, in seconds since the Unix epoch.
    package static func seconds(at moment: MonotonicTime) -> Int64 {
        let now = MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds)
        return (self.milliseconds() - Int64(clamping: now.nanoseconds(since: moment) / 1_000_000)) / 1000
    }
}
