import Testing
import UsherAdvisor

@Suite("Cutting a log into lines", .timeLimit(.minutes(1)))
struct LineBufferTests {
    /// The lines of a text that comes in two pieces; `nil` stands for one that is too long.
    private static func lines(_ bytes: [UInt8], cutAt cut: Int) -> [String?] {
        var buffer = LineBuffer()
        var found: [String?] = []
        func take(isEnd: Bool) {
            while let line = buffer.next(isEnd: isEnd) {
                switch line {
                case .line(let place): found.append(String(decoding: buffer.bytes[place], as: UTF8.self))
                case .tooLong: found.append(nil)
                }
            }
            buffer.dropLines()
        }
        buffer.append(bytes[..<cut])
        take(isEnd: false)
        buffer.append(bytes[cut...])
        take(isEnd: false)
        take(isEnd: true)
        return found
    }

    @Test("wherever the pieces are cut, the lines are the same; empty ones do not count")
    func cuts() {
        let bytes = Array("one\n\ntwo\r\n\r\nthree".utf8)
        for cut in 0...bytes.count {
            #expect(Self.lines(bytes, cutAt: cut) == ["one", "two", "three"], "cut at \(cut)")
        }
    }

    @Test(
        "a line that is too long is told once and nothing of it is kept",
        arguments: [65_536, 65_537, 200_000, 1_000_000])
    func tooLong(count: Int) {
        let bytes = Array("a\n".utf8) + [UInt8](repeating: 0x78, count: count) + Array("\nb\n".utf8)
        let long: String? = count <= LineBuffer.lineLengthMax ? String(repeating: "x", count: count) : nil
        for cut in [0, 1, 2, 3, 70_000, count, count + 2, bytes.count] where cut <= bytes.count {
            #expect(Self.lines(bytes, cutAt: cut) == ["a", long, "b"], "cut at \(cut)")
        }
    }

    @Test("a file that ends within such a line spoils nothing of the next one")
    func endWithinLongLine() {
        var buffer = LineBuffer()
        var count = 0
        buffer.append([UInt8](repeating: 0x78, count: 100_000))
        while buffer.next() != nil { count += 1 }
        buffer.dropLines()
        #expect(buffer.bytes.isEmpty)
        while buffer.next(isEnd: true) != nil { count += 1 }
        buffer.append(Array("next\n".utf8))
        while buffer.next() != nil { count += 1 }
        #expect(count == 2)
    }
}
