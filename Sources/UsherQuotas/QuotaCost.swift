/// What one request uses of a quota.
public struct QuotaCost: Sendable, Hashable {
    /// Range: 0...`maximum`.
    public let units: UInt64

    /// More counts as so much.
    public static let maximum: UInt64 = 1_000_000

    /// One, which is what a request uses when nobody says anything else, or something that is no number.
    public static let one = QuotaCost(units: 1)

    private init(units: UInt64) {
        self.units = units
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
