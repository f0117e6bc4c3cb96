import UsherCore
import UsherQuotas

extension QuotaSettings {
    /// Keys of a quota that are no classes.
    static let reservedWords = ["key", "cost", "in-flight", "dry-run", "store", "on-failure"]

    static var shape: Shape<QuotaSettings> {
        Shape(
            initial: QuotaSettings(name: ""),
            keys: [
                .optional(
                    "key", \.key, .quotaKey,
                    default: "the identity, or the client's address (/64 for IPv6) when anonymous",
                    "What callers are told apart by, such as {header.x-tenant}."),
                .value("cost", \.cost, .cost, "What a request uses: a whole number, or a template that gives one."),
                .value(
                    "in-flight", \.inFlight, .inFlight,
                    "Requests of one caller that may be on their way: a number, or one for each class."),
                .value("dry-run", \.dryRun, .bool, "true: counts and logs, and refuses nothing."),
                .optional(
                    "store", \.store, .redis, default: "each gateway counts for itself",
                    "Where gateways that act as one keep their counts: Redis 7 or Valkey."),
                .value(
                    "on-failure", \.onFailure, .cases(),
                    "When the store does not answer: allow all, refuse all (503), or count alone (local)."),
            ])
    }
}

extension Kind where Value == [QuotaSettings] {
    static var quotas: Kind {
        let hint = "{ public: { anonymous: 60/min, authenticated: 1000/min } }"
        return named(
            .quota, hint: hint,
            check: Kind<String>.plainNameProblem,
            make: { name, quota in
                var quota = quota
                quota.name = name
                return quota
            }, take: { ($0.name, $0) })
    }
}

extension Kind where Value == QuotaSettings {
    /// Fixed keys, and beside them a limit for each class.
    static var quota: Kind {
        let fixed = QuotaSettings.shape.kind(hint: "{ anonymous: 60/min, authenticated: 1000/min }")
        let windows = Kind<[QuotaWindow]>.windows
        return Kind(
            schema: fixed.schema.replacing("additionalProperties", by: windows.schema),
            read: { node, reading in
                guard case .mapping(let entries) = node.content else { return fixed.read(node, reading) }
                let isFixed = { (entry: ConfigurationNode.Entry) in QuotaSettings.reservedWords.contains(entry.key) }
                let rest = ConfigurationNode(position: node.position, content: .mapping(entries.filter(isFixed)))
                guard var quota = fixed.read(rest, reading) else { return nil }
                for entry in entries where !isFixed(entry) {
                    reading.inside(shown(entry.key)) {
                        reading.refer(to: .quotaKey, entry.key, at: entry.position)
                        guard let limit = windows.read(entry.value, reading) else { return }
                        quota.limits.append(.init(callerClass: entry.key, windows: limit))
                    }
                }
                if entries.allSatisfy(isFixed), quota.inFlight == .unlimited {
                    reading.note(
                        "limits nothing; say for a class how much, such as anonymous: 60/min", at: node.position)
                }
                return quota
            },
            write: { quota in
                guard case .object(let members) = fixed.write(quota) else { return .null }
                return .object(
                    quota.limits.map { JSON.Member(key: $0.callerClass, value: windows.write($0.windows)) } + members)
            })
    }
}

extension Kind where Value == [QuotaWindow] {
    /// One window, or a list of them that all hold.
    static var windows: Kind {
        let one = Kind<QuotaWindow>.window
        let several = list(of: one, atLeast: 1, hint: "[100/s, 100000/h]").checked { windows in
            if windows.count > QuotaLimit.windowsMaximum { return "has more than \(QuotaLimit.windowsMaximum) windows" }
            return Set(windows).count < windows.count ? "has a window twice" : nil
        }
        return Kind(
            schema: .members(["anyOf": .array([one.schema, several.schema])]),
            read: { node, reading in
                if case .list = node.content { return several.read(node, reading) }
                return one.read(node, reading).map { [$0] }
            },
            write: { windows in
                if let only = windows.first, windows.count == 1 { return one.write(only) }
                return several.write(windows)
            })
    }
}

/// A window while it is read.
private struct WindowDraft {
    var rate: Rate?
    var burst: Int?

    static var shape: Shape<WindowDraft> {
        Shape(
            initial: WindowDraft(),
            keys: [
                .optional("rate", \.rate, .rate(atMost: .max), default: "none", "How fast the allowance comes back."),
                .optional(
                    "burst", \.burst, .int(1...QuotaWindow.burstMaximum), default: "the rate's count",
                    "What may be used at once after a rest."),
            ],
            finish: { draft, node, reading in
                guard draft.rate == nil, case .mapping(let entries) = node.content,
                    !entries.contains(where: { $0.key == "rate" })
                else { return }
                reading.note("needs the key 'rate'", at: node.position)
            })
    }
}

extension Kind where Value == QuotaWindow {
    /// `60/min`, or `{ rate: 60/min, burst: 10 }`.
    static var window: Kind {
        let rate = Kind<Rate>.rate(atMost: .max)
        let mapping = WindowDraft.shape.kind(hint: "{ rate: 60/min, burst: 10 }")
        return Kind(
            schema: .members(["anyOf": .array([rate.schema, mapping.schema])]),
            read: { node, reading in
                var draft: WindowDraft?
                if case .mapping = node.content {
                    draft = mapping.read(node, reading)
                } else {
                    draft = rate.read(node, reading).map { WindowDraft(rate: $0) }
                }
                guard let draft, let rate = draft.rate else { return nil }
                do throws(TextProblem) {
                    return try QuotaWindow(rate, burst: draft.burst)
                } catch {
                    reading.note(error.message, at: node.position)
                    return nil
                }
            },
            write: { window in
                guard window.burst != window.rate.count else { return rate.write(window.rate) }
                return mapping.write(WindowDraft(rate: window.rate, burst: window.burst))
            })
    }
}
