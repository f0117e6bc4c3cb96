/// The alphabet for URLs (RFC 4648 §5) without padding, for values of 39 bytes: 13 groups of three bytes.
enum Base64URL {
    /// Nil unless these are 52 characters of the alphabet.
    static func decode(_ text: Span<UInt8>) -> InlineArray<39, UInt8>? {
        guard text.count == 52 else { return nil }
        var bytes = InlineArray<39, UInt8>(repeating: 0)
        for group in 0..<13 {
            var bits: UInt32 = 0
            for offset in 0..<4 {
                // A byte outside of the alphabet sets bits that no group of four has.
                bits = bits &<< 6 | value(text[group * 4 + offset])
                guard bits < 1 << 24 else { return nil }
            }
            for offset in 0..<3 {
                bytes[group * 3 + offset] = UInt8(truncatingIfNeeded: bits &>> UInt32(16 - 8 * offset))
            }
        }
        return bytes
    }

    static func encode(_ bytes: InlineArray<39, UInt8>) -> InlineArray<52, UInt8> {
        var text = InlineArray<52, UInt8>(repeating: 0)
        for group in 0..<13 {
            var bits: UInt32 = 0
            for offset in 0..<3 { bits = bits &<< 8 | UInt32(bytes[group * 3 + offset]) }
            for offset in 0..<4 {
                text[group * 4 + offset] = character(bits &>> UInt32(18 - 6 * offset) & 63)
            }
        }
        return text
    }

    /// 0...63, or `UInt32.max`.
    @inline(__always)
    private static func value(_ character: UInt8) -> UInt32 {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character &- UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character &- UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character &- UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: .max
        }
    }

    private static func character(_ value: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: value)
        return switch value {
        case 0..<26: UInt8(ascii: "A") &+ value
        case 26..<52: UInt8(ascii: "a") &+ (value &- 26)
        case 52..<62: UInt8(ascii: "0") &+ (value &- 52)
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }
}
