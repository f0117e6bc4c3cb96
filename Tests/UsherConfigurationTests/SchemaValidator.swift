@testable import UsherConfiguration

/// As much of JSON Schema (draft 2020-12) as our schema uses; an unknown word is a problem.
enum SchemaValidator {
    static func problems(of value: JSON, in schema: JSON, path: String = "") -> [String] {
        guard case .object(let members) = schema else { return ["\(path): the schema is no object"] }
        return members.flatMap { problems(of: value, word: $0.key, $0.value, in: schema, path) }
    }

    private static func problems(
        of value: JSON, word: String, _ rule: JSON, in schema: JSON, _ path: String
    ) -> [String] {
        switch word {
        case "$schema", "title", "description", "default": return []
        case "type": return matches(value, type: rule) ? [] : ["\(path): is not \(rule.text)"]
        case "const": return value == rule ? [] : ["\(path): is not \(rule.text)"]
        case "enum": return rule.elements.contains(value) ? [] : ["\(path): is none of \(rule.text)"]
        case "pattern":
            guard case .string(let text) = value, case .string(let pattern) = rule else { return [] }
            guard let expression = try? Regex(pattern) else { return ["\(path): \(pattern) is no expression"] }
            return text.contains(expression) ? [] : ["\(path): '\(text)' does not match \(pattern)"]
        case "minimum", "maximum":
            guard case .int(let number) = value, case .int(let bound) = rule else { return [] }
            return (word == "minimum" ? number >= bound : number <= bound) ? [] : ["\(path): \(number) is out of range"]
        case "anyOf", "oneOf":
            let fitting = rule.elements.filter { problems(of: value, in: $0, path: path).isEmpty }.count
            return fitting == 1 || word == "anyOf" && fitting > 1 ? [] : ["\(path): fits \(fitting) of \(word)"]
        case "minItems":
            guard case .int(let minimum) = rule, case .array(let values) = value else { return [] }
            return values.count >= minimum ? [] : ["\(path): has too few items"]
        case "items":
            guard case .array(let values) = value else { return [] }
            return values.enumerated().flatMap { problems(of: $1, in: rule, path: "\(path)[\($0)]") }
        case "required":
            guard case .object = value else { return [] }
            return rule.elements.filter { value[$0.plainText] == nil }.map { "\(path): needs \($0.plainText)" }
        case "dependentRequired":
            guard case .object(let members) = value else { return [] }
            return members.flatMap {
                problems(of: value, word: "required", rule[$0.key] ?? .array([]), in: schema, path)
            }
        case "properties":
            guard case .object(let members) = value else { return [] }
            return members.flatMap { member in
                rule[member.key].map { problems(of: member.value, in: $0, path: "\(path).\(member.key)") } ?? []
            }
        case "additionalProperties":
            guard case .object(let members) = value else { return [] }
            let others = members.filter { schema["properties"]?[$0.key] == nil }
            if rule == .bool(false) { return others.map { "\(path): has \($0.key)" } }
            return others.flatMap { problems(of: $0.value, in: rule, path: "\(path).\($0.key)") }
        default: return ["\(path): \(word) is not known to this validator"]
        }
    }

    private static func matches(_ value: JSON, type: JSON) -> Bool {
        if case .array(let types) = type { return types.contains { matches(value, type: $0) } }
        switch value {
        case .null: return type == .string("null")
        case .bool: return type == .string("boolean")
        case .int: return type == .string("integer") || type == .string("number")
        case .string, .masked: return type == .string("string")
        case .array: return type == .string("array")
        case .object: return type == .string("object")
        }
    }

    /// What an editor sees in a document: plain numbers and truth values are no texts.
    static func json(of node: ConfigurationNode) -> JSON {
        switch node.content {
        case .scalar(let text, let isPlain):
            guard isPlain else { return .string(text) }
            if let number = Int(text) { return .int(number) }
            switch text {
            case "true", "false": return .bool(text == "true")
            case "", "~", "null": return .null
            default: return .string(text)
            }
        case .list(let nodes): return .array(nodes.map(json))
        case .mapping(let entries): return .object(entries.map { JSON.Member(key: $0.key, value: json(of: $0.value)) })
        }
    }

    /// Every key with the keys above it; names that users choose, and places in lists, are left out.
    static func keyPaths(of value: JSON, below path: String = "", isNamed: Bool = false) -> Set<String> {
        switch value {
        case .array(let values): return values.reduce(into: []) { $0.formUnion(keyPaths(of: $1, below: path)) }
        case .object(let members):
            if isNamed { return members.reduce(into: []) { $0.formUnion(keyPaths(of: $1.value, below: path)) } }
            return members.reduce(into: []) { paths, member in
                // Beside its fixed keys a quota has one for each class, whatever that is called.
                let isClass = path == ".quotas" && !QuotaSettings.reservedWords.contains(member.key)
                if isClass {
                    guard case .object(let keys) = member.value else { return }
                    return paths.formUnion(keys.map { path + "." + $0.key })
                }
                let below = path + "." + member.key
                let isNamed = [
                    "services", "shards", "quotas", "caches", "headers.set", "request-headers.set", "match.headers",
                ]
                .contains {
                    below.hasSuffix("." + $0)
                }
                paths.insert(below)
                paths.formUnion(keyPaths(of: member.value, below: below, isNamed: isNamed))
            }
        default: return []
        }
    }

    static func keyPaths(ofSchema schema: JSON) -> Set<String> {
        Set(properties(in: schema).map(\.path))
    }

    /// Every key that the schema declares, with its own schema.
    static func properties(in schema: JSON, below path: String = "") -> [(path: String, schema: JSON, isRequired: Bool)]
    {
        guard case .object(let members) = schema else { return [] }
        let required = schema["required"]?.elements ?? []
        return members.flatMap { member -> [(path: String, schema: JSON, isRequired: Bool)] in
            switch (member.key, member.value) {
            case ("properties", .object(let properties)):
                return properties.flatMap { property in
                    let below = path + "." + property.key
                    let own = (below, property.value, required.contains(.string(property.key)))
                    return [own] + self.properties(in: property.value, below: below)
                }
            case ("items", let items): return properties(in: items, below: path)
            case ("additionalProperties", let value): return properties(in: value, below: path)
            case ("anyOf", .array(let choices)): return choices.flatMap { properties(in: $0, below: path) }
            default: return []
            }
        }
    }
}

extension JSON {
    subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    var elements: [JSON] {
        if case .array(let values) = self { values } else { [] }
    }

    /// The text itself when it is one, without quotes.
    var plainText: String {
        if case .string(let text) = self { text } else { text }
    }
}
