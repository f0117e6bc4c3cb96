import Testing
import UsherCore

/// Gives each variable the text that the dictionary holds for it.
private struct Values: TemplateSource {
    var values: [Template.Variable: String]

    func append(_ variable: Template.Variable, to bytes: inout [UInt8]) -> Bool {
        guard let value = values[variable] else { return false }
        bytes += Array(value.utf8)
        return true
    }
}

@Suite struct TemplateTests {
    private let values = Values(values: [
        .method: "GET", .path: "/a/b", .pathSegment(1): "a", .header("x-user"): "ada", .cookie("SID"): "",
        .query("q"): "1",
    ])

    private func rendered(_ text: String) throws -> String {
        var bytes: [UInt8] = []
        try Template(text: text).render(into: &bytes, from: values)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        "places are filled, missing values are empty, alternatives are tried in order",
        arguments: [
            ("", ""), ("plain", "plain"), ("{method} {path}", "GET /a/b"), ("{path.1}", "a"), ("{path.2}|", "|"),
            ("{header.X-User}", "ada"),
            ("{header.none|header.x-user}", "ada"), ("{header.x-user|method}", "ada"), ("{host|route}", ""),
            ("{cookie.SID|method}", ""),
            ("{cookie.sid|method}", "GET"), ("{{method}", "{method}"), ("{{{method}}", "{GET}"), ("a}b", "a}b"),
            ("é{query.q}é", "é1é"),
            ("{method}\u{301}", "GET\u{301}"), ("\u{301}{{", "\u{301}{"),
        ])
    func rendering(text: String, expected: String) throws {
        #expect(try rendered(text) == expected)
    }

    @Test(
        "every variable of the language is known",
        arguments: [
            ("method", Template.Variable.method), ("host", .host), ("path", .path), ("path.1", .pathSegment(1)),
            ("path.99", .pathSegment(99)),
            ("query.a.b", .query("a.b")), ("header.X-User", .header("x-user")), ("cookie.SID", .cookie("SID")),
            ("body.a.b", .body(["a", "b"])),
            ("source-address", .sourceAddress(prefix: nil)), ("source-address/24", .sourceAddress(prefix: 24)),
            ("destination-address", .destinationAddress(prefix: nil)),
            ("destination-address/64", .destinationAddress(prefix: 64)),
            ("identity", .identity), ("class", .class), ("claim.plan", .claim("plan")),
            ("claim.https://a/b", .claim("https://a/b")), ("route", .route), ("service", .service),
        ])
    func variables(name: String, expected: Template.Variable) throws {
        #expect(try Template(text: "{\(name)}").parts == [.variables([expected])])
        #expect(try Template(text: name, bareNames: true).parts == [.variables([expected])])
    }

    @Test(
        "a wrong template says what is wrong",
        arguments: [
            ("{", "'{' lacks its }; a literal brace is written {{"),
            ("a{method", "'{method' lacks its }; a literal brace is written {{"),
            ("{}", "a place in braces is empty; a literal brace is written {{"),
            ("{method|}", "a place in braces is empty; a literal brace is written {{"),
            ("{metod}", "unknown variable '{metod}' (did you mean '{method}'?)"),
            ("{heeder.x}", "unknown variable '{heeder.x}' (did you mean '{header.x}'?)"),
            ("{nonsense}", "unknown variable '{nonsense}'"),
            ("{header}", "'{header}' needs a name, such as {header.NAME}"),
            ("{header.}", "'{header.}' needs a name behind the point"),
            ("{header.a b}", "'a b' cannot be the name of a header"),
            ("{cookie.a;b}", "'a;b' cannot be the name of a cookie"),
            ("{path.0}", "'{path.0}' needs a segment's number, such as {path.1} for the first"),
            ("{path.x}", "'{path.x}' needs a segment's number, such as {path.1} for the first"),
            ("{body.a..b}", "'{body.a..b}' has an empty key"),
            ("{source-address/129}", "the prefix of '{source-address/129}' must be a number from 0 to 128"),
            ("{source-address/}", "the prefix of '{source-address/}' must be a number from 0 to 128"),
            ("{host/24}", "unknown variable '{host/24}'"),
            ("{sorce-address/24}", "unknown variable '{sorce-address/24}' (did you mean '{source-address/24}'?)"),
            ("{method }", "unknown variable '{method }' (did you mean '{method}'?)"),
        ])
    func wrong(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try Template(text: text) }
    }

    @Test("a bare name must be a variable, and braces still work")
    func bareNames() throws {
        #expect(throws: TextProblem("unknown variable '{sauce-address}' (did you mean '{source-address}'?)")) {
            try Template(text: "sauce-address", bareNames: true)
        }
        let template = try Template(text: "a-{host}", bareNames: true)
        #expect(template.parts == [.literal(Array("a-".utf8)), .variables([.host])])
    }

    @Test("a template without places is a constant")
    func constants() throws {
        #expect(try Template(text: "a{{b").constant == Array("a{b".utf8))
        #expect(try Template(text: "").constant == [])
        #expect(try Template(text: "{host}").constant == nil)
        #expect(try Template(text: "a{host}").constant == nil)
    }

    @Test("a literal gives itself, also when its description is read", arguments: ["", "a", "{a}", "{{", "}"])
    func literals(text: String) throws {
        let template = Template(literal: text)
        #expect(template.constant == Array(text.utf8))
        #expect(try Template(text: template.description).constant == Array(text.utf8))
    }

    @Test("random text never crashes the reader, and what is read renders")
    func random() {
        let seed: UInt64 = 99
        var random = SeededRandom(seed: seed)
        let pieces = [
            "{", "}", "{{", "|", ".", "/", "path", "header", "x", "1", "source-address", "24", "\u{301}", "body",
        ]
        var read = 0
        for _ in 0..<5000 {
            let text = (0..<random.below(8)).map { _ in pieces[random.below(pieces.count)] }.joined()
            guard let template = try? Template(text: text) else { continue }
            var bytes: [UInt8] = []
            template.render(into: &bytes, from: values)
            #expect(bytes.count <= text.utf8.count * 4, "seed \(seed), text \(text)")
            read += 1
        }
        #expect(read > 500)
    }
}
