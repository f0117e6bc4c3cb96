/// Undoes the escapes of a log in place: what they stand for is never longer than they are.
enum Unescaping {
    /// `\"`, `\\` and `\x22`, as nginx and Apache write them; others stay as they are.
    static func combined(_ bytes: inout [UInt8], _ place: Range<Int>) -> Range<Int> {
        var (read, write) = (place.lowerBound, place.lowerBound)
        while read < place.upperBound {
            var byte = bytes[read]
            read += 1
            if byte == 0x5C, read < place.upperBound {
                if bytes[read] == UInt8(ascii: "x"), let value = hexadecimal(bytes, read + 1, 2, place.upperBound) {
                    byte = UInt8(truncatingIfNeeded: value)
                    read += 3
                } else if bytes[read] == 0x22 || bytes[read] == 0x5C {
                    byte = bytes[read]
                    read += 1
                }
            }
            bytes[write] = byte
            write += 1
        }
        return place.lowerBound..<write
    }

    /// The inside of a JSON string (RFC 8259 §7); what is no escape stays as it is.
    static func json(_ bytes: inout [UInt8], _ place: Range<Int>) -> Range<Int> {
        var (read, write) = (place.lowerBound, place.lowerBound)
        while read < place.upperBound {
            let byte = bytes[read]
            read += 1
            guard byte == 0x5C, read < place.upperBound else {
                bytes[write] = byte
                write += 1
                continue
            }
            let escape = bytes[read]
            read += 1
            if escape == UInt8(ascii: "u"), let unit = hexadecimal(bytes, read, 4, place.upperBound) {
                read += 4
                write = put(scalar(unit, bytes, &read, place.upperBound), &bytes, write)
            } else {
                bytes[write] = plain(escape)
                write += 1
            }
        }
        return place.lowerBound..<write
    }

    private static func plain(_ escape: UInt8) -> UInt8 {
        switch escape {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        default: escape
        }
    }

    /// Joins a pair of surrogates; half of one is U+FFFD.
    private static func scalar(_ unit: UInt32, _ bytes: [UInt8], _ read: inout Int, _ end: Int) -> Unicode.Scalar {
        if (0xD800...0xDBFF).contains(unit), bytes.begins(with: "\\u", read..<end),
            let low = hexadecimal(bytes, read + 2, 4, end), (0xDC00...0xDFFF).contains(low)
        {
            read += 6
            return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + low - 0xDC00) ?? "\u{FFFD}"
        }
        return Unicode.Scalar(unit) ?? "\u{FFFD}"
    }

    private static func put(_ scalar: Unicode.Scalar, _ bytes: inout [UInt8], _ write: Int) -> Int {
        var write = write
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            bytes[write] = byte
            write += 1
        }
        return write
    }

    private static func hexadecimal(_ bytes: [UInt8], _ start: Int, _ count: Int, _ end: Int) -> UInt32? {
        guard start + count <= end else { return nil }
        var value: UInt32 = 0
        for byte in bytes[start..<start + count] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
                value = value << 4 | UInt32((byte | 0x20) - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }
}
