import NIOCore

/// Classes of bytes, and ways to look at eight of them at once.
enum Octets {
    static let carriageReturn: UInt8 = 0x0D
    static let lineFeed: UInt8 = 0x0A
    static let space: UInt8 = 0x20
    static let tab: UInt8 = 0x09

    /// Whether a byte may stand in a token (RFC 9110 §5.6.2).
    static let token: InlineArray<256, Bool> = InlineArray { index in
        let byte = UInt8(truncatingIfNeeded: index)
        return isAlphanumeric(byte) || contains(byte, in: "!#$%&'*+-.^_`|~")
    }

    /// Whether a percent-encoded byte means the same as the byte itself (RFC 3986 §2.3).
    static let unreserved: InlineArray<256, Bool> = InlineArray { index in
        let byte = UInt8(truncatingIfNeeded: index)
        return isAlphanumeric(byte) || contains(byte, in: "-._~")
    }

    /// The value of a hexadecimal digit, 255 for other bytes.
    static let hexadecimal: InlineArray<256, UInt8> = InlineArray { index in
        switch UInt8(truncatingIfNeeded: index) {
        case let byte where byte >= 0x30 && byte <= 0x39: byte - 0x30
        case let byte where byte >= 0x41 && byte <= 0x46: byte - 0x41 + 10
        case let byte where byte >= 0x61 && byte <= 0x66: byte - 0x61 + 10
        default: 255
        }
    }

    static func contains(_ byte: UInt8, in text: StaticString) -> Bool {
        for index in 0..<text.utf8CodeUnitCount where unsafe text.utf8Start[index] == byte { return true }
        return false
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10
    }

    @inline(__always)
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || isDigit(byte)
    }

    /// Control bytes, the tab among them.
    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F
    }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// A byte of a field name without case and with `_` read as `-`.
    @inline(__always)
    static func folded(_ byte: UInt8) -> UInt8 {
        byte == 0x5F ? 0x2D : lowercased(byte)
    }

    /// Eight bytes as one word, the first in the lowest bits.
    @inline(__always)
    static func word(_ bytes: Span<UInt8>, at index: Int) -> UInt64 {
        // RawSpan checks the bounds; any eight bytes are a valid UInt64.
        unsafe UInt64(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// Four bytes as one word, the first in the lowest bits.
    @inline(__always)
    static func halfWord(_ bytes: Span<UInt8>, at index: Int) -> UInt64 {
        // As above.
        UInt64(unsafe UInt32(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt32.self)))
    }

    /// Offset of the first control byte in a range, its end when there is none.
    @inline(__always)
    static func firstControl(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 8 {
            let hits = controlMask(word(bytes, at: index))
            if hits != 0 { return index &+ hits.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < end, !isControl(bytes[index]) { index &+= 1 }
        return index
    }

    /// The high bit of each control byte; bits above the lowest set one may be wrong, because borrows travel upwards.
    @inline(__always)
    private static func controlMask(_ word: UInt64) -> UInt64 {
        let low: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        let belowSpace = (word &- low &* 0x20) & ~word
        let difference = word ^ (low &* 0x7F)
        let delete = (difference &- low) & ~difference
        return (belowSpace | delete) & high
    }
}

extension ByteBuffer {
    /// Copies bytes to the buffer's end.
    @inline(__always)
    mutating func append(_ bytes: Span<UInt8>) {
        // Bytes have no padding that could be left without a value.
        unsafe writeBytes(bytes.bytes)
    }
}
