import UsherCore

/// How one kind of value is described to an editor, read from a file and written as JSON.
struct Kind<Value> {
    /// JSON Schema (draft 2020-12) that every readable value satisfies.
    var schema: JSON
    /// Nil when there is no value; a problem has then been noted.
    var read: (ConfigurationNode, Reading) -> Value?
    var write: (Value) -> JSON

    /// The same kind for another type that holds the same information.
    func map<Other>(_ forward: @escaping (Value) -> Other, back: @escaping (Other) -> Value) -> Kind<Other> {
        Kind<Other>(
            schema: schema, read: { node, reading in read(node, reading).map(forward) }, write: { write(back($0)) })
    }

    /// The same kind with one more condition; `check` gives the sentence part that says what is wrong.
    func checked(_ check: @escaping (Value) -> String?) -> Kind {
        Kind(
            schema: schema,
            read: { node, reading in
                guard let value = read(node, reading) else { return nil }
                if let problem = check(value) {
                    reading.note(problem, at: node.position)
                    return nil
                }
                return value
            }, write: write)
    }

    /// The value, or the word `none` for nil.
    func orNone() -> Kind<Value?> {
        Kind<Value?>(
            schema: .members(["anyOf": .array([.members(["const": .string("none")]), .variable, schema])]),
            read: { node, reading in
                if case .scalar(let text, _) = node.content {
                    // A variable that cannot be filled in is the other kind's problem.
                    let filled = try? EnvironmentVariables.fill(text, from: reading.environment)
                    if filled ?? text == "none" { return .some(nil) }
                }
                return read(node, reading).map(Optional.some)
            },
            write: { $0.map(write) ?? .string("none") })
    }
}

extension Kind {
    /// A value with a text form of its own; `pattern` is what an editor checks, a regular expression without anchors.
    static func parsed(
        pattern: String, _ parse: @escaping (String, Reading) throws(TextProblem) -> Value,
        write: @escaping (Value) -> String
    ) -> Kind {
        Kind(
            schema: .text(pattern: pattern),
            read: { node, reading in
                guard let (text, _) = reading.text(of: node) else { return nil }
                do throws(TextProblem) {
                    return try parse(text, reading)
                } catch {
                    reading.note(error.message, at: node.position)
                    return nil
                }
            }, write: { .string(write($0)) })
    }

    /// One of a few words.
    static func words(_ words: [(word: String, value: Value)]) -> Kind where Value: Equatable {
        let names = words.map(\.word)
        return Kind(
            schema: .members(["anyOf": .array([.members(["enum": .strings(names)]), .variable])]),
            read: { node, reading in
                guard let (text, _) = reading.text(of: node) else { return nil }
                if let match = words.first(where: { $0.word == text }) { return match.value }
                let hint = Spelling.hint(for: text, among: names)
                reading.note(
                    "unknown word '\(shown(text))'\(hint); it is one of \(names.joined(separator: ", "))",
                    at: node.position)
                return nil
            },
            write: { value in .string(words.first { $0.value == value }?.word ?? "") })
    }

    /// The cases of an enumeration, by their raw values.
    static func cases(
        of type: Value.Type = Value.self
    ) -> Kind where Value: CaseIterable & RawRepresentable & Equatable, Value.RawValue == String {
        words(type.allCases.map { ($0.rawValue, $0) })
    }

    /// A list of the same kind of value; elements that cannot be read are left out.
    static func list<Element>(
        of element: Kind<Element>, atLeast minimum: Int = 0, hint: String
    ) -> Kind where Value == [Element] {
        Kind(
            schema: .members(["type": .string("array"), "minItems": .int(minimum), "items": element.schema]),
            read: { node, reading in
                guard case .list(let nodes) = node.content else {
                    reading.note("must be a list, such as \(hint), not \(node.kindName)", at: node.position)
                    return nil
                }
                if nodes.count < minimum { reading.note("must not be empty", at: node.position) }
                return nodes.enumerated().compactMap { index, node in
                    reading.inside("[\(index)]") { element.read(node, reading) }
                }
            }, write: { .array($0.map(element.write)) })
    }

    /// A list, or its only element.
    static func oneOrMore<Element>(of element: Kind<Element>, hint: String) -> Kind where Value == [Element] {
        let list = list(of: element, hint: hint)
        return Kind(
            schema: .members(["anyOf": .array([element.schema, list.schema])]),
            read: { node, reading in
                if case .list = node.content { return list.read(node, reading) }
                return element.read(node, reading).map { [$0] }
            }, write: list.write)
    }

    /// A mapping from free names to one kind of value, in the order of the file.
    ///
    /// `check` says what is wrong with a name; `make` and `take` join and part name and value.
    static func named<Item, Element>(
        _ item: Kind<Item>, hint: String, check: @escaping (String) -> String?,
        make: @escaping (String, Item) -> Element, take: @escaping (Element) -> (String, Item)
    ) -> Kind where Value == [Element] {
        Kind(
            schema: .members(["type": .string("object"), "additionalProperties": item.schema]),
            read: { node, reading in
                guard case .mapping(let entries) = node.content else {
                    reading.note("must be a mapping, such as \(hint), not \(node.kindName)", at: node.position)
                    return nil
                }
                return entries.compactMap { entry in
                    reading.inside(shown(entry.key)) {
                        if let problem = check(entry.key) { reading.note(problem, at: entry.position) }
                        return item.read(entry.value, reading).map { make(entry.key, $0) }
                    }
                }
            },
            write: { elements in
                .object(
                    elements.map { element in
                        let (name, value) = take(element)
                        return JSON.Member(key: name, value: item.write(value))
                    })
            })
    }
}

extension JSON {
    /// A text that contains a variable, which only the reader can fill in.
    static let variable = text(pattern: nil)

    /// A text of one form, or one with a variable in it.
    static func text(pattern: String?) -> JSON {
        let variable = "\\$\\{"
        let expression = pattern.map { "^(?:\($0))$|\(variable)" } ?? variable
        return .members(["type": .string("string"), "pattern": .string(expression)])
    }
}
