import Testing

@testable import UsherSupervisor

@Suite struct LineCutterTests {
    private static func cut(_ parts: [[UInt8]], name: String = "a/0") -> [UInt8] {
        var cutter = LineCutter(name: name)
        var output: [UInt8] = []
        for part in parts { cutter.take(part.span.bytes, into: &output) }
        cutter.finish(into: &output)
        return output
    }

    @Test(
        "each line carries the name, and the last one needs no line feed",
        arguments: [
            ("", ""),
            ("one\n", "a/0 | one\n"),
            ("one\ntwo", "a/0 | one\na/0 | two\n"),
            ("\n\n", "a/0 | \na/0 | \n"),
            ("x\r\n", "a/0 | x\r\n"),
        ])
    func prefixes(input: String, expected: String) {
        #expect(Self.cut([Array(input.utf8)]) == Array(expected.utf8))
    }

    @Test("lines are the same wherever the bytes are split")
    func everySplit() {
        let bytes = Array("first\n\nzweite Zeile mit ü\nunfinished".utf8)
        let whole = Self.cut([bytes])
        for split in 0...bytes.count {
            #expect(Self.cut([Array(bytes[..<split]), Array(bytes[split...])]) == whole, "split at \(split)")
        }
    }

    @Test("bytes that are no UTF-8 pass unchanged")
    func anyBytes() {
        let line: [UInt8] = [0xFF, 0xFE, 0x00, 0x80, 0xC3]
        #expect(Self.cut([line + [0x0A]]) == Array("a/0 | ".utf8) + line + [0x0A])
    }

    @Test(
        "a line longer than 16 KiB leaves in pieces that lose nothing",
        arguments: [16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 100_000])
    func longLines(length: Int) {
        let output = Self.cut([[UInt8](repeating: 0x78, count: length) + [0x0A]])
        let lines = output.split(separator: 0x0A, omittingEmptySubsequences: true).map { $0.dropFirst(6) }
        #expect(lines.allSatisfy { $0.count <= LineCutter.longestPiece })
        #expect(lines.reduce(0) { $0 + $1.count } == length)
        #expect(lines.count == (length + LineCutter.longestPiece - 1) / LineCutter.longestPiece)
    }

    @Test("a cut falls between characters, not inside one", arguments: 0..<4)
    func cutsBetweenCharacters(offset: Int) {
        let text = String(repeating: "x", count: offset) + String(repeating: "😀", count: 10_000)
        let output = Self.cut([Array(text.utf8)])
        let pieces = output.split(separator: 0x0A).map { Array($0.dropFirst(6)) }
        #expect(pieces.count > 1)
        for piece in pieces {
            #expect(String(validating: piece, as: UTF8.self) != nil)
        }
        #expect(pieces.joined().elementsEqual(text.utf8))
    }

    @Test("a long run of continuation bytes is cut too")
    func continuationBytes() {
        let output = Self.cut([[UInt8](repeating: 0x80, count: 40_000)])
        let pieces = output.split(separator: 0x0A).map { $0.dropFirst(6) }
        #expect(pieces.allSatisfy { $0.count <= LineCutter.longestPiece })
        #expect(pieces.reduce(0) { $0 + $1.count } == 40_000)
    }
}
