import UsherCore

/// Keys of one mapping of which exactly one is written.
struct Choice {
    var keys: [String]
    /// Why there is only one, such as "a route does one thing".
    var reason: String
    /// Keys that mean something only beside another one; both are names of keys.
    var companions: KeyValuePairs<String, String> = [:]

    /// Notes what is missing, too much or without effect; `meant` are the keys that were probably misspelt.
    ///
    /// Judges what is written: a key whose value could not be read has its own problem already.
    func check(_ entries: [ConfigurationNode.Entry], meant: Set<String>, at node: ConfigurationNode, _ reading: Reading)
    {
        let written = entries.filter { keys.contains($0.key) }
        guard let first = written.first else {
            if meant.isDisjoint(with: keys) {
                let names = keys.map { "'\($0)'" }
                let list = names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
                reading.note("needs one of the keys \(list)", at: node.position)
            }
            return
        }
        if let second = written.dropFirst().first {
            reading.note("has both '\(first.key)' and '\(second.key)'; \(reason)", at: second.position)
        }
        for (key, partner) in companions where !written.contains(where: { $0.key == partner }) {
            guard let entry = entries.first(where: { $0.key == key }), !meant.contains(partner) else { continue }
            reading.inside(key) {
                reading.note("has no effect beside '\(first.key)'; it belongs to '\(partner)'", at: entry.position)
            }
        }
    }

    /// The same rules for an editor.
    var schema: [JSON.Member] {
        let choices = keys.map { JSON.members(["required": .strings([$0])]) }
        let partners = companions.map { JSON.Member(key: $0.key, value: .strings([$0.value])) }
        return [JSON.Member(key: "oneOf", value: .array(choices))]
            + (partners.isEmpty ? [] : [JSON.Member(key: "dependentRequired", value: .object(partners))])
    }
}
