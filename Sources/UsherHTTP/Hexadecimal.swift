/// Lower-case hexadecimal digits, eight at a time in one register: every request writes some ninety of them.
package enum Hexadecimal {
    /// Writes 16 digits; the caller has made sure that there is room.
    @unsafe
    package static func write(_ value: UInt64, to space: UnsafeMutableRawBufferPointer, at offset: Int) {
        let high = digits(UInt32(truncatingIfNeeded: value >> 32))
        let low = digits(UInt32(truncatingIfNeeded: value))
        unsafe space.storeBytes(of: high.bigEndian, toByteOffset: offset, as: UInt64.self)
        unsafe space.storeBytes(of: low.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
    }

    /// The number that 16 digits give; nil where they end early or one is no lower-case digit.
    package static func read(_ bytes: Span<UInt8>, at offset: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - 16, let high = value(word(bytes, at: offset)),
            let low = value(word(bytes, at: offset + 8))
        else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    /// The number that two digits give.
    package static func readByte(_ bytes: Span<UInt8>, at offset: Int) -> UInt8? {
        guard offset >= 0, offset <= bytes.count - 2 else { return nil }
        let pair = UInt64(bytes[offset]) << 8 | UInt64(bytes[offset + 1])
        return value(0x3030_3030_3030_0000 | pair).map { UInt8(truncatingIfNeeded: $0) }
    }

    /// Eight bytes as a number, the first one on top.
    private static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in offset..<(offset + 8) { word = word << 8 | UInt64(bytes[index]) }
        return word
    }

    /// The eight digits of a number as the bytes of another, the first digit on top.
    private static func digits(_ value: UInt32) -> UInt64 {
        var spread = UInt64(value)
        spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff
        spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff
        spread = (spread | spread << 4) & 0x0f0f_0f0f_0f0f_0f0f
        // Each byte is below 16, so no sum here carries into the next one: letters are 10 and above.
        let letters = ((spread &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// Reads as if all were digits, and then looks whether writing the result gives the same bytes.
    private static func value(_ word: UInt64) -> UInt32? {
        let letters = (word >> 6) & 0x0101_0101_0101_0101
        var packed = ((word & 0x0f0f_0f0f_0f0f_0f0f) &+ letters &* 9) & 0x0f0f_0f0f_0f0f_0f0f
        packed = (packed | packed >> 4) & 0x00ff_00ff_00ff_00ff
        packed = (packed | packed >> 8) & 0x0000_ffff_0000_ffff
        let value = UInt32(truncatingIfNeeded: packed | packed >> 16)
        return digits(value) == word ? value : nil
    }
}
