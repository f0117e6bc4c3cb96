import NIOCore

/// Classes of bytes, and ways to look at eight of them at once.
package enum Octets {
    package static let carriageReturn: UInt8 = 0x0D
    package static let lineFeed: UInt8 = 0x0A
    package static let space: UInt8 = 0x20
    package static let tab: UInt8 = 0x09

    /// A set of ASCII bytes as two words of bits. Constants, because a table made at its first use costs a call at each
    /// other one.
    package struct Set {
        var low: UInt64
        var high: UInt64

        @inline(__always)
        package func contains(_ byte: UInt8) -> Bool {
            let word = byte < 64 ? low : byte < 128 ? high : 0
            return word &>> UInt64(byte & 63) & 1 != 0
        }
    }

    /// Bytes of a token: letters, digits and ``!#$%&'*+-.^_`|~`` (RFC 9110 §5.6.2).
    @inline(__always)
    package static var token: Set { Set(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }

    /// Bytes that mean the same percent-encoded: letters, digits and `-._~` (RFC 3986 §2.3).
    @inline(__always)
    static var unreserved: Set { Set(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }

    /// Bytes that need no second look in a target: letters, digits and `-_~!$&'()*+,;=:@[]`.
    @inline(__always)
    static var plain: Set { Set(low: 0x2FFF_3FD2_0000_0000, high: 0x47FF_FFFE_AFFF_FFFF) }

    /// `%`, and what clients send though they should encode it: ``"<>\^`{|}``.
    @inline(__always)
    static var encoding: Set { Set(low: 0x5000_0024_0000_0000, high: 0x3800_0001_5000_0000) }

    /// The value of a hexadecimal digit, 255 for other bytes.
    @inline(__always)
    static func hexadecimal(_ byte: UInt8) -> UInt8 {
        if isDigit(byte) { return byte &- 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : 255
    }

    @inline(__always)
    package static func isDigit(_ byte: UInt8) -> Bool {
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
    package static func lowercased(_ byte: UInt8) -> UInt8 {
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

    /// Offset of the first byte in a range that is not of a token, its end when there is none.
    @inline(__always)
    static func endOfToken(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 8 {
            let others = nameMask(word(bytes, at: index))
            guard others != 0 else {
                index &+= 8
                continue
            }
            index &+= others.trailingZeroBitCount &>> 3
            guard token.contains(bytes[index]) else { return index }
            index &+= 1
        }
        while index < end, token.contains(bytes[index]) { index &+= 1 }
        return index
    }

    /// The high bit of each byte that is neither a letter nor `-`, which is what most names are made of.
    @inline(__always)
    private static func nameMask(_ word: UInt64) -> UInt64 {
        let low: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        // Seven bits a byte, so that no sum carries into the next byte.
        let lower = (word | low &* 0x20) & ~high
        let letters = (lower &+ low &* (0x80 - 0x61)) & ~(lower &+ low &* (0x80 - 0x7B))
        let dashes = ~(((word ^ low &* 0x2D) & ~high) &+ ~high)
        return (~(letters | dashes) | word) & high
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
