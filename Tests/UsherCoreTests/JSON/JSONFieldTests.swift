import Foundation
import Testing
import UsherCore

@Suite("A field of a JSON document", .timeLimit(.minutes(2)))
struct JSONFieldTests {
    /// The field's text; nil where it is absent. The bytes before it must not change.
    private static func field(_ keys: [String], _ document: [UInt8]) throws(Invalid) -> [UInt8]? {
        let before: [UInt8] = [1, 2, 3]
        var bytes = before
        let outcome = JSONField.append(keys, of: document.span, to: &bytes)
        #expect(bytes.starts(with: before))
        if outcome != .found { #expect(bytes == before) }
        switch outcome {
        case .found: return Array(bytes.dropFirst(before.count))
        case .absent: return nil
        case .invalid: throw Invalid()
        }
    }

    private struct Invalid: Error {}

    private static func isValid(_ document: [UInt8]) -> Bool {
        var bytes: [UInt8] = []
        return JSONField.append(["no such name"], of: document.span, to: &bytes) != .invalid
    }

    // MARK: Finding

    @Test(
        "the value where the keys lead, as a text",
        arguments: [
            (#"{"user":{"id":"ada"}}"#, "user.id", "ada"), (#"{"user":{"id":7},"id":8}"#, "user.id", "7"),
            (#" { "a" : -1.50E+3 } "#, "a", "-1.50E+3"), ("{\"a\"\r:\t\ntrue}", "a", "true"),
            (#"{"a":false}"#, "a", "false"), (#"{"a":""}"#, "a", ""), (#"{"":{"b":1}}"#, ".b", "1"),
            // The one beside and the ones around do not count, whatever their order.
            (#"{"x":{"b":1},"a":{"a":{"b":2},"b":3,"c":{"b":4}},"b":5}"#, "a.b", "3"),
            (#"{"b":1,"a":[{"b":2},{"b":3}]}"#, "a.1.b", "3"), (#"[[1,2],[3,[4,5]],[6]]"#, "1.1.0", "4"),
            (#"[[0,[1,2]],[3,4]]"#, "0.1.1", "2"), (#"[0,[1,2,3,4],2]"#, "2", "2"), (#"{"0":"name"}"#, "0", "name"),
            (#"[{"0":1,"1":2},3]"#, "0.1", "2"), (#""alone""#, "", "alone"), ("12", "", "12"),
            // Escapes, in values and in names.
            (#"{"a":"\"\\\/\b\f\n\r\t"}"#, "a", "\"\\/\u{8}\u{C}\n\r\t"),
            (#"{"a":"x\u0041\u00e9\u20AC\ud83d\ude00y"}"#, "a", "xAé€😀y"), (#"{"a":"\u0000"}"#, "a", "\u{0}"),
            (#"{"\u0061\u002eb":1}"#, "a.b", nil), (#"{"\u0061":{"\ud83d\ude00":1}}"#, "a.😀", "1"),
            // A letter and its mark are not the letter that has it.
            ("{\"e\u{301}\":1}", "é", nil), ("{\"é\":2,\"e\u{301}\":1}", "e\u{301}", "1"),
            // What is no text, or not there.
            (#"{"a":null}"#, "a", nil), (#"{"a":{}}"#, "a", nil), (#"{"a":[1]}"#, "a", nil), (#"{"a":1}"#, "a.b", nil),
            (#"{"a":1}"#, "A", nil), (#"{"a":[1]}"#, "a.1", nil), (#"{"a":[1]}"#, "a.00", nil), ("[1,2]", "01", nil),
            ("[1,2]", "-1", nil), ("[1,2]", "+1", nil), ("[1]", "99999999999999999999", nil), ("[1]", "", nil),
            ("[[5],[8,9],[8,9]]", "0.1", nil), ("[[5],6,[8,9,7]]", "0.2", nil),
            ("null", "", nil), ("{}", "a", nil), ("[]", "0", nil), ("1", "a", nil),
        ] as [(String, String, String?)])
    func finding(document: String, keys: String, expected: String?) throws {
        let keys = keys.isEmpty ? [] : keys.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let found = try Self.field(keys, Array(document.utf8))
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == expected)
        #expect(found == expected.map { Array($0.utf8) })
    }

    @Test(
        "a name of the way that stands twice is refused, wherever it is and however it is written",
        arguments: [
            #"{"a":{"b":1},"a":{"b":1}}"#, #"{"a":{"b":1,"b":1}}"#, #"{"a":{"b":1,"c":2,"\u0062":3}}"#,
            #"{"a":1,"a":{"b":1}}"#, #"{"a":null,"a":null}"#, #"{"a":{"b":{"b":1},"b":2}}"#,
            #"{"a":{"b":1},"x":{"a":1,"a":2},"a":3}"#,
        ])
    func ambiguous(document: String) {
        #expect(throws: Invalid.self) { try Self.field(["a", "b"], Array(document.utf8)) }
    }

    @Test(
        "a name that stands twice beside the way does not matter",
        arguments: [
            #"{"x":1,"a":{"b":1},"x":2}"#, #"{"a":{"b":1,"x":{"b":2,"b":3}},"b":4,"b":5}"#,
            #"{"x":{"a":1,"a":2},"a":{"b":1}}"#, #"{"c":[{"a":1},{"a":2}],"a":{"x":{"a":7},"b":1}}"#,
        ])
    func repeatedBeside(document: String) throws {
        #expect(try Self.field(["a", "b"], Array(document.utf8)) == Array("1".utf8))
    }

    @Test("objects in one array each have their own names")
    func elementsApart() throws {
        let document = Array(#"[{"a":0,"a":9},{"a":1},{"a":2,"a":9}]"#.utf8)
        #expect(try Self.field(["1", "a"], document) == Array("1".utf8))
        #expect(throws: Invalid.self) { try Self.field(["2", "a"], document) }
    }

    // MARK: What is JSON

    @Test("documents that every reader takes", arguments: JSONSamples.valid)
    func valid(document: String) {
        #expect(Self.isValid(Array(document.utf8)))
        #expect(Self.isValid(Array(" \t\r\n\(document) \t\r\n".utf8)))
        #expect(Self.isValid(Array("[\(document),{\"a\":\(document)}]".utf8)))
    }

    @Test("documents that are none", arguments: JSONSamples.invalid)
    func invalid(document: String) {
        #expect(!Self.isValid(Array(document.utf8)))
        #expect(!Self.isValid(Array("[\(document),1]".utf8)))
        #expect(!Self.isValid(Array("{\"a\":\(document)}".utf8)))
    }

    @Test("bytes that are no UTF-8, or that other encodings begin with", arguments: JSONSamples.invalidBytes)
    func invalidBytes(bytes: [UInt8]) {
        #expect(!Self.isValid(Array("\"".utf8) + bytes + Array("\"".utf8)))
        #expect(!Self.isValid(bytes))
        #expect(!Self.isValid(bytes + Array("[]".utf8)))
    }

    @Test("a control character in a string is refused at every place, any other character passes")
    func controls() {
        for count in 0..<20 {
            let before = Array("\"".utf8) + Array(repeating: UInt8(ascii: "x"), count: count)
            for byte: UInt8 in 0...0x7F where byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
                #expect(Self.isValid(before + [byte] + Array("12345678901\"".utf8)) == (byte >= 0x20))
            }
        }
    }

    @Test("containers nest up to a depth, and no deeper")
    func depth() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
            Array((String(repeating: open, count: depth) + "7" + String(repeating: close, count: depth)).utf8)
        }
        let deepest = JSONField.deepest
        #expect(try Self.field(Array(repeating: "0", count: deepest), nested(deepest, "[", "]")) == Array("7".utf8))
        #expect(try Self.field(Array(repeating: "a", count: deepest), nested(deepest, "{\"a\":", "}")) == [0x37])
        #expect(try Self.field(Array(repeating: "0", count: deepest + 1), nested(deepest, "[", "]")) == nil)
        #expect(!Self.isValid(nested(deepest + 1, "[", "]")))
        #expect(!Self.isValid(nested(deepest + 1, "{\"a\":", "}")))
        #expect(!Self.isValid(Array(repeating: UInt8(ascii: "["), count: 1_000_000)))
    }

    @Test("no beginning of a document is one")
    func prefixes() {
        let document = Array(#"{"a\n":[1.5e-3,"é\ud83d\ude00",{"b":null,"c":[true,false,[]]},{}],"d":{"e":-0}}"#.utf8)
        #expect(Self.isValid(document))
        for count in document.indices { #expect(!Self.isValid(Array(document.prefix(count)))) }
    }

    // MARK: Beside another reader

    /// Foundation differs: it picks one of several members of one name, takes deeper documents, other encodings, a byte
    /// order mark and a comma behind the last element, and refuses numbers that no Double holds.
    @Test("Foundation takes the same documents, and finds the same values", arguments: [1, 2, 3] as [UInt64])
    func fuzz(seed: UInt64) throws {
        var samples = JSONSamples(seed: seed)
        var (valid, refused, found, ambiguous) = (0, 0, 0, 0)
        for round in 0..<4000 {
            var document = Array(samples.document().utf8)
            if round % 2 == 0 { samples.damage(&document) }
            let keys = samples.keys()
            let note: Comment = "seed \(seed), keys \(keys), document \(String(decoding: document, as: UTF8.self))"
            guard let other = try? JSONSerialization.jsonObject(with: Data(document), options: .fragmentsAllowed) else {
                #expect(!Self.isValid(document) || JSONSamples.hasHugeExponent(document), note)
                refused += 1
                continue
            }
            guard Self.isValid(document) else {
                #expect(JSONSamples.hasOtherEncoding(document) || JSONSamples.hasLastComma(document), note)
                continue
            }
            valid += 1
            do {
                let value = try Self.field(keys, document)
                #expect(JSONSamples.isEqual(value, JSONSamples.value(keys, in: other)), note)
                if value != nil { found += 1 }
            } catch {
                // It is JSON, so it says twice what is asked for.
                ambiguous += 1
            }
        }
        #expect(valid > 2000 && refused > 1000 && found > 200 && ambiguous > 10)
    }

    @Test("a mebibyte is read in one go")
    func speed() throws {
        var samples = JSONSamples(seed: 4)
        var text = "["
        while text.utf8.count < 1 << 20 { text += samples.document() + "," }
        text += "\"end\"]"
        let document = Array(text.utf8)
        let index = try #require(JSONSerialization.jsonObject(with: Data(document)) as? [Any]).count - 1
        let start = ContinuousClock.now
        let found = try Self.field(["\(index)"], document)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        #expect(found == Array("end".utf8))
        print("JSON field of \(document.count) bytes: \(Int(Double(document.count) / seconds / 1e6)) MB/s")
    }
}
