import UsherCore

/// Takes the text of a `CountryTable` apart.
struct CountryTableReader {
    private(set) var codes: [[UInt8]] = []
    var v4: [CodedIntervals<UInt32>.Entry] = []
    /// Prefixes up to 64, by the first eight bytes.
    var v6: [CodedIntervals<UInt64>.Entry] = []
    var longV6: [CodedIntervals<UInt128>.Entry] = []
    var problems = LineProblems()

    /// Codes as numbers, so that looking for one makes no array.
    private var numbers: [UInt128: UInt16] = [:]
    private var hasSeenLine = false

    private static let longestCode = 16

    mutating func read(_ text: Span<UInt8>) {
        // Spreadsheets write a byte order mark.
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var start = text.count >= 3 && mark.indices.allSatisfy { text[$0] == mark[$0] } ? 3 : 0
        var line = 0
        while start < text.count {
            line += 1
            let end = Self.place(of: "\n", in: text, start..<text.count)
            let content = Self.trimmed(start..<Self.place(of: "#", in: text, start..<end), in: text)
            start = end + 1
            guard !content.isEmpty else { continue }
            do {
                try readLine(text.extracting(content), number: line)
            } catch {
                problems.add(error, line: line)
            }
            hasSeenLine = true
        }
    }

    private mutating func readLine(_ line: Span<UInt8>, number: Int) throws(TextProblem) {
        let comma = Self.place(of: ",", in: line, line.indices)
        let field = line.extracting(Self.unquoted(0..<comma, in: line))
        if !hasSeenLine, Self.isColumnName(field) { return }
        guard comma < line.count else {
            throw TextProblem("'\(shown(line))' is not a range and its code; write it like 192.0.2.0/24,DE")
        }
        let range = try IPRange(text: field)
        let code = try codeNumber(line.extracting(Self.unquoted(comma + 1..<line.count, in: line)))
        let line = UInt32(clamping: number)
        let prefix = range.prefix
        if let first = range.first.v4 {
            v4.append(.init(first: first, prefix: prefix, code: code, line: line))
        } else if prefix <= 64 {
            v6.append(.init(first: range.first.high, prefix: prefix, code: code, line: line))
        } else {
            longV6.append(.init(first: UInt128(range.first), prefix: prefix, code: code, line: line))
        }
    }

    /// The code's place in `codes`, where a new one is added.
    private mutating func codeNumber(_ code: Span<UInt8>) throws(TextProblem) -> UInt16 {
        var packed: UInt128 = 0
        var isCode = (1...Self.longestCode).contains(code.count)
        for index in code.indices where isCode {
            packed = packed << 8 | UInt128(code[index])
            isCode = Self.isCodeByte(code[index])
        }
        guard isCode else {
            let rule = "1 to \(Self.longestCode) letters, digits or -"
            throw TextProblem("'\(shown(code))' is not a code; it has \(rule)")
        }
        if let number = numbers[packed] { return number }
        // The largest number stands for no code.
        guard codes.count < Int(UInt16.max) else { throw TextProblem("there are more than \(UInt16.max) codes") }
        let number = UInt16(codes.count)
        var bytes: [UInt8] = []
        bytes.append(code)
        codes.append(bytes)
        numbers[packed] = number
        return number
    }

    /// Every range has a point, a colon or a slash, and a range that lacks all of them is better told than left aside.
    private static func isColumnName(_ field: Span<UInt8>) -> Bool {
        guard !field.isEmpty, isLetter(field[0]) else { return false }
        for index in field.indices where ".:/".utf8.contains(field[index]) { return false }
        return true
    }

    // MARK: Bytes

    /// The end of the range when there is none.
    private static func place(of mark: Unicode.Scalar, in text: Span<UInt8>, _ range: Range<Int>) -> Int {
        for index in range where text[index] == UInt8(ascii: mark) { return index }
        return range.upperBound
    }

    private static func trimmed(_ range: Range<Int>, in text: Span<UInt8>) -> Range<Int> {
        var range = range
        while let first = range.first, isSpace(text[first]) { range = range.dropFirst() }
        while let last = range.last, isSpace(text[last]) { range = range.dropLast() }
        return range
    }

    /// What stands in a field without the quotes around it, if there are any.
    private static func unquoted(_ range: Range<Int>, in text: Span<UInt8>) -> Range<Int> {
        let field = trimmed(range, in: text)
        let quote = UInt8(ascii: "\"")
        guard field.count >= 2, text[field.lowerBound] == quote, text[field.upperBound - 1] == quote else {
            return field
        }
        return trimmed(field.dropFirst().dropLast(), in: text)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        // Small letters differ from large ones by this bit; below "a" the difference wraps around to a large number.
        (byte | 0x20) &- UInt8(ascii: "a") < 26
    }

    private static func isCodeByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-")
    }
}
