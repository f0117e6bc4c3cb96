/// Field lines that were written out: `Name: value` and CR LF each.
public enum FieldLines {
    /// Copies lines without those of some names.
    ///
    /// - Parameter names: in lower case.
    public static func copy(
        _ lines: Span<UInt8>, to writer: inout HeadWriter, dropping: HeaderSet, names: [[UInt8]]
    ) {
        var position = 0
        while let line = next(lines, &position) {
            let name = lines.extracting(line.name)
            if dropping.contains(HeaderNames.shared.id(lines, from: line.name.lowerBound, count: line.name.count)) {
                continue
            }
            if names.contains(where: { equalsFolded(name, $0.span) }) { continue }
            writer.write(lines, line.whole)
        }
    }

    /// The next line, its name and its value without the white space around it; nil at the end.
    package static func next(
        _ lines: Span<UInt8>, _ position: inout Int
    ) -> (name: Range<Int>, value: Range<Int>, whole: Range<Int>)? {
        while position < lines.count {
            let start = position
            var colon = start
            while colon < lines.count, lines[colon] != 0x3A, lines[colon] != Octets.lineFeed { colon += 1 }
            var end = colon
            while end < lines.count, lines[end] != Octets.lineFeed { end += 1 }
            position = min(end + 1, lines.count)
            // Lines of our own writing are well formed; others are left out.
            guard colon < end, colon > start else { continue }
            var valueStart = colon + 1
            var valueEnd = end
            while valueStart < valueEnd, lines[valueStart] == Octets.space { valueStart += 1 }
            while valueEnd > valueStart, lines[valueEnd - 1] <= Octets.space { valueEnd -= 1 }
            return (start..<colon, valueStart..<valueEnd, start..<position)
        }
        return nil
    }
}
