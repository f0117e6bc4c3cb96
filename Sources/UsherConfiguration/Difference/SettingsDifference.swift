import UsherCore

/// What a reload would change, told in the keys of the configuration language.
///
/// Made from the same encoding as the configuration that is shown, so secrets stay masked; one that changed reads
/// `*** -> ***`. Services, routes, listeners and replicas are the same thing when they have the same name or address,
/// wherever they stand.
public struct SettingsDifference: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable {
        case added
        case removed
        case changed
    }

    public struct Entry: Sendable, Hashable, Codable {
        /// Such as `services.web.retries.attempts` or `services.web.replicas[127.0.0.1:9001].weight`.
        public var path: String
        public var kind: Kind
        /// One line of at most 200 characters, as it could stand in the file; nil when a thing as a whole came or went.
        public var old: String?
        /// For `routes` the word `order` when those that stay have changed places.
        public var new: String?
        /// True when a running Usher keeps the old value until it is started again.
        public var needsRestart: Bool

        enum CodingKeys: String, CodingKey {
            case path, kind, old, new
            case needsRestart = "needs-restart"
        }
    }

    /// In the order of the keys; in a list first what is new or changed, then what was removed.
    public var entries: [Entry]

    public init(from old: Settings, to new: Settings) {
        var comparison = SettingsComparison()
        comparison.compare(old, new)
        entries = comparison.entries
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// One change a line, without a final line feed: `~ services.web.retries.attempts: 2 -> 3`.
    public var text: String { entries.map(\.description).joined(separator: "\n") }

    public init(from decoder: any Decoder) throws {
        entries = try decoder.singleValueContainer().decode([Entry].self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(entries)
    }
}

extension SettingsDifference.Entry: CustomStringConvertible {
    /// `+` added, `-` removed, `~` changed, `!` changed but not before the next start.
    public var description: String {
        let values = [old, new].compactMap(\.self).joined(separator: " -> ")
        guard !needsRestart else { return "! \(path): \(old ?? "default") -> \(new ?? "default") (needs a restart)" }
        let sign =
            switch kind {
            case .added: "+"
            case .removed: "-"
            case .changed: "~"
            }
        return values.isEmpty ? "\(sign) \(path)" : "\(sign) \(path): \(values)"
    }
}
