/// One value of a YAML document with the place where it stands.
struct ConfigurationNode {
    struct Position: Hashable {
        /// From 1.
        var line: Int
        /// From 1, counted in Unicode scalars.
        var column: Int
    }

    struct Entry {
        var key: String
        var position: Position
        var value: ConfigurationNode
    }

    enum Content {
        /// `isPlain`: written without quotes, so that it may be a number or a truth value.
        case scalar(String, isPlain: Bool)
        case list([ConfigurationNode])
        /// In the order of the file; no key twice.
        case mapping([Entry])
    }

    var position: Position
    var content: Content

    /// What it is called in a message.
    var kindName: String {
        switch content {
        case .scalar(let text, let isPlain): text.isEmpty && isPlain ? "nothing" : "a single value"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }

    /// `key:` with nothing behind it, `~` and `null`.
    var isEmpty: Bool {
        guard case .scalar(let text, let isPlain) = content, isPlain else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }
}
