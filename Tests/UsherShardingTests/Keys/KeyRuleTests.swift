import Testing
import UsherCore
import UsherSharding

/// Gives each variable the text that the dictionary holds for it.
private struct Values: TemplateSource {
    var values: [Template.Variable: String]

    func append(_ variable: Template.Variable, to bytes: inout [UInt8]) -> Bool {
        guard let value = values[variable] else { return false }
        bytes += Array(value.utf8)
        return true
    }
}

@Suite("How a key is made", .timeLimit(.minutes(1)))
struct KeyRuleTests {
    private static let values = Values(values: [
        .header("x-user"): "Ada", .header("x-blank"): " \t ", .header("x-padded"): "\t Ada  Lovelace \t",
        .cookie("empty"): "",
        .sourceAddress(prefix: nil): "192.0.2.7", .header("x-v6"): "2001:db8::1", .header("x-far"): "203.0.113.9",
        .header("x-padded-address"): " 192.0.2.7", .header("x-name"): "ÄÖ\u{C0}[É@Z`", .body(["user", "id"]): "7",
        .host: "Example.COM",
    ])

    private static func rule(_ parts: [(String, [KeyRule.Step])]) throws -> KeyRule {
        let table = try CountryTable(text: "192.0.2.0/24,DE\n2001:db8::/32,FR".utf8Span.span)
        return KeyRule(
            parts: try parts.map { KeyRule.Part(template: try Template(text: $0.0, bareNames: true), steps: $0.1) },
            countries: table)
    }

    /// Nil where there is none; what stood in the array before must stay.
    private static func key(_ rule: KeyRule) -> [UInt8]? {
        var bytes: [UInt8] = [9, 9]
        let isPresent = rule.append(to: &bytes, from: values)
        #expect(bytes.starts(with: [9, 9]))
        if !isPresent { #expect(bytes == [9, 9]) }
        return isPresent ? Array(bytes.dropFirst(2)) : nil
    }

    @Test(
        "one part is its bytes after its steps, in their order",
        arguments: [
            ("{header.x-user}", [], "Ada"), ("{header.x-user}", [.lower], "ada"), ("source-address", [], "192.0.2.7"),
            ("{host}/{header.x-user}", [.lower], "example.com/ada"), ("{header.none|header.x-user}", [], "Ada"),
            ("{header.x-padded}", [], "\t Ada  Lovelace \t"), ("{header.x-padded}", [.trim], "Ada  Lovelace"),
            ("{header.x-padded}", [.lower, .trim, .trim, .lower], "ada  lovelace"), ("{header.x-blank}", [], " \t "),
            ("{header.x-name}", [.lower], "ÄÖ\u{C0}[É@z`"), ("{body.user.id}", [], "7"),
            ("source-address", [.country], "DE"), ("{header.x-v6}", [.country], "FR"),
            ("{header.x-far}", [.country], "ZZ"),
            ("{source-address}", [.country, .lower], "de"), ("{header.x-user}", [.country], "Ada"),
            ("{header.x-padded-address}", [.country], " 192.0.2.7"),
            ("{header.x-padded-address}", [.trim, .country], "DE"),
            ("{source-address}:80", [.country], "192.0.2.7:80"), ("text {{", [], "text {"),
            // A request that lacks it has no key.
            ("{header.none}", [], nil), ("user-{header.none}", [.lower], nil), ("{header.x-blank}", [.trim], nil),
            ("{cookie.empty}", [], nil), ("{header.none}", [.country], nil),
            // A template has a value when one of its places has.
            ("{header.none}{header.x-user}", [], "Ada"),
        ] as [(String, [KeyRule.Step], String?)])
    func onePart(template: String, steps: [KeyRule.Step], expected: String?) throws {
        let rule = try Self.rule([(template, steps)])
        let key = Self.key(rule)
        #expect(key == expected.map { Array($0.utf8) })
        if let key, let expected { #expect(rule.shown(key.span) == shown(expected)) }
    }

    @Test("each of several parts has its length before it")
    func severalParts() throws {
        let rule = try Self.rule([("{source-address}", [.country]), ("{header.x-user}", [.lower])])
        let key = try #require(Self.key(rule))
        #expect(key == [0, 0, 0, 0, 0, 0, 0, 2] + Array("DE".utf8) + [0, 0, 0, 0, 0, 0, 0, 3] + Array("ada".utf8))
        #expect(rule.shown(key.span) == "DE + ada")
    }

    @Test("parts that run into each other make different keys")
    func boundaries() throws {
        let one = try Self.rule([("ab", []), ("c", [])].map { (Template(literal: $0.0), $0.1) })
        let other = try Self.rule([("a", []), ("bc", [])].map { (Template(literal: $0.0), $0.1) })
        #expect(Self.key(one) != Self.key(other))
    }

    private static func rule(_ parts: [(Template, [KeyRule.Step])]) throws -> KeyRule {
        KeyRule(parts: parts.map { KeyRule.Part(template: $0.0, steps: $0.1) })
    }

    @Test(
        "one part without a value takes the key away", arguments: ["{header.none}", "{cookie.empty}", "a{header.none}"])
    func missingPart(template: String) throws {
        let user = ("{header.x-user}", [KeyRule.Step]())
        #expect(Self.key(try Self.rule([user, (template, [])])) == nil)
        #expect(Self.key(try Self.rule([(template, []), user])) == nil)
    }

    @Test("a rule without parts gives no key, and one without a table knows no country")
    func nothing() throws {
        #expect(Self.key(KeyRule(parts: [])) == nil)
        let part = KeyRule.Part(template: try Template(text: "{source-address}"), steps: [.country])
        #expect(Self.key(KeyRule(parts: [part])) == Array("ZZ".utf8))
    }

    @Test("a long part has its whole length before it")
    func longPart() throws {
        let text = String(repeating: "x", count: 70_000)
        let parts = [Template(literal: text), Template(literal: "y")].map { KeyRule.Part(template: $0) }
        let key = try #require(Self.key(KeyRule(parts: parts)))
        #expect(key.prefix(8).elementsEqual([0, 0, 0, 0, 0, 1, 0x11, 0x70]))
        #expect(key.count == 8 + 70_000 + 8 + 1)
    }

    @Test(
        "whether the body is needed",
        arguments: [
            (["{header.a}", "{host}"], false), (["{host}", "{header.a|body.b}"], true), (["{body.a.b}"], true),
            ([], false),
            (["body.a"], true), (["x{host}y{body.a}"], true),
        ])
    func body(templates: [String], expected: Bool) throws {
        #expect(try Self.rule(templates.map { ($0, []) }).needsBody == expected)
    }

    @Test(
        "bytes that are no key of the rule are shown without harm",
        arguments: [
            [], [1], [0, 0, 0, 0, 0, 0, 0, 9, 65], [255, 255, 255, 255, 255, 255, 255, 255, 65, 10],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func foreignKeys(bytes: [UInt8]) throws {
        let rule = try Self.rule([("{host}", []), ("{path}", [])])
        #expect(!rule.shown(bytes.span).contains("\n"))
    }

    @Test("room that is there is used again")
    func room() throws {
        let rule = try Self.rule([("{source-address}", [.trim, .country, .lower]), ("{header.x-padded}", [.trim])])
        var key: [UInt8] = []
        key.reserveCapacity(256)
        let address = key.withUnsafeBufferPointer { $0.baseAddress }
        for _ in 0..<3 {
            key.removeAll(keepingCapacity: true)
            #expect(rule.append(to: &key, from: Self.values))
        }
        #expect(key.withUnsafeBufferPointer { $0.baseAddress } == address)
    }
}
