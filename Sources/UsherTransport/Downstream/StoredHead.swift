import UsherHTTP

/// The head of an answer that a cache keeps, as it is sent to one client.
package struct StoredHead {
    /// 200...599.
    package var status: Int
    /// Whole field lines lie in `lines` of it, and a small body may lie behind them.
    package var bytes: [UInt8]
    package var lines: Range<Int>
    /// Of the body as this answer has it; nil: it ends when it ends.
    package var length: Int?
    /// False: to HEAD, and 204 and 304.
    package var hasBody: Bool
    /// Seconds; nil: it is as old as its `Date` says.
    package var age: Int?
    /// Of a 206 the part of the whole; of a 416 none of it (RFC 9110 §14.4).
    package var part: (range: Range<Int>?, whole: Int)?

    package init(status: Int, bytes: [UInt8], lines: Range<Int>, length: Int?, hasBody: Bool) {
        self.status = status
        self.bytes = bytes
        self.lines = lines
        self.length = length
        self.hasBody = hasBody
    }

    /// Room that `write` needs beside the kept lines.
    static let ownBytes = 160

    /// Writes the field lines that are this answer's own.
    func write(to writer: inout HeadWriter) {
        if let age = self.age {
            writer.write("Age: ")
            writer.write(decimal: age)
            writer.write("\r\n")
        }
        if let part = self.part {
            writer.write("Content-Range: bytes ")
            if let range = part.range {
                writer.write(decimal: range.lowerBound)
                writer.write("-")
                writer.write(decimal: range.upperBound - 1)
            } else {
                writer.write("*")
            }
            writer.write("/")
            writer.write(decimal: part.whole)
            writer.write("\r\n")
        }
        if let length = self.length, self.status != 204, self.status != 304 {
            writer.write("Content-Length: ")
            writer.write(decimal: length)
            writer.write("\r\n")
        }
    }

    /// The kept lines, without those that a route takes off and those that Usher says itself.
    func copyLines(to writer: inout HeadWriter, dropping: HeaderSet, _ names: [[UInt8]]) {
        let all = self.bytes.span
        guard !names.isEmpty || dropping != [] else { return writer.write(all, self.lines) }
        FieldLines.copy(all.extracting(self.lines), to: &writer, dropping: dropping, names: names)
    }
}
