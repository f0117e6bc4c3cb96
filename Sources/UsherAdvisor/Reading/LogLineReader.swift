/// Reads lines of access logs, each in whatever form it has.
package struct LogLineReader {
    private var clients = ClientReader()

    package init() {}

    /// Nil for a line that tells of no request. Escapes are undone where they stand, so a line can be read once.
    package mutating func read(_ bytes: inout [UInt8], _ line: Range<Int>) -> LogEntry? {
        guard let first = line.first else { return nil }
        return bytes[first] == UInt8(ascii: "{")
            ? JSONLine.read(&bytes, line, &clients) : CombinedLine.read(&bytes, line, &clients)
    }
}
