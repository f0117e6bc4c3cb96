import Testing
import UsherCore

@testable import UsherHTTP

@Suite struct HexadecimalTests {
    @Test("digits are those of the standard library, and read back", arguments: [3, 4] as [UInt64])
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<2000 {
            // Every number of leading zeros.
            let value = round == 0 ? 0 : random.next() >> UInt64(random.below(64))
            let text = String(value, radix: 16)
            let expected = Array((String(repeating: "0", count: 16 - text.count) + text).utf8)
            var written = [UInt8](repeating: 0, count: 18)
            written.withUnsafeMutableBytes { Hexadecimal.write(value, to: $0, at: 1) }
            #expect(written == [0] + expected + [0], "seed \(seed)")
            #expect(Hexadecimal.read(written.span, at: 1) == value, "seed \(seed)")
        }
    }

    @Test("any byte at any place is a lower-case digit or makes the whole unreadable", arguments: 0..<16)
    func everyByte(place: Int) {
        for byte in UInt8.min ... .max {
            var text = Array("0123456789abcdef".utf8)
            text[place] = byte
            let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            let expected = isDigit ? UInt64(String(decoding: text, as: UTF8.self), radix: 16) : nil
            #expect(Hexadecimal.read(text.span, at: 0) == expected, "byte \(byte)")
            let pair = [UInt8(ascii: "a"), byte]
            let one = isDigit ? UInt8(String(decoding: pair, as: UTF8.self), radix: 16) : nil
            #expect(Hexadecimal.readByte(pair.span, at: 0) == one, "byte \(byte)")
        }
    }

    @Test("what ends early is not read", arguments: [-1, 1, 16, 17, .max, .min])
    func bounds(offset: Int) {
        let text = Array("0123456789abcdef".utf8)
        #expect(Hexadecimal.read(text.span, at: offset) == nil)
        #expect(Hexadecimal.readByte(text.span, at: offset == 1 ? 15 : offset) == nil)
    }
}
