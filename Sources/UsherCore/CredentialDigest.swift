/// The SHA-256 of a credential. It is what files hold and what a credential is looked up by; the credential is kept
/// nowhere.
///
/// Without a salt: it stands for random keys and signed tokens, which nobody can guess, and never for a password.
public struct CredentialDigest: Sendable, Hashable, CustomStringConvertible {
    /// Digits of the text form.
    public static let digitCount = 64

    // The first is the most significant, so words in order are bytes in order.
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0
    private var fourth: UInt64 = 0

    /// The 32 bytes as big-endian words, in their order.
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        (first, second, third, fourth) = words
    }

    /// Nil unless the text is 64 hexadecimal digits, of either case.
    public init?(hexadecimal text: some StringProtocol) {
        var count = 0
        for byte in text.utf8 {
            guard count < Self.digitCount, let digit = Self.value(of: byte) else { return nil }
            append(digit)
            count += 1
        }
        guard count == Self.digitCount else { return nil }
    }

    public var words: (UInt64, UInt64, UInt64, UInt64) { (first, second, third, fourth) }

    /// 64 digits in lower case, as `sha256sum` prints them.
    public var hexadecimal: String {
        [first, second, third, fourth].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    public var description: String { hexadecimal }

    /// Moves all digits one place up; the highest falls out.
    private mutating func append(_ digit: UInt64) {
        first = first << 4 | second >> 60
        second = second << 4 | third >> 60
        third = third << 4 | fourth >> 60
        fourth = fourth << 4 | digit
    }

    private static func value(of byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
