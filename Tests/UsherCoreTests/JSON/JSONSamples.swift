import Foundation
import UsherCore

/// Documents to try a reader with: known ones, and random ones that repeat from a seed.
struct JSONSamples {
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    static let valid = [
        "[]", "{}", "[[]]", "[{}]", #"{"":{}}"#, "0", "-0", "1", "-1", "10", "123456789012345678901234567890",
        "0.0", "-0.10", "1e0", "1E+09", "1e-01", "0e0", "0E+1", "1.5e300", "1e99999", "-1e-99999", "true", "false",
        "null", "\"\"", #"" ""#, #""/""#, #""\/""#, #""\u0000""#, #""\u001F""#, #""\uD800\uDC00""#,
        #""\udbff\udfff""#, #""\uFFFF""#, #""\uFDD0""#, #""\#u{7F}""#, #""\#u{80}\#u{9F}\#u{A0}""#,
        #""\#u{2028}\#u{2029}""#, #""\#u{FEFF}""#, #""\#u{FFFF}""#, #""\#u{10FFFF}""#, #""a\#u{301}""#, #""'""#,
        #""/* no comment */""#, #""\\n""#, "\"\\\"\"", #""\\\\""#, "[1 , 2\n,\t3]", #"[null,1,"1",{}]"#,
        #"{"a":1,"b":[2,{"c":{}}]}"#, #"{"a":1,"a":2}"#, #"{ "a" : 1 , "b" : 2 }"#, #"{"\u0000":1}"#,
        #"["12345678\\","1234567\\"]"#, #"["\#u{1F600}\#u{E9}"]"#,
    ]

    static let invalid = [
        // Nothing, too much, and brackets that do not fit.
        "", " ", "1 1", "[] []", "{} 1", "[1]]", "{}}", "[", "{", "]", "}", "[}", "{]", "[1}", #"{"a":1]"#, "[[]",
        "[{]", #"{"a":[}"#, "\"\" \"\"", "1,", "[],",
        // Commas and colons.
        "[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1:2]", "{,}", #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1,,"b":2}"#,
        #"{"a"}"#, #"{"a":}"#, "{:1}", #"{"a" 1}"#, #"{"a"::1}"#, #"{"a",1}"#, #"{"a":1 "b":2}"#, #"{"a":1:2}"#,
        "[1;2]",
        // Names that are none.
        "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{[]:1}", #"{"a":1,b:2}"#,
        // Numbers.
        "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e1", "0.e1", "1e", "1e+", "1E-", "1ee1", "1e1.5",
        "1.2.3", "--1", "1-", "- 1", "1 .5", "0x10", "1_000", "1a", "1e1e1", "NaN", "-NaN", "Infinity", "-Infinity",
        "Inf", "nan", "1,000", "１", "0x", "1+2", "9.3e+", "2.e3",
        // Words.
        "tru", "True", "TRUE", "truee", "true1", "fals", "nul", "nulll", "NULL", "None", "undefined", "truefalse",
        "t", "tr ue",
        // Strings.
        "\"", #""a"#, #"a""#, "'a'", "`a`", #""a"b""#, #""\""#, #""\"#, #""\a""#, #""\'""#, #""\x41""#, #""\0""#,
        #""\U0041""#, #""\u""#, #""\u1""#, #""\u12""#, #""\u123""#, #""\u12G4""#, #""\u 123""#, #""\u+123""#,
        #""\u-123""#, #""\é""#, #""a\#nb""#, #""a\#tb""#, #""a\#rb""#, #""\#u{0}""#, #""\#u{1F}""#,
        #""1234567890\#u{1}""#, #""\\#n""#, #""\u{41}""#,
        // Halves of a character.
        #""\uD800""#, #""\uDFFF""#, #""\uDC00\uD800""#, #""\uD800\uD800""#, #""\uD800x""#, #""\uD800\n""#,
        #""\uD800\u""#, #""\uD800\u0041""#, #""\uD800\""#, #""\uDBFF\uDBFF\uDFFF""#,
        // Comments, other space, other marks.
        "//\n1", "1//", "/**/1", "1/**/", "#\n1", "[1/**/]", "\u{FEFF}1", "\u{A0}1", "1\u{2028}", "\u{C}1",
        "\u{B}1", "1\u{0}", "\u{0}", "(1)", "<1>", "*", #"\"#, #"\u0031"#, "é", "😀", "\u{2060}1", "@", "$", "%",
        "&", "|", "~", "^",
    ]

    static let invalidBytes: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
        [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
        [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
        [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xE9],
        [0xFF, 0xFE, 0x5B, 0, 0x5D, 0], [0xFE, 0xFF, 0, 0x5B, 0, 0x5D], [0x5B, 0, 0x5D, 0], [0, 0x5B, 0, 0x5D],
    ]

    // MARK: Random documents

    private static let pieces = [
        "a", "b", "é", "😀", #"\n"#, #"\""#, #"\\"#, #"\/"#, #"\u0061"#, #"\u00e9"#, #"\uD83D\uDE00"#, "\u{7F}", " ",
        "{", "]", ",",
    ]
    private static let names = [#""a""#, #""b""#, #""\u0061""#, #""é""#, #""\u00e9""#, #""n""#, #""0""#]
    private static let numbers = ["0", "-0", "7", "-12", "3.25", "1e3", "-2.5E-2", "123456", "0.1e+1"]

    /// Names repeat within an object, though seldom.
    mutating func document(depth: Int = 0) -> String {
        switch random.below(depth < 4 ? 9 : 6) {
        case 0: return Self.numbers[random.below(Self.numbers.count)]
        case 1: return ["true", "false", "null"][random.below(3)]
        case 2, 3: return string()
        case 4: return "{}"
        case 5: return "[\(space())]"
        case 6:
            let elements = (0...random.below(4)).map { _ in space() + document(depth: depth + 1) }
            return "[" + elements.joined(separator: ",") + "]"
        default:
            let members = (0...random.below(4)).map { _ in
                "\(space())\(name())\(space()):\(space())\(document(depth: depth + 1))\(space())"
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    mutating func keys() -> [String] {
        (0..<random.below(4)).map { _ in ["a", "b", "é", "0", "1", "n"][random.below(6)] }
    }

    /// Changes, removes, repeats or cuts off something.
    mutating func damage(_ document: inout [UInt8]) {
        let place = random.below(document.count)
        switch random.below(5) {
        case 0: document[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: document.remove(at: place)
        case 2: document.insert(document[random.below(document.count)], at: place)
        case 3: document[place] = Array("{}[]\",:\\01-+.eEtn/ ".utf8)[random.below(19)]
        default: document.removeLast(random.below(4) % (document.count + 1))
        }
    }

    private mutating func name() -> String {
        Self.names[random.below(Self.names.count)]
    }

    private mutating func string() -> String {
        "\"" + (0..<random.below(12)).map { _ in Self.pieces[random.below(Self.pieces.count)] }.joined() + "\""
    }

    private mutating func space() -> String {
        ["", "", "", " ", "\n\t"][random.below(5)]
    }

    // MARK: What Foundation found

    static func hasOtherEncoding(_ document: [UInt8]) -> Bool {
        String(validating: document, as: UTF8.self) == nil || document.contains(0)
    }

    static func hasLastComma(_ document: [UInt8]) -> Bool {
        String(decoding: document, as: UTF8.self).range(of: #",\s*[}\]]"#, options: .regularExpression) != nil
    }

    static func hasHugeExponent(_ document: [UInt8]) -> Bool {
        String(decoding: document, as: UTF8.self).range(of: #"\d[eE]\+?\d{3}"#, options: .regularExpression) != nil
    }

    static func value(_ keys: [String], in document: Any) -> Any? {
        var value: Any? = document
        for key in keys {
            switch value {
            case let object as [String: Any]: value = object[key]
            case let array as [Any]: value = Int(key).flatMap { $0 < array.count ? array[$0] : nil }
            default: value = nil
            }
        }
        return value
    }

    static func isEqual(_ text: [UInt8]?, _ value: Any?) -> Bool {
        let text = text.map { String(decoding: $0, as: UTF8.self) }
        switch value {
        case let string as String: return text.map { $0.utf8.elementsEqual(string.utf8) } ?? false
        case let number as NSNumber:
            return text == "true" || text == "false"
                ? number.boolValue == (text == "true") : text.flatMap(Double.init) == number.doubleValue
        default: return text == nil
        }
    }
}
