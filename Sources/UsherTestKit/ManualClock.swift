public import UsherCore

/// A clock that stands still until a test moves it, for machines that take `now` as an argument.
public struct ManualClock: Sendable {
    /// Begins one hour after the machine's start, so that a test may also look back.
    public private(set) var now = MonotonicTime(nanoseconds: 3_600_000_000_000)

    public init() {}

    /// Moves the clock on and returns the new time.
    @discardableResult
    public mutating func advance(by duration: Duration) -> MonotonicTime {
        self.now = self.now.advanced(by: duration)
        return self.now
    }
}
