import UsherCore

/// The keys of one mapping: what they are called, mean and default to, in one place each.
struct Shape<Root> {
    /// The value when no key is written; its fields are the defaults.
    var initial: Root
    var keys: [Key<Root>]
    /// Keys that exclude each other.
    var choice: Choice?
    /// Looks at the whole mapping after its keys.
    var finish: (inout Root, ConfigurationNode, Reading) -> Void = { _, _, _ in }

    /// A mapping with exactly these keys; what could be read is kept even when there are problems.
    func kind(hint: String) -> Kind<Root> {
        Kind(
            schema: schema,
            read: { node, reading in
                guard case .mapping(let entries) = node.content else {
                    let what = node.isEmpty ? "has no value; it is a mapping, such as \(hint)" : nil
                    let message = what ?? "must be a mapping, such as \(hint), not \(node.kindName)"
                    reading.note(message, at: node.position)
                    return nil
                }
                return read(entries, of: node, reading)
            },
            write: { root in
                .object(keys.compactMap { key in key.write(root).map { JSON.Member(key: key.name, value: $0) } })
            })
    }

    private func read(_ entries: [ConfigurationNode.Entry], of node: ConfigurationNode, _ reading: Reading) -> Root {
        var root = initial
        var meant: Set<String> = []
        for entry in entries {
            reading.inside(shown(entry.key)) {
                if let key = keys.first(where: { $0.name == entry.key }) {
                    key.read(entry, reading, &root)
                } else if let name = noteUnknown(entry, reading) {
                    meant.insert(name)
                }
            }
        }
        // A misspelt key has its problem already.
        for key in keys where key.isRequired && !meant.contains(key.name) {
            guard !entries.contains(where: { $0.key == key.name }) else { continue }
            reading.note("needs the key '\(key.name)'", at: node.position)
        }
        choice?.check(entries, meant: meant, at: node, reading)
        finish(&root, node, reading)
        return root
    }

    /// Returns the key that was probably meant.
    private func noteUnknown(_ entry: ConfigurationNode.Entry, _ reading: Reading) -> String? {
        let names = keys.filter { !$0.isLater }.map(\.name)
        let nearest = Spelling.nearest(to: entry.key, among: names)
        let hint = nearest.map { " (did you mean '\($0)'?)" } ?? "; known here: \(names.joined(separator: ", "))"
        reading.note("unknown key\(hint)", at: entry.position)
        return nearest
    }

    private var schema: JSON {
        let readable = keys.compactMap { key in key.schema(initial).map { JSON.Member(key: key.name, value: $0) } }
        var members = [
            JSON.Member(key: "type", value: .string("object")),
            JSON.Member(key: "properties", value: .object(readable)),
            JSON.Member(key: "additionalProperties", value: .bool(false)),
        ]
        let required = keys.filter(\.isRequired).map(\.name)
        if !required.isEmpty { members.append(JSON.Member(key: "required", value: .strings(required))) }
        return .object(members + (choice?.schema ?? []))
    }
}

/// One key of a mapping.
struct Key<Root> {
    let name: String
    let isRequired: Bool
    /// Known, but only to say that this version does not have it.
    let isLater: Bool
    /// Nil when the key cannot be used.
    let schema: (Root) -> JSON?
    let read: (ConfigurationNode.Entry, Reading, inout Root) -> Void
    /// Nil when there is nothing to show.
    let write: (Root) -> JSON?

    /// A key that is always there; its default is the field's initial value unless it is `required`.
    static func value<Value>(
        _ name: String, _ field: WritableKeyPath<Root, Value>, _ kind: Kind<Value>, required: Bool = false,
        _ documentation: String
    ) -> Key {
        Key(
            name: name, isRequired: required, isLater: false,
            schema: { initial in
                let described = kind.schema.adding("description", .string(documentation))
                return required ? described : described.adding("default", kind.write(initial[keyPath: field]))
            },
            read: { entry, reading, root in
                if let value = kind.read(entry.value, reading) { root[keyPath: field] = value }
            }, write: { kind.write($0[keyPath: field]) })
    }

    /// The same key, which is not shown where the condition holds.
    func unless(_ isHidden: @escaping (Root) -> Bool) -> Key {
        Key(
            name: name, isRequired: isRequired, isLater: isLater, schema: schema, read: read,
            write: { isHidden($0) ? nil : write($0) })
    }

    /// A key that may be left out; `default` says in words what is done then.
    static func optional<Value>(
        _ name: String, _ field: WritableKeyPath<Root, Value?>, _ kind: Kind<Value>, default: String,
        _ documentation: String
    ) -> Key {
        Key(
            name: name, isRequired: false, isLater: false,
            schema: { _ in
                kind.schema.adding("description", .string("\(documentation) Default: \(`default`)."))
            },
            read: { entry, reading, root in
                if let value = kind.read(entry.value, reading) { root[keyPath: field] = value }
            }, write: { $0[keyPath: field].map(kind.write) })
    }

    /// A key whose only value in this version is its default.
    static func fixed(_ name: String, _ word: String, _ documentation: String) -> Key {
        let value: JSON = word == "false" ? .bool(false) : .string(word)
        return Key(
            name: name, isRequired: false, isLater: false,
            schema: { _ in .members(["const": value, "description": .string(documentation), "default": value]) },
            read: { entry, reading, _ in
                guard let (text, _) = reading.text(of: entry.value), text != word else { return }
                reading.note(
                    "'\(shown(text))' is not available in this version; only '\(word)' is", at: entry.value.position)
            }, write: { _ in nil })
    }

    /// A key of the configuration language that a later version reads.
    static func later(_ name: String) -> Key {
        Key(
            name: name, isRequired: false, isLater: true, schema: { _ in nil },
            read: { entry, reading, _ in
                reading.note("`\(name)` is not available in this version", at: entry.position)
            }, write: { _ in nil })
    }
}
