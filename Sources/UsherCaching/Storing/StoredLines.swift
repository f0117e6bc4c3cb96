internal import UsherHTTP

/// Goes through the lines that are kept of an answer: `Name: value` and CRLF each, written by `StoredFields`. Ends at
/// whatever is no such line, where `FieldLines` goes on behind it.
struct StoredLines {
    /// A line as places in the bytes.
    struct Line {
        var name: Range<Int>
        /// Without the white space around it.
        var value: Range<Int>
        /// With its CRLF.
        var whole: Range<Int>
    }

    private var position = 0

    /// The next line; nil at the end, and at bytes that are no line.
    mutating func next(_ lines: Span<UInt8>) -> Line? {
        let start = position
        let nameEnd = Text.endOfToken(lines, from: start)
        guard nameEnd > start, nameEnd < lines.count, lines[nameEnd] == 0x3A else { return nil }
        var end = nameEnd + 1
        while end < lines.count, lines[end] != Octets.carriageReturn { end += 1 }
        guard end + 1 < lines.count, lines[end + 1] == Octets.lineFeed else { return nil }
        position = end + 2
        return Line(name: start..<nameEnd, value: Text.trimmed(nameEnd + 1..<end, lines), whole: start..<position)
    }
}
