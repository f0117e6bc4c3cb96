/// Judges `uri-host [ ":" port ]` (RFC 9110 §4.2), more strictly than the grammar.
///
/// Names are letters, digits, `-`, `_` and single dots; percent-encoding, sub-delimiters such as the comma, user
/// information, zone ids and empty ports are refused, because services read them in different ways.
enum Authority {
    /// Longest host name with port, in bytes (RFC 1035 §2.3.4, and `:65535`).
    static let longest = 255 + 6

    static func isValid(_ value: Span<UInt8>, portRequired: Bool = false) -> Bool {
        guard value.count > 0, value.count <= longest else { return false }
        let hostEnd = value[0] == 0x5B ? endOfLiteral(value) : endOfName(value)
        guard let hostEnd else { return false }
        if hostEnd == value.count { return !portRequired }
        return value[hostEnd] == 0x3A && isPort(value, from: hostEnd + 1)
    }

    private static func endOfName(_ value: Span<UInt8>) -> Int? {
        var index = 0
        var isAfterDot = true
        while index < value.count, value[index] != 0x3A {
            let byte = value[index]
            if byte == 0x2E {
                guard !isAfterDot else { return nil }
                isAfterDot = true
            } else {
                guard Octets.isAlphanumeric(byte) || byte == 0x2D || byte == 0x5F else { return nil }
                isAfterDot = false
            }
            index += 1
        }
        return index > 0 ? index : nil
    }

    private static func isPort(_ value: Span<UInt8>, from start: Int) -> Bool {
        guard start < value.count, value.count - start <= 5 else { return false }
        var port = 0
        for index in start..<value.count {
            guard Octets.isDigit(value[index]) else { return false }
            port = port * 10 + Int(value[index] &- 0x30)
        }
        return port <= 65_535
    }

    /// Behind the closing bracket of an IPv6 address (RFC 4291 §2.2); future address forms are refused.
    private static func endOfLiteral(_ value: Span<UInt8>) -> Int? {
        var close = 1
        while close < value.count, value[close] != 0x5D { close += 1 }
        guard close < value.count else { return nil }
        var groups = 0
        var isShortened = false
        var index = 1
        while index < close {
            if value[index] == 0x3A {
                guard index + 1 < close, value[index + 1] == 0x3A, !isShortened else { return nil }
                isShortened = true
                index += 2
                continue
            }
            var end = index
            while end < close, Octets.hexadecimal(value[end]) < 16 { end += 1 }
            if end < close, value[end] == 0x2E {
                guard isDottedQuad(value.extracting(index..<close)) else { return nil }
                groups += 2
                index = close
                continue
            }
            guard end > index, end - index <= 4 else { return nil }
            groups += 1
            index = end
            guard index < close else { continue }
            guard value[index] == 0x3A, index + 1 < close else { return nil }
            // One colon separates; of two the loop takes care.
            if value[index + 1] != 0x3A { index += 1 }
        }
        return (isShortened ? groups <= 7 : groups == 8) ? close + 1 : nil
    }

    private static func isDottedQuad(_ value: Span<UInt8>) -> Bool {
        var parts = 0
        var index = 0
        while index < value.count {
            let start = index
            var number = 0
            while index < value.count, index - start < 3, Octets.isDigit(value[index]) {
                number = number * 10 + Int(value[index] &- 0x30)
                index += 1
            }
            guard index > start, number <= 255, value[start] != 0x30 || index - start == 1 else { return false }
            parts += 1
            guard index < value.count else { break }
            guard value[index] == 0x2E, index + 1 < value.count else { return false }
            index += 1
        }
        return parts == 4
    }
}
