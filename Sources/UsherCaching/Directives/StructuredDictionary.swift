internal import UsherHTTP

/// Goes through the members of a dictionary of structured values (RFC 9651 §4.2.2), checking all of its syntax.
///
/// Only what directives can be is told apart; other values are read and left behind. Nothing is copied, and every byte
/// is looked at a fixed number of times.
struct StructuredDictionary {
    enum Value: Equatable {
        case integer(Int)
        case boolean(Bool)
        /// The inside of a string, with its escapes, or a token.
        case text(Range<Int>)
        case other
    }

    /// Whether the syntax was broken at some place; then what was read before must not count.
    private(set) var isBroken = false
    private var position = 0
    private var isBegun = false

    /// The next member, nil at the end and at the first fault.
    mutating func next(_ bytes: Span<UInt8>) -> (key: Range<Int>, value: Value)? {
        guard !isBroken else { return nil }
        if isBegun {
            skipWhiteSpace(bytes)
            guard position < bytes.count else { return nil }
            guard take(Text.comma, bytes) else { return fail() }
            skipWhiteSpace(bytes)
            // Nothing behind a comma is a fault.
            guard position < bytes.count else { return fail() }
        } else {
            isBegun = true
            skipSpaces(bytes)
            guard position < bytes.count else { return nil }
        }
        guard let key = key(bytes) else { return fail() }
        var value = Value.boolean(true)
        if take(Text.equals, bytes) {
            guard let read = position < bytes.count && bytes[position] == 0x28 ? innerList(bytes) : bareItem(bytes)
            else { return fail() }
            value = read
        }
        return parameters(bytes) ? (key, value) : fail()
    }

    private mutating func fail() -> (key: Range<Int>, value: Value)? {
        isBroken = true
        return nil
    }

    private mutating func skipSpaces(_ bytes: Span<UInt8>) {
        while position < bytes.count, bytes[position] == Octets.space { position += 1 }
    }

    private mutating func skipWhiteSpace(_ bytes: Span<UInt8>) {
        while position < bytes.count, Text.isWhiteSpace(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private static func isLowerCase(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }

    private mutating func key(_ bytes: Span<UInt8>) -> Range<Int>? {
        let start = position
        guard start < bytes.count, Self.isLowerCase(bytes[start]) || bytes[start] == 0x2A else { return nil }
        while position < bytes.count {
            let byte = bytes[position]
            let isPunctuation = byte == 0x5F || byte == 0x2D || byte == 0x2E || byte == 0x2A
            guard Self.isLowerCase(byte) || Octets.isDigit(byte) || isPunctuation else { break }
            position += 1
        }
        return start..<position
    }

    private mutating func parameters(_ bytes: Span<UInt8>) -> Bool {
        while take(Text.semicolon, bytes) {
            skipSpaces(bytes)
            guard key(bytes) != nil else { return false }
            if take(Text.equals, bytes), bareItem(bytes) == nil { return false }
        }
        return true
    }

    /// `(` items `)`, each with its parameters.
    private mutating func innerList(_ bytes: Span<UInt8>) -> Value? {
        position += 1
        while true {
            skipSpaces(bytes)
            if take(0x29, bytes) { return .other }
            guard bareItem(bytes) != nil, parameters(bytes), position < bytes.count,
                bytes[position] == Octets.space || bytes[position] == 0x29
            else { return nil }
        }
    }

    private mutating func bareItem(_ bytes: Span<UInt8>) -> Value? {
        guard position < bytes.count else { return nil }
        let byte = bytes[position]
        switch byte {
        case 0x2D, 0x30...0x39: return number(bytes)
        case Text.quote: return string(bytes)
        case 0x3F: return boolean(bytes)
        case 0x3A: return byteSequence(bytes)
        case 0x40: return date(bytes)
        case 0x25: return displayString(bytes)
        default: return byte == 0x2A || Self.isLowerCase(byte | 0x20) ? token(bytes) : nil
        }
    }

    /// An integer of at most 15 digits, or a decimal number of at most 12 and 3.
    private mutating func number(_ bytes: Span<UInt8>) -> Value? {
        let isNegative = take(0x2D, bytes)
        var digits = 0
        var result = 0
        while position < bytes.count, Octets.isDigit(bytes[position]), digits <= 15 {
            result = result * 10 + Int(bytes[position] &- 0x30)
            digits += 1
            position += 1
        }
        guard digits > 0, digits <= 15 else { return nil }
        guard take(0x2E, bytes) else { return .integer(isNegative ? -result : result) }
        var fraction = 0
        while position < bytes.count, Octets.isDigit(bytes[position]), fraction <= 3 {
            fraction += 1
            position += 1
        }
        return digits <= 12 && fraction > 0 && fraction <= 3 ? .other : nil
    }

    private mutating func string(_ bytes: Span<UInt8>) -> Value? {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != Text.quote {
            if bytes[position] == Text.backslash {
                position += 1
                guard position < bytes.count, bytes[position] == Text.quote || bytes[position] == Text.backslash
                else { return nil }
            }
            guard (0x20...0x7E).contains(bytes[position]) else { return nil }
            position += 1
        }
        let end = position
        return take(Text.quote, bytes) ? .text(start..<end) : nil
    }

    private mutating func token(_ bytes: Span<UInt8>) -> Value? {
        let start = position
        while position < bytes.count,
            Octets.token.contains(bytes[position]) || bytes[position] == 0x3A || bytes[position] == 0x2F
        {
            position += 1
        }
        return .text(start..<position)
    }

    private mutating func boolean(_ bytes: Span<UInt8>) -> Value? {
        position += 1
        if take(0x31, bytes) { return .boolean(true) }
        return take(0x30, bytes) ? .boolean(false) : nil
    }

    private mutating func byteSequence(_ bytes: Span<UInt8>) -> Value? {
        position += 1
        while position < bytes.count, bytes[position] != 0x3A {
            let byte = bytes[position]
            let isPunctuation = byte == 0x2B || byte == 0x2F || byte == Text.equals
            guard Octets.isDigit(byte) || Self.isLowerCase(byte | 0x20) || isPunctuation else { return nil }
            position += 1
        }
        return take(0x3A, bytes) ? .other : nil
    }

    private mutating func date(_ bytes: Span<UInt8>) -> Value? {
        position += 1
        guard case .integer = number(bytes) else { return nil }
        return .other
    }

    /// `%"` text `"`, where `%` begins an escape of two hexadecimal digits in lower case.
    private mutating func displayString(_ bytes: Span<UInt8>) -> Value? {
        position += 1
        guard take(Text.quote, bytes) else { return nil }
        while position < bytes.count, bytes[position] != Text.quote {
            guard (0x20...0x7E).contains(bytes[position]) else { return nil }
            if bytes[position] == 0x25 {
                guard position + 2 < bytes.count, Self.isHexadecimal(bytes[position + 1]),
                    Self.isHexadecimal(bytes[position + 2])
                else { return nil }
                position += 2
            }
            position += 1
        }
        return take(Text.quote, bytes) ? .other : nil
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        Octets.isDigit(byte) || byte &- 0x61 < 6
    }
}
