import Testing
import UsherCore

@Suite struct MonotonicTimeTests {
    @Test(
        "a moment advances by a duration and never passes the end of time",
        arguments: [
            (0, Duration.seconds(1), 1_000_000_000), (5, .zero, 5), (5, .seconds(-3), 5),
            (UInt64.max - 1, .nanoseconds(5), .max), (0, .seconds(Int64.max), .max),
        ] as [(UInt64, Duration, UInt64)])
    func advanced(start: UInt64, duration: Duration, expected: UInt64) {
        #expect(MonotonicTime(nanoseconds: start).advanced(by: duration).nanoseconds == expected)
    }

    @Test(
        "elapsed time is zero when the earlier moment lies later, and saturates",
        arguments: [
            (10, 4, Duration.nanoseconds(6)), (4, 10, .zero), (7, 7, .zero), (.max, 0, .nanoseconds(Int64.max)),
        ] as [(UInt64, UInt64, Duration)])
    func elapsed(now: UInt64, earlier: UInt64, expected: Duration) {
        #expect(MonotonicTime(nanoseconds: now).elapsed(since: MonotonicTime(nanoseconds: earlier)) == expected)
    }

    @Test(
        "a duration's nanoseconds are rounded down, never negative, and saturate",
        arguments: [
            (Duration.seconds(-1), 0), (.zero, 0),
            (Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999), 1),
            (.milliseconds(1500), 1_500_000_000), (.seconds(Int64.max), .max),
            (Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_615_000_000_000), .max),
            (Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_616_000_000_000), .max),
        ] as [(Duration, UInt64)])
    func nanoseconds(duration: Duration, expected: UInt64) {
        #expect(duration.nanosecondsClamped == expected)
    }

    @Test("moments are ordered by time")
    func order() {
        #expect(MonotonicTime.start < MonotonicTime(nanoseconds: 1))
    }
}
