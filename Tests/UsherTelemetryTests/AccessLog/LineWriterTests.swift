import Foundation
import Testing
import UsherCore

@testable import UsherTelemetry

@Suite struct LineWriterTests {
    private func written(room: Int = 4096, _ body: (inout LineWriter) -> Void) -> (bytes: [UInt8], overflowed: Bool) {
        var overflowed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: room) { space, count in
            let exactly = UnsafeMutableRawBufferPointer(space)[..<room]
            var line = LineWriter(UnsafeMutableRawBufferPointer(rebasing: exactly))
            body(&line)
            count = line.count
            overflowed = line.overflowed
        }
        return (bytes, overflowed)
    }

    private func json(_ bytes: [UInt8]) -> String {
        String(decoding: written { line in bytes.withUnsafeBytes { line.appendJSON($0) } }.bytes, as: UTF8.self)
    }

    private func combined(_ bytes: [UInt8]) -> String {
        String(decoding: written { line in bytes.withUnsafeBytes { line.appendCombined($0) } }.bytes, as: UTF8.self)
    }

    @Test(
        "text becomes the inside of a JSON string",
        arguments: [
            ("plain text of some length", "plain text of some length"), ("", ""), ("a\"b", "a\\\"b"),
            ("C:\\x", "C:\\\\x"), ("a\r\nb\u{0}\u{7f}", "a\\u000d\\u000ab\\u0000\\u007f"), ("grüße €😀", "grüße €😀"),
            ("\u{85}\u{9f}\u{a0}", "\\u0085\\u009f\u{a0}"),
        ])
    func jsonText(text: String, expected: String) {
        #expect(json(Array(text.utf8)) == expected)
    }

    @Test(
        "bytes that are not UTF-8 become one escape each",
        arguments: [
            ([0xff], "\\u00ff"), ([0xc0, 0xaf], "\\u00c0\\u00af"), ([0xe2, 0x82], "\\u00e2\\u0082"),
            ([0xed, 0xa0, 0x80], "\\u00ed\\u00a0\\u0080"), ([0xf4, 0x90, 0x80, 0x80], "\\u00f4\\u0090\\u0080\\u0080"),
            ([0x80, 0x41], "\\u0080A"), ([0xf0, 0x9f, 0x98], "\\u00f0\\u009f\\u0098"),
            ([0xe0, 0x80, 0x80], "\\u00e0\\u0080\\u0080"),
        ] as [([UInt8], String)])
    func invalid(bytes: [UInt8], expected: String) {
        #expect(json(bytes) == expected)
    }

    @Test(
        "a combined line shows what is not printable",
        arguments: [("a\"b\\c", "a\\\"b\\\\c"), ("a\nb", "a\\x0ab"), ("é", "\\xc3\\xa9"), ("\u{1b}[2J", "\\x1b[2J")])
    func combinedText(text: String, expected: String) {
        #expect(combined(Array(text.utf8)) == expected)
    }

    @Test("every byte at every place of a word is written as it is alone", arguments: 0..<20)
    func everyByte(place: Int) {
        for byte in UInt8.min ... .max {
            var bytes = [UInt8](repeating: 0x61, count: 20)
            bytes[place] = byte
            let before = String(repeating: "a", count: place)
            let after = String(repeating: "a", count: 19 - place)
            #expect(json(bytes) == before + json([byte]) + after)
            #expect(combined(bytes) == before + combined([byte]) + after)
        }
    }

    @Test("random bytes become valid JSON that reads back as the same text", arguments: [11, 12, 13] as [UInt64])
    func random(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<400 {
            let bytes: [UInt8]
            if round % 2 == 0 {
                bytes = (0..<random.below(300)).map { _ in UInt8(random.below(256)) }
            } else {
                let scalars = (0..<random.below(80)).compactMap { _ in Unicode.Scalar(UInt32(random.below(0x110000))) }
                bytes = Array(String(String.UnicodeScalarView(scalars)).utf8)
            }
            let text = "[\"" + json(bytes) + "\"]"
            let back = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String])
            if let valid = String(validating: bytes, as: UTF8.self) {
                #expect(Array(back[0].unicodeScalars) == Array(valid.unicodeScalars), "seed \(seed), round \(round)")
            }
            #expect(!text.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "seed \(seed), round \(round)")
        }
    }

    @Test("nothing is written beyond the room, and the line says so", arguments: 0..<12)
    func room(size: Int) {
        let full = written(room: size) { line in
            line.append("abc")
            line.append(decimal: 12345)
            line.append(threeDigits: 7)
            line.append(byte: 0x21)
        }
        #expect(full.overflowed)
        #expect(full.bytes.count <= size)
        let names = written(room: size) { line in
            Array("a name that is long".utf8).withUnsafeBytes { line.appendJSON($0) }
        }
        #expect(names.overflowed)
        let enough = written(room: 12) { line in
            line.append("abc")
            line.append(decimal: 12345)
            line.append(threeDigits: 7)
            line.append(byte: 0x21)
        }
        #expect(String(decoding: enough.bytes, as: UTF8.self) == "abc12345007!")
        #expect(!enough.overflowed)
    }

    @Test("numbers are written in decimal", arguments: [0, 9, 10, 99, 100, 18_446_744_073_709_551_615] as [UInt64])
    func decimal(value: UInt64) {
        #expect(String(decoding: written { $0.append(decimal: value) }.bytes, as: UTF8.self) == "\(value)")
    }
}
