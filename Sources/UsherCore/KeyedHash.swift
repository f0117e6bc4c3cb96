/// A value's name in a table: 128 bits under a secret key, so that nobody outside can make two values meet or choose
/// where one lies.
public struct KeyedHash: Sendable, Hashable {
    public let high: UInt64
    public let low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameters:
    ///   - secret: random, and the same as long as the table lives.
    ///   - space: keeps equal values apart that mean different things.
    public init(value: Span<UInt8>, secret: (UInt64, UInt64), space: UInt64 = 0) {
        // Another space is another key.
        var hash = SipHash(key: (secret.0 ^ space, secret.1), isWide: true)
        hash.append(value)
        (high, low) = hash.finishWide()
    }

    @inlinable
    public static func == (left: KeyedHash, right: KeyedHash) -> Bool {
        left.low == right.low && left.high == right.high
    }

    /// It is a hash already: one word of it is as good as both.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(low)
    }
}
