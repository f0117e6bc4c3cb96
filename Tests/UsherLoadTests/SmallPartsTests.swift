import NIOCore
import Testing

@testable import UsherLoad

@Suite("Small parts", .timeLimit(.minutes(1)))
struct SmallPartsTests {
    @Test("what came first leaves first, however many come and go")
    func order() {
        var line = WaitingLine<Int>()
        var next = 0
        var expected = 0
        for round in 0..<2000 {
            for _ in 0..<(round % 7) {
                line.append(next)
                next += 1
            }
            #expect(line.first == (expected < next ? expected : nil))
            for _ in 0..<(round % 5) {
                guard let element = line.popFirst() else { break }
                #expect(element == expected)
                expected += 1
            }
            #expect(line.count == next - expected && line.isEmpty == (next == expected))
        }
        #expect(expected > 1000)
    }

    @Test(
        "bytes with places in them have a number in each",
        arguments: [("/", "/"), ("/{n}", "/12345"), ("{n}/{n}?{n}", "12345/12345?12345"), ("/{m}{n", "/{m}{n")])
    func numbers(text: String, expected: String) {
        let bytes = NumberedBytes(text, rest: Array(" {n}".utf8))
        #expect(String(buffer: bytes.bytes(12_345)) == expected + " {n}")
        #expect(bytes.count(12_345) == expected.utf8.count + 4)
        #expect(NumberedBytes("{n}").count(0) == 1 && NumberedBytes("{n}").count(.max) == 20)
    }

    @Test(
        "numbers are written for people",
        arguments: [
            (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"),
            (UInt64.max, "18,446,744,073,709,551,615"),
        ])
    func grouped(number: UInt64, expected: String) {
        #expect(NumberText.grouped(number) == expected)
    }

    @Test("rates are told cautiously, and nothing overflows")
    func cautious() {
        for (rate, expected) in [(3499.9, "3,400"), (99.9, "99"), (0.456, "0.46"), (1e30, "1,000,000,000,000,000")] {
            #expect(NumberText.about(rate) == expected)
        }
        #expect(NumberText.fixed(-1, decimals: 2) == "0.00" && NumberText.fixed(1.005, decimals: 0) == "1")
        #expect(NumberText.fixed(9.999, decimals: 2) == "10.00" && NumberText.rate(.infinity).hasPrefix("1,000"))
        #expect(NumberText.milliseconds(0.0521) == "0.052 ms" && NumberText.milliseconds(12_345) == "12.35 s")
        #expect(
            NumberText.bytesPerSecond(512) == "512 B/s" && NumberText.bytesPerSecond(1.5 * 1024 * 1024) == "1.50 MiB/s")
    }
}
