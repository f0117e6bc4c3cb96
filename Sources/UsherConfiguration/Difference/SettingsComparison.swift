import UsherCore

/// Walks two encodings of settings side by side and collects where they part.
struct SettingsComparison {
    /// Keys that a running Usher does not change, with all below them.
    static let fixedWhileRunning = ["workers", "state", "secret", "admin", "log.access", "log.audit", "log.format"]

    private(set) var entries: [SettingsDifference.Entry] = []

    /// Values under names; a name stands for the same thing wherever it stands.
    private typealias Named = [(name: String, value: JSON)]

    mutating func compare(_ old: Settings, _ new: Settings) {
        let (oldTop, newTop) = (encoded(old), encoded(new))
        compare(Self.members(oldTop, except: "routes"), Self.members(newTop, except: "routes")) { $0 }
        compareRoutes(Self.routes(old, oldTop), Self.routes(new, newTop))
    }

    private mutating func compareRoutes(_ old: Named, _ new: Named) {
        compare(old, new, areThings: true) { "routes[\($0)]" }
        let (oldNames, newNames) = (Set(old.map(\.name)), Set(new.map(\.name)))
        let stayed = old.map(\.name).filter(newNames.contains)
        if stayed != new.map(\.name).filter(oldNames.contains) {
            note(.changed, "routes", old: nil, new: "order")
        }
    }

    private mutating func compare(_ old: JSON, _ new: JSON, at path: String) {
        switch (old, new) {
        case _ where old == new: return
        case (.object, .object):
            compare(Self.members(old), Self.members(new), areThings: ["services", "quotas", "caches"].contains(path)) {
                "\(path).\($0)"
            }
        case (.array(let oldValues), .array(let newValues)):
            guard let oldThings = Self.things(oldValues), let newThings = Self.things(newValues) else { fallthrough }
            compare(oldThings, newThings, areThings: true) { "\(path)[\($0)]" }
        default: note(.changed, path, old: old.flowText, new: new.flowText)
        }
    }

    /// `areThings`: values that come and go as a whole, so that their name says enough.
    private mutating func compare(
        _ old: Named, _ new: Named, areThings: Bool = false, path: (String) -> String
    ) {
        var gone = Dictionary(old.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        for (name, value) in new {
            if let before = gone.removeValue(forKey: name) {
                compare(before, value, at: path(name))
            } else {
                note(.added, path(name), old: nil, new: areThings ? nil : value.flowText)
            }
        }
        for (name, value) in old where gone[name] != nil {
            note(.removed, path(name), old: areThings ? nil : value.flowText, new: nil)
        }
    }

    private mutating func note(_ kind: SettingsDifference.Kind, _ path: String, old: String?, new: String?) {
        let needsRestart = Self.fixedWhileRunning.contains { path == $0 || path.hasPrefix($0 + ".") }
        entries.append(.init(path: path, kind: kind, old: old, new: new, needsRestart: needsRestart))
    }

    private static func members(_ value: JSON, except name: String? = nil) -> Named {
        guard case .object(let members) = value else { return [] }
        return members.filter { $0.key != name }.map { ($0.key, $0.value) }
    }

    /// The elements under their addresses; nil when these are no listeners or replicas.
    private static func things(_ values: [JSON]) -> Named? {
        var counts: [String: Int] = [:]
        var result: Named = []
        for value in values {
            guard case .object(let members) = value,
                case .string(let address)? = members.first(where: { $0.key == "address" })?.value
            else { return nil }
            // Several listeners may stand at port 0.
            let count = counts[address, default: 0] + 1
            counts[address] = count
            result.append((shown(address) + (count == 1 ? "" : "#\(count)"), value))
        }
        return result
    }

    private static func routes(_ settings: Settings, _ top: JSON) -> Named {
        guard case .object(let members) = top,
            case .array(let values)? = members.first(where: { $0.key == "routes" })?.value
        else { return [] }
        return zip(settings.routes, values).map { ($0.name, $1) }
    }
}

extension JSON {
    /// The value in YAML's flow style on one line of at most 200 characters; texts stand without quotes.
    var flowText: String {
        let text = flow
        return text.unicodeScalars.count <= 200 ? text : String(text.unicodeScalars.prefix(199)) + "…"
    }

    private var flow: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): "\(value)"
        case .string(let value), .masked(let value, _): value.isEmpty ? "\"\"" : shown(value)
        // What is cut off anyway needs not be made.
        case .array(let values): "[" + values.prefix(100).map(\.flow).joined(separator: ", ") + "]"
        case .object(let members) where members.isEmpty: "{}"
        case .object(let members):
            "{ " + members.prefix(100).map { "\(shown($0.key)): \($0.value.flow)" }.joined(separator: ", ") + " }"
        }
    }
}
