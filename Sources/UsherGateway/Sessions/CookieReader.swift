/// Finds cookies by name in a `Cookie` or `Set-Cookie` field without copying (RFC 6265 §4.2.1, §5.2).
struct CookieReader {
    private var position = 0

    /// Where the next value of this name stands, without the white space around it; nil at the end of the field.
    ///
    /// - Parameters:
    ///   - name: letter case counts; without `=`, `;` and white space.
    ///   - field: the same at every call.
    mutating func next(named name: [UInt8], in field: Span<UInt8>) -> Range<Int>? {
        while self.position < field.count {
            let start = self.position
            let end = Self.end(of: field, from: start)
            self.position = end + 1
            if let value = Self.value(of: name, in: field, start..<end) { return value }
        }
        return nil
    }

    /// The value in a `Set-Cookie`, where attributes follow behind the first `;`.
    static func set(_ name: [UInt8], in field: Span<UInt8>) -> Range<Int>? {
        self.value(of: name, in: field, 0..<self.end(of: field, from: 0))
    }

    /// The value of one pair, when it has this name.
    private static func value(of name: [UInt8], in field: Span<UInt8>, _ pair: Range<Int>) -> Range<Int>? {
        var index = self.pastSpace(field, pair)
        guard pair.upperBound - index > name.count else { return nil }
        for byte in name {
            guard field[index] == byte else { return nil }
            index += 1
        }
        index = self.pastSpace(field, index..<pair.upperBound)
        guard index < pair.upperBound, field[index] == UInt8(ascii: "=") else { return nil }
        let lower = self.pastSpace(field, index + 1..<pair.upperBound)
        var upper = pair.upperBound
        while upper > lower, self.isSpace(field[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    /// Offset of the next `;`, or of the field's end; eight bytes at a time, because a browser's cookies are long.
    private static func end(of field: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while field.count - index >= 8 {
            // The condition proves that eight bytes are there; any eight are a valid UInt64.
            let loaded = field.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let word = UInt64(littleEndian: loaded) ^ 0x3B3B_3B3B_3B3B_3B3B
            // The lowest high bit set is that of the first zero byte.
            let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if zeros != 0 { return index + zeros.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < field.count, field[index] != UInt8(ascii: ";") { index += 1 }
        return index
    }

    private static func pastSpace(_ field: Span<UInt8>, _ range: Range<Int>) -> Int {
        var index = range.lowerBound
        while index < range.upperBound, self.isSpace(field[index]) { index += 1 }
        return index
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
}
