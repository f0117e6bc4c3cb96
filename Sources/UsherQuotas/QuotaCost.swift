/// What one request uses of a quota.
///
/// Requests may write their cost themselves, so no spelling makes one cheaper: see `init(written:)`.
public struct QuotaCost: Sendable, Hashable {
    /// Range: 0...`maximum`.
    public let units: UInt64

    /// More counts as so much.
    public static let maximum: UInt64 = 1_000_000

    /// One, which is what a request uses when nobody says anything else.
    public static let one = QuotaCost(units: 1)

    private init(units: UInt64) {
        self.units = units
    }

    /// What a cost that is written somewhere comes to: nothing written is one, and what is not only digits is
    /// `maximum`, because a service may read a large number where we read none.
    public init(written text: Span<UInt8>) {
        self = text.isEmpty ? .one : Self(text) ?? Self(units: Self.maximum)
    }

    /// Reads decimal digits; what is more than `maximum` counts as that. Nil when there is anything but digits.
    public init?(_ digits: Span<UInt8>) {
        guard !digits.isEmpty else { return nil }
        var number: UInt64 = 0
        for index in digits.indices {
            let byte = digits[index]
            guard (0x30...0x39).contains(byte) else { return nil }
            number = min(number &* 10 &+ UInt64(byte &- 0x30), Self.maximum)
        }
        units = number
    }
}
