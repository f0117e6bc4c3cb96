import UsherHTTP

/// Fills a piece of memory with one line of text; what would not fit is left out and noted, never written.
struct LineWriter {
    private let space: UnsafeMutableRawBufferPointer
    private(set) var count = 0
    /// Whether something did not fit; the line must then be thrown away.
    private(set) var overflowed = false

    init(_ space: UnsafeMutableRawBufferPointer) {
        self.space = space
    }

    @inline(__always)
    mutating func append(byte: UInt8) {
        guard reserve(1) else { return }
        space[count] = byte
        count += 1
    }

    /// Inlined, so that a literal becomes a few stores instead of a call.
    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard reserve(bytes.count), let source = bytes.baseAddress, let target = space.baseAddress else { return }
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    mutating func append(decimal value: UInt64) {
        let digits = DecimalDigits.count(value)
        guard reserve(digits) else { return }
        count += digits
        DecimalDigits.write(value, to: space, endingAt: count)
    }

    /// Exactly three digits, the last three of the number.
    mutating func append(threeDigits value: UInt64) {
        guard reserve(3) else { return }
        // Below 1000, so nothing here overflows.
        let rest = UInt32(truncatingIfNeeded: value % 1000)
        let hundreds = rest / 100
        let belowHundred = rest &- hundreds &* 100
        let tens = belowHundred / 10
        space[count] = UInt8(truncatingIfNeeded: hundreds) &+ 0x30
        space[count + 1] = UInt8(truncatingIfNeeded: tens) &+ 0x30
        space[count + 2] = UInt8(truncatingIfNeeded: belowHundred &- tens &* 10) &+ 0x30
        count += 3
    }

    mutating func append(trace: TraceContext) {
        guard reserve(32) else { return }
        trace.writeTrace(to: space, at: count)
        count += 32
    }

    /// Bytes of any origin as the inside of a JSON string: valid UTF-8 passes, each other byte becomes `\u00XX`.
    mutating func appendJSON(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count {
            index += appendPlain(bytes, from: index)
            guard index < bytes.count else { return }
            let byte = bytes[index]
            if byte >= 0x80 {
                let length = Self.sequenceLength(bytes, at: index)
                // U+0080 to U+009F are control characters too.
                if length > 1, !(byte == 0xc2 && bytes[index + 1] < 0xa0) {
                    append(UnsafeRawBufferPointer(rebasing: bytes[index..<(index + length)]))
                    index += length
                    continue
                }
                append("\\u00")
                appendHexadecimal(length > 1 ? bytes[index + 1] : byte)
                index += max(length, 1)
                continue
            }
            switch byte {
            case 0x22: append("\\\"")
            case 0x5c: append("\\\\")
            default:
                append("\\u00")
                appendHexadecimal(byte)
            }
            index += 1
        }
    }

    /// Bytes of any origin between the quotes of a combined line: printable ASCII passes, each other byte is `\xXX`.
    mutating func appendCombined(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count {
            index += appendPlain(bytes, from: index)
            guard index < bytes.count else { return }
            switch bytes[index] {
            case 0x22: append("\\\"")
            case 0x5c: append("\\\\")
            case let byte:
                append("\\x")
                appendHexadecimal(byte)
            }
            index += 1
        }
    }

    /// Copies what both formats leave alone, printable ASCII without quote and backslash; says how much that was.
    private mutating func appendPlain(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard reserve(bytes.count - start) else { return bytes.count - start }
        var index = start
        // Eight at a time: `special` has the top bit of each byte set that is not plain.
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard Self.special(word) == 0 else { break }
            space.storeBytes(of: word, toByteOffset: count, as: UInt64.self)
            count += 8
            index += 8
        }
        let rest = bytes.count - index
        // The last eight once more, when only some of them are left: those that overlap are the same.
        if rest > 0, rest < 8, index - start >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: index - (8 - rest), as: UInt64.self)
            if Self.special(word) == 0 {
                space.storeBytes(of: word, toByteOffset: count - (8 - rest), as: UInt64.self)
                count += rest
                return bytes.count - start
            }
        }
        while index < bytes.count, Self.isPlain(bytes[index]) {
            space[count] = bytes[index]
            count += 1
            index += 1
        }
        return index - start
    }

    /// Zero when all eight bytes are plain. A borrow may mark a plain byte above a special one, but hides none.
    private static func special(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5c)
        let delete = word ^ (ones &* 0x7f)
        let controls = (word &- (ones &* 0x20)) & ~word
        let found = ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((delete &- ones) & ~delete)
        return (word | controls | found) & tops
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c
    }

    private mutating func appendHexadecimal(_ byte: UInt8) {
        let high = byte >> 4
        let low = byte & 0xf
        append(byte: high < 10 ? 0x30 &+ high : 0x57 &+ high)
        append(byte: low < 10 ? 0x30 &+ low : 0x57 &+ low)
    }

    @inline(__always)
    private mutating func reserve(_ bytes: Int) -> Bool {
        guard bytes <= space.count - count else {
            overflowed = true
            return false
        }
        return true
    }

    /// The length of the well-formed UTF-8 sequence of several bytes that begins here, or 0 (Unicode table 3-7).
    private static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch bytes[index] {
        case 0xc2...0xdf: length = 2
        case 0xe0: (length, second) = (3, 0xa0...0xbf)
        case 0xed: (length, second) = (3, 0x80...0x9f)
        case 0xe1...0xef: length = 3
        case 0xf0: (length, second) = (4, 0x90...0xbf)
        case 0xf1...0xf3: length = 4
        case 0xf4: (length, second) = (4, 0x80...0x8f)
        default: return 0
        }
        guard length <= bytes.count - index, second.contains(bytes[index + 1]) else { return 0 }
        for offset in stride(from: 2, to: length, by: 1) where bytes[index + offset] & 0xc0 != 0x80 { return 0 }
        return length
    }
}
