/// Takes a template's text apart; every problem names the place that is wrong.
struct TemplateReader {
    /// Words that stand for themselves.
    static let plain: [(name: String, variable: Template.Variable)] = [
        ("method", .method), ("host", .host), ("path", .path), ("identity", .identity), ("class", .class),
        ("route", .route), ("service", .service),
        ("source-address", .sourceAddress(prefix: nil)), ("destination-address", .destinationAddress(prefix: nil)),
    ]
    /// Words that need a name behind a point.
    static let named = ["query", "header", "cookie", "body", "claim"]

    private let text: String

    init(_ text: String) {
        self.text = text
    }

    /// Braces are found byte by byte: a combining mark behind one must not hide it.
    func parts() throws(TextProblem) -> [Template.Part] {
        let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
        var parts: [Template.Part] = []
        var literal: [UInt8] = []
        var rest = text.utf8[...]
        while let brace = rest.firstIndex(of: open) {
            literal += rest[..<brace]
            rest = rest[rest.index(after: brace)...]
            if rest.first == open {
                literal.append(open)
                rest = rest.dropFirst()
                continue
            }
            guard let end = rest.firstIndex(of: close) else {
                throw TextProblem("'{\(shown(String(Substring(rest))))' lacks its }; a literal brace is written {{")
            }
            if !literal.isEmpty {
                parts.append(.literal(literal))
                literal = []
            }
            parts.append(.variables(try alternatives(Substring(rest[..<end]))))
            rest = rest[rest.index(after: end)...]
        }
        literal += rest
        if !literal.isEmpty { parts.append(.literal(literal)) }
        return parts
    }

    func alternatives(_ text: Substring) throws(TextProblem) -> [Template.Variable] {
        var variables: [Template.Variable] = []
        for name in text.split(separator: "|", omittingEmptySubsequences: false) {
            variables.append(try variable(name))
        }
        return variables
    }

    private func variable(_ text: Substring) throws(TextProblem) -> Template.Variable {
        guard !text.isEmpty else { throw TextProblem("a place in braces is empty; a literal brace is written {{") }
        if let plain = Self.plain.first(where: { $0.name == text }) { return plain.variable }
        for word in ["source-address", "destination-address"] where text.hasPrefix(word + "/") {
            return try address(word, prefixText: text.dropFirst(word.count + 1))
        }
        guard let point = text.firstIndex(of: ".") else { throw unknown(text) }
        let word = text[..<point]
        let name = text[text.index(after: point)...]
        if word == "path" {
            guard let number = decimal(name, below: 100), number > 0 else {
                throw TextProblem("'{\(shown(String(text)))}' needs a segment's number, such as {path.1} for the first")
            }
            return .pathSegment(number)
        }
        guard Self.named.contains(String(word)) else { throw unknown(text) }
        guard !name.isEmpty else { throw TextProblem("'{\(shown(String(text)))}' needs a name behind the point") }
        return try named(word, String(name))
    }

    private func named(_ word: Substring, _ name: String) throws(TextProblem) -> Template.Variable {
        switch word {
        case "query": return .query(name)
        case "cookie", "header":
            guard isToken(name) else { throw TextProblem("'\(shown(name))' cannot be the name of a \(word)") }
            return word == "header" ? .header(name.lowercased()) : .cookie(name)
        case "claim": return .claim(name)
        default:
            let keys = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard !keys.contains("") else { throw TextProblem("'{body.\(shown(name))}' has an empty key") }
            return .body(keys)
        }
    }

    private func address(_ word: String, prefixText: Substring) throws(TextProblem) -> Template.Variable {
        guard let prefix = decimal(prefixText, below: 129) else {
            throw TextProblem("the prefix of '{\(word)/\(shown(String(prefixText)))}' must be a number from 0 to 128")
        }
        return word == "source-address" ? .sourceAddress(prefix: prefix) : .destinationAddress(prefix: prefix)
    }

    private func unknown(_ text: Substring) -> TextProblem {
        let word = text.prefix { $0 != "." && $0 != "/" }
        let rest = text.dropFirst(word.count)
        if rest.isEmpty, Self.named.contains(String(word)) {
            return TextProblem("'{\(word)}' needs a name, such as {\(word).NAME}")
        }
        let candidates =
            switch rest.first {
            case ".": Self.named + ["path"]
            case "/": ["source-address", "destination-address"]
            default: Self.plain.map(\.name)
            }
        let nearest = Spelling.nearest(to: String(word), among: candidates)
        let hint = nearest.map { " (did you mean '{\($0)\(shown(String(rest)))}'?)" } ?? ""
        return TextProblem("unknown variable '{\(shown(String(text)))}'\(hint)")
    }
}

/// RFC 9110 §5.6.2: what a header or cookie name is made of.
package func isToken(_ text: some StringProtocol) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
}
