import Testing
import UsherCaching
import UsherCore

@Suite("Ranges of stored answers", .timeLimit(.minutes(1)))
struct ByteRangeTests {
    private static func read(_ fields: String, length: Int, _ line: String = "GET / HTTP/1.1") throws -> RangeVerdict {
        ByteRange.read(try Heads.request(fields, line), length: length)
    }

    @Test(
        "RFC 9110 §14.1.2: one range of bytes",
        arguments: [
            ("0-499", RangeVerdict.part(0..<500)), ("500-999", .part(500..<1000)), ("500-", .part(500..<1000)),
            ("-500", .part(500..<1000)), ("0-0", .part(0..<1)), ("-1", .part(999..<1000)), ("0-", .part(0..<1000)),
            ("0-5000", .part(0..<1000)), ("999-1000", .part(999..<1000)), ("-5000", .part(0..<1000)),
            (" 5-6 ", .part(5..<7)), (",5-6,", .part(5..<7)), ("005-0006", .part(5..<7)),
            ("0-99999999999999999999999999", .part(0..<1000)), ("-99999999999999999999999999", .part(0..<1000)),
        ])
    func part(range: String, expected: RangeVerdict) throws {
        #expect(try Self.read("Range: bytes=\(range)\n", length: 1000) == expected)
        #expect(try Self.read("Range: BYTES=\(range)\n", length: 1000) == expected)
    }

    @Test(
        "RFC 9110 §15.5.17: a range that begins behind the end cannot be served, nor can the last 0 bytes",
        arguments: ["1000-", "1000-1001", "99999999999999999999999999-", "-0", "5000-6000"])
    func unsatisfiable(range: String) throws {
        #expect(try Self.read("Range: bytes=\(range)\n", length: 1000) == .unsatisfiable)
    }

    @Test(
        "RFC 9110 §14.2: several ranges, other units and broken ones get the whole",
        arguments: [
            "bytes=0-1,3-4", "bytes=0-1, 5000-", "bytes=5-4", "bytes=", "bytes", "bytes=-", "bytes=a-b", "bytes=1",
            "bytes=1-2-3", "bytes=--1", "bytes=+1-2", "bytes=1 - 2", "bytes =1-2", "items=1-2", "", "bytes=0x1-2",
            "bytes:1-2", "bytes=1-2;x", "bytes=0-1\nRange: bytes=0-1",
        ])
    func whole(value: String) throws {
        #expect(try Self.read("Range: \(value)\n", length: 1000) == .whole)
    }

    @Test("RFC 9110 §14.2: only GET has ranges, and only with the field")
    func scope() throws {
        #expect(try Self.read("", length: 1000) == .whole)
        #expect(try Self.read("Range: bytes=0-1\n", length: 1000, "HEAD / HTTP/1.1") == .whole)
    }

    @Test("RFC 9110 §14.1.2: of nothing there is no first byte, and its end is the whole")
    func empty() throws {
        #expect(try Self.read("Range: bytes=0-\n", length: 0) == .unsatisfiable)
        #expect(try Self.read("Range: bytes=0-5\n", length: 0) == .unsatisfiable)
        #expect(try Self.read("Range: bytes=-5\n", length: 0) == .whole)
        #expect(try Self.read("Range: bytes=-0\n", length: 0) == .unsatisfiable)
    }

    @Test("RFC 9110 §14.1.2: a part is never empty and always inside")
    func fuzz() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = ["0", "1", "9", "-", "9223372036854775807", "18446744073709551616", ",", " ", "bytes=", "+"]
        for _ in 0..<5000 {
            let length = scribbler.random.below(3) == 0 ? Int.max : scribbler.random.below(30)
            let text = scribbler.text(morsels, most: 5)
            let verdict = try Self.read("Range: bytes=\(text)\n", length: length)
            guard case .part(let range) = verdict else { continue }
            #expect(!range.isEmpty && range.lowerBound >= 0 && range.upperBound <= length, "seed \(seed): \(text)")
        }
    }
}
