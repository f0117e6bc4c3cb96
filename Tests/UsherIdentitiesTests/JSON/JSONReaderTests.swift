import Foundation
import Testing
import UsherCore

@testable import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct JSONReaderTests {
    private func read(_ text: String) -> JSONValue? { try? JSONReader.read(Array(text.utf8)) }

    @Test("values are what they are written as")
    func values() {
        let text =
            " {\"a\":[1,-0.5e+10,\"x\\u00e9\\ud83d\\ude00\\n\\/\"],\r\n\t"
            + "\"b\":{},\"c\":[],\"d\":null,\"e\":[true,false]} "
        #expect(
            read(text)
                == .object([
                    .init(name: "a", value: .array([.number("1"), .number("-0.5e+10"), .string("xé😀\n/")])),
                    .init(name: "b", value: .object([])), .init(name: "c", value: .array([])),
                    .init(name: "d", value: .null), .init(name: "e", value: .array([.bool(true), .bool(false)])),
                ]))
        #expect(read("0") == .number("0"))
        #expect(read("\"\\u0000\"") == .string("\0"))
        let long = String(repeating: "9", count: 1000)
        #expect(read(long) == .number(long))
    }

    @Test(
        "what could be read two ways is not read",
        arguments: [
            "", " ", "{", "[", "\"", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "[1,]", "[,1]", "[1 2]", "{a:1}",
            "{'a':1}", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "-Infinity", "nul", "True",
            "1 1", "{}{}", "// x\n1", "1 /* x */", "\"\n\"", "\"\t\"", "\"\\x\"", "\"\\u12\"", "\"\\uD800\"",
            "\"\\uDC00\"", "\"\\uD800\\u0041\"", "\"\\ud800x\"", "\"\\u+123\"", "\u{FEFF}1", "[1]]", "{\"a\":1}}",
            "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "{\"a\":{\"b\":1,\"b\":1}}", "{1:1}", "\u{A0}1", "\0",
        ])
    func refused(text: String) {
        #expect(read(text) == nil)
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC3, 0x22],
        ])
    func notUTF8(bytes: [UInt8]) {
        #expect(throws: JSONReader.Problem.self) { try JSONReader.read(bytes) }
    }

    @Test("nesting ends before the stack does", arguments: ["[", "{\"a\":", "[{\"a\":"])
    func depth(opening: String) {
        #expect(read(String(repeating: "[", count: 32) + String(repeating: "]", count: 32)) != nil)
        #expect(read(String(repeating: "[", count: 33) + String(repeating: "]", count: 33)) == nil)
        #expect(read(String(repeating: opening, count: 300_000)) == nil)
    }

    @Test("what it reads Foundation reads too, and the same")
    func agreement() throws {
        let seed: UInt64 = 20_261_129
        var random = SeededRandom(seed: seed)
        let original = Array("{\"a\":[1,-0.5e+1,\"x\\u00e9\\n\"],\"b\":{\"c\":null,\"d\":true},\"é\":[{},[]]}".utf8)
        let pieces = ["{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "0", "1", "-", ".", "e", " ", "true", "\u{1}"]
        var accepted = 0
        for round in 0..<20_000 {
            var bytes = original
            for _ in 0...random.below(3) {
                let place = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(contentsOf: pieces[random.below(pieces.count)].utf8, at: place)
                default: bytes[place] = UInt8(random.below(256))
                }
            }
            guard let value = try? JSONReader.read(bytes) else { continue }
            accepted += 1
            let other = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            #expect(other.map { isSame(value, $0) } == true, "seed \(seed), round \(round)")
        }
        #expect(accepted > 500)
    }

    private func isSame(_ value: JSONValue, _ other: Any) -> Bool {
        switch value {
        case .null: return other is NSNull
        case .bool(let flag): return other as? Bool == flag
        case .number(let text): return (other as? NSNumber)?.doubleValue == Double(text)
        case .string(let text): return (other as? String).map(text.isSame) == true
        case .array(let elements):
            guard let others = other as? [Any], others.count == elements.count else { return false }
            return zip(elements, others).allSatisfy { isSame($0, $1) }
        case .object(let members):
            guard let others = other as? [String: Any], others.count == members.count else { return false }
            return members.allSatisfy { member in others[member.name].map { isSame(member.value, $0) } == true }
        }
    }
}
