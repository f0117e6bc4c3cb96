import UsherCore
import Yams

/// Turns YAML text into nodes of ours, with aliases followed inside a bound.
///
/// Yams copies an alias's target wherever the alias stands and hashes keys with everything below them, so a few nested
/// aliases would take for ever before anything could be counted. So each `*` is exchanged for a private-use character,
/// one column wide as well, which makes every alias a plain scalar for Yams, and is put back here.
struct YAMLDocument {
    /// Values in a document with its aliases followed. A file of 1,000 routes has about 20,000.
    static let valueMaximum = 200_000
    static let star = UnicodeScalar(0xE000 as UInt16) ?? " "

    /// The text is one document with a value in it, or there is one problem.
    static func read(_ text: String, file: String) throws(ConfigurationProblem) -> ConfigurationNode {
        if let problem = TextCheck.problem(in: text, file: file) { throw problem }
        let starless = String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "*" ? star : $0 }))
        do {
            let parser = try Parser(yaml: starless, resolver: .basic)
            // Anchors are weak references into the parser, which therefore must outlive the conversion.
            return try withExtendedLifetime(parser) {
                guard let root = try parser.singleRoot() else {
                    throw problem("is empty; `usher init` writes a commented starter", at: nil, file: file)
                }
                var conversion = NodeConversion(file: file)
                return try conversion.node(root, depth: 0)
            }
        } catch let problem as ConfigurationProblem {
            throw problem
        } catch let error as YamlError {
            throw YAMLDocument.problem(for: error, text: text, file: file)
        } catch {
            throw problem("cannot be read as YAML", at: nil, file: file)
        }
    }

    static func problem(_ message: String, at position: ConfigurationNode.Position?, file: String)
        -> ConfigurationProblem
    {
        ConfigurationProblem(
            file: file, line: position?.line ?? 0, column: position?.column ?? 0, keyPath: "", message: message)
    }

    private static func problem(for error: YamlError, text: String, file: String) -> ConfigurationProblem {
        switch error {
        case .scanner(let context, let message, let mark, _), .parser(let context, let message, let mark, _),
            .composer(let context, let message, let mark, _):
            let position = ConfigurationNode.Position(line: mark.line, column: mark.column)
            if character(at: position, in: text) == "\t" {
                return problem("has a tab where YAML allows only spaces", at: position, file: file)
            }
            if message.contains("nesting level") {
                return problem("is nested too deeply", at: position, file: file)
            }
            if message.contains("another document") {
                return problem("begins a second document; a configuration is one document", at: position, file: file)
            }
            let detail = context.map { "\(message) \($0.text)" } ?? message
            return problem("is not valid YAML: \(shown(detail))", at: position, file: file)
        case .duplicatedKeysInMapping(let keys, let context):
            let position = ConfigurationNode.Position(line: context.mark.line, column: context.mark.column)
            let key = keys.first.map { "'\(shown(restored($0)))'" } ?? "a key"
            return problem("\(key) stands more than once in one mapping", at: position, file: file)
        case .memory:
            // Yams reports nothing else for this; real exhaustion ends the process before.
            return problem("is nested too deeply", at: nil, file: file)
        default:
            return problem("is not valid YAML", at: nil, file: file)
        }
    }

    static func restored(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == star ? "*" : $0 }))
    }

    private static func character(at position: ConfigurationNode.Position, in text: String) -> UnicodeScalar? {
        let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        guard position.line >= 1, position.line <= lines.count else { return nil }
        return lines[position.line - 1].dropFirst(position.column - 1).first
    }
}

/// Follows aliases while Yams' nodes become ours.
private struct NodeConversion {
    /// libyaml stops at 1,000; nothing of ours is deeper than 10.
    static let depthMaximum = 100

    let file: String
    private var anchors: [String: (node: ConfigurationNode, values: Int)] = [:]
    private var values = 0

    init(file: String) {
        self.file = file
    }

    mutating func node(_ node: Node, depth: Int) throws(ConfigurationProblem) -> ConfigurationNode {
        let position = ConfigurationNode.Position(line: node.mark?.line ?? 0, column: node.mark?.column ?? 0)
        guard depth < Self.depthMaximum else {
            throw YAMLDocument.problem("is nested more than \(Self.depthMaximum) deep", at: position, file: file)
        }
        let valuesBefore = values
        values += 1
        let content: ConfigurationNode.Content
        switch node {
        case .scalar(let scalar):
            if scalar.style == .plain, scalar.string.unicodeScalars.first == YAMLDocument.star {
                return try alias(scalar.string, at: position)
            }
            try checkTag(scalar.tag, at: position)
            content = .scalar(YAMLDocument.restored(scalar.string), isPlain: scalar.style == .plain)
        case .sequence(let sequence):
            try checkTag(sequence.tag, at: position)
            var elements: [ConfigurationNode] = []
            for element in sequence { elements.append(try self.node(element, depth: depth + 1)) }
            content = .list(elements)
        case .mapping(let mapping):
            try checkTag(mapping.tag, at: position)
            var entries: [ConfigurationNode.Entry] = []
            for (key, value) in mapping { entries.append(try entry(key, value, depth: depth)) }
            content = .mapping(entries)
        case .alias:
            throw YAMLDocument.problem("has an alias that leads nowhere", at: position, file: file)
        }
        try checkCount(at: position)
        let converted = ConfigurationNode(position: position, content: content)
        if let anchor = node.anchor { anchors[anchor.rawValue] = (converted, values - valuesBefore) }
        return converted
    }

    private mutating func entry(
        _ key: Node, _ value: Node, depth: Int
    ) throws(ConfigurationProblem) -> ConfigurationNode.Entry {
        let position = ConfigurationNode.Position(line: key.mark?.line ?? 0, column: key.mark?.column ?? 0)
        guard case .scalar(let scalar) = key else {
            throw YAMLDocument.problem("has a list or mapping as a key; keys are plain words", at: position, file: file)
        }
        if scalar.style == .plain, scalar.string == "<<" {
            let message = "'<<' is not supported; write the keys out, or use an alias for a whole value"
            throw YAMLDocument.problem(message, at: position, file: file)
        }
        if scalar.style == .plain, scalar.string.unicodeScalars.first == YAMLDocument.star {
            throw YAMLDocument.problem("has an alias as a key; keys are plain words", at: position, file: file)
        }
        let text = YAMLDocument.restored(scalar.string)
        return ConfigurationNode.Entry(key: text, position: position, value: try node(value, depth: depth + 1))
    }

    private mutating func alias(
        _ text: String, at position: ConfigurationNode.Position
    ) throws(ConfigurationProblem) -> ConfigurationNode {
        let name = YAMLDocument.restored(String(text.unicodeScalars.dropFirst()))
        let isName = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                || byte == 95
        }
        guard isName, !name.isEmpty else {
            let message = "a value that begins with * needs quotes: \"*\(shown(name))\""
            throw YAMLDocument.problem(message, at: position, file: file)
        }
        guard let target = anchors[name] else {
            let hint = Spelling.hint(for: name, among: anchors.keys.sorted())
            let message = "there is no anchor &\(shown(name)) above this alias\(hint)"
            throw YAMLDocument.problem(message, at: position, file: file)
        }
        // At most `valueMaximum` twice, so no overflow.
        values += target.values
        try checkCount(at: position)
        return target.node
    }

    private func checkCount(at position: ConfigurationNode.Position) throws(ConfigurationProblem) {
        guard values <= YAMLDocument.valueMaximum else {
            let message = "has more than \(YAMLDocument.valueMaximum) values once its aliases are followed"
            throw YAMLDocument.problem(message, at: position, file: file)
        }
    }

    /// Tags would change a value's type behind the reader's back; those that say what is so anyway are harmless.
    private func checkTag(_ tag: Tag, at position: ConfigurationNode.Position) throws(ConfigurationProblem) {
        let name = tag.description
        let harmless = ["", "!", "str", "seq", "map"]
        guard harmless.contains(name) || harmless.contains(where: { name == "tag:yaml.org,2002:\($0)" }) else {
            throw YAMLDocument.problem("has a tag (\(shown(name))); tags are not used here", at: position, file: file)
        }
    }
}
