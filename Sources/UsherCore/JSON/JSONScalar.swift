/// Where a string, a number, a truth value or `null` stands in a document that is UTF-8.
struct JSONScalar {
    typealias Malformed = JSONFieldReader.Malformed

    enum Kind {
        /// Between its quotes stands what it means.
        case plainString
        case escapedString
        /// A number, `true` or `false`, which mean what is written.
        case word
        case null
    }

    let kind: Kind
    /// Offset of the first byte, a string's quote included.
    let start: Int
    /// Offset behind the last byte, a string's quote included.
    let end: Int

    /// Reads the one that begins at `start`, which need not be in the document.
    init(_ document: Span<UInt8>, from start: Int) throws(Malformed) {
        self.start = start
        switch Self.byte(document, start) {
        case UInt8(ascii: "\""): (kind, end) = try Self.readString(document, from: start + 1)
        case UInt8(ascii: "t"): (kind, end) = (.word, try Self.readWord("true", document, from: start))
        case UInt8(ascii: "f"): (kind, end) = (.word, try Self.readWord("false", document, from: start))
        case UInt8(ascii: "n"): (kind, end) = (.null, try Self.readWord("null", document, from: start))
        default: (kind, end) = (.word, try Self.readNumber(document, from: start))
        }
    }

    /// Appends what it means.
    func append(from document: Span<UInt8>, to bytes: inout [UInt8]) throws(Malformed) {
        switch kind {
        case .plainString: bytes.append(document.extracting(start + 1..<end - 1))
        case .escapedString: try appendUnescaped(document, to: &bytes)
        case .word, .null: bytes.append(document.extracting(start..<end))
        }
    }

    /// Whether it means the text, byte by byte; `scratch` ends as it began.
    func equals(_ text: String, in document: Span<UInt8>, _ scratch: inout [UInt8]) throws(Malformed) -> Bool {
        let text = text.utf8Span.span
        if kind == .plainString { return Self.equal(document.extracting(start + 1..<end - 1), text) }
        let count = scratch.count
        try append(from: document, to: &scratch)
        defer { scratch.removeLast(scratch.count - count) }
        return Self.equal(scratch.span.extracting(count...), text)
    }

    private static func equal(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard one.count == other.count else { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }

    // MARK: Words and numbers

    /// The offset behind the word. What follows it is for the caller to judge: a letter there fits no grammar.
    private static func readWord(
        _ word: StaticString, _ document: Span<UInt8>, from start: Int
    ) throws(Malformed) -> Int {
        let isHere = word.withUTF8Buffer { letters in
            for index in letters.indices where unsafe byte(document, start + index) != letters[index] { return false }
            return true
        }
        guard isHere else { throw Malformed() }
        return start + word.utf8CodeUnitCount
    }

    /// `-0.5e+10` and simpler ones (§6).
    private static func readNumber(_ document: Span<UInt8>, from start: Int) throws(Malformed) -> Int {
        var index = start
        if byte(document, index) == UInt8(ascii: "-") { index += 1 }
        if byte(document, index) == UInt8(ascii: "0") {
            index += 1
        } else {
            index = try readDigits(document, from: index)
        }
        if byte(document, index) == UInt8(ascii: ".") { index = try readDigits(document, from: index + 1) }
        if byte(document, index) | 0x20 == UInt8(ascii: "e") {
            let sign = byte(document, index + 1)
            let isSigned = sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")
            index = try readDigits(document, from: index + (isSigned ? 2 : 1))
        }
        return index
    }

    /// At least one.
    private static func readDigits(_ document: Span<UInt8>, from start: Int) throws(Malformed) -> Int {
        var index = start
        // Below "0" the difference wraps around to a large number.
        while byte(document, index) &- UInt8(ascii: "0") < 10 { index += 1 }
        guard index > start else { throw Malformed() }
        return index
    }

    // MARK: Strings

    /// From behind the opening quote; every escape is looked at (§7).
    private static func readString(
        _ document: Span<UInt8>, from start: Int
    ) throws(Malformed) -> (Kind, end: Int) {
        var kind = Kind.plainString
        var index = start
        while true {
            index = endOfPlain(document, from: index)
            switch byte(document, index) {
            case UInt8(ascii: "\""): return (kind, index + 1)
            case UInt8(ascii: "\\"):
                kind = .escapedString
                index = try readEscape(document, from: index).end
            default: throw Malformed()
            }
        }
    }

    private func appendUnescaped(_ document: Span<UInt8>, to bytes: inout [UInt8]) throws(Malformed) {
        var index = start + 1
        while true {
            let plainEnd = Self.endOfPlain(document, from: index)
            bytes.append(document.extracting(index..<plainEnd))
            guard plainEnd < end - 1 else { return }
            let escape = try Self.readEscape(document, from: plainEnd)
            bytes.append(contentsOf: UTF8.encode(escape.scalar) ?? UTF8.encodedReplacementCharacter)
            index = escape.end
        }
    }

    /// The offset of the next quote, backslash or control character, or of the document's end.
    private static func endOfPlain(_ document: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while document.count - index >= 8 {
            // The condition proves that eight bytes are there; any eight are a valid UInt64.
            let word = unsafe document.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let marks = markMask(UInt64(littleEndian: word))
            if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < document.count {
            let byte = document[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return index }
            index += 1
        }
        return index
    }

    /// The high bit of each byte that ends plain text; bits above the lowest set one may be wrong, because borrows
    /// travel upwards.
    private static func markMask(_ word: UInt64) -> UInt64 {
        let low: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ low &* 0x22
        let backslash = word ^ low &* 0x5C
        let isMark = (word &- low &* 0x20) & ~word | (quote &- low) & ~quote | (backslash &- low) & ~backslash
        return isMark & 0x8080_8080_8080_8080
    }

    /// The character that the backslash at `start` begins; two escapes for one outside the basic plane.
    private static func readEscape(
        _ document: Span<UInt8>, from start: Int
    ) throws(Malformed) -> (scalar: Unicode.Scalar, end: Int) {
        let letter = byte(document, start + 1)
        guard letter != UInt8(ascii: "u") else { return try readUnicodeEscape(document, from: start) }
        let scalar: Unicode.Scalar
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(letter)
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{C}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        default: throw Malformed()
        }
        return (scalar, start + 2)
    }

    private static func readUnicodeEscape(
        _ document: Span<UInt8>, from start: Int
    ) throws(Malformed) -> (scalar: Unicode.Scalar, end: Int) {
        let unit = try readUnit(document, from: start)
        if let scalar = Unicode.Scalar(unit) { return (scalar, start + 6) }
        let second = try readUnit(document, from: start + 6)
        guard UTF16.isLeadSurrogate(unit), UTF16.isTrailSurrogate(second) else { throw Malformed() }
        return (UTF16.decode(UTF16.EncodedScalar([unit, second])), start + 12)
    }

    /// `\uXXXX`.
    private static func readUnit(_ document: Span<UInt8>, from start: Int) throws(Malformed) -> UInt16 {
        guard byte(document, start) == UInt8(ascii: "\\"), byte(document, start + 1) == UInt8(ascii: "u") else {
            throw Malformed()
        }
        var unit: UInt16 = 0
        for index in start + 2..<start + 6 {
            guard let digit = hexadecimalDigit(byte(document, index)) else { throw Malformed() }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// Behind the end 0, which no grammar here has a use for.
    private static func byte(_ document: Span<UInt8>, _ index: Int) -> UInt8 {
        index < document.count ? document[index] : 0
    }
}
