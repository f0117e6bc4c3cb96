import UsherCore
import UsherQuotas

extension Kind where Value == Template {
    /// A whole number from 0 to 1,000,000, or a template that gives one.
    static var cost: Kind {
        line.checked { template in
            guard let constant = template.constant else { return nil }
            let text = String(decoding: constant, as: UTF8.self)
            guard let cost = QuotaCost(constant.span), "\(cost.units)" == text else {
                return "'\(shown(text))' is not a whole number from 0 to \(QuotaCost.maximum)"
            }
            return nil
        }
    }
}

extension Kind where Value == Template {
    /// What callers are told apart by. A quota is asked before a service is chosen.
    static var quotaKey: Kind {
        line.checked { template in
            for case .variables(let variables) in template.parts where variables.contains(.service) {
                return "{service} is not known yet when a quota is asked; write {route}"
            }
            return nil
        }
    }
}

extension Kind where Value == QuotaSettings.InFlight {
    /// A number for every class, or one for each.
    static var inFlight: Kind {
        let count = Kind<Int>.int(1...1_000_000)
        let byClass = Kind<[QuotaSettings.ClassCount]>.named(
            count, hint: "{ anonymous: 4, authenticated: 32 }", check: { _ in nil },
            make: { QuotaSettings.ClassCount(callerClass: $0, count: $1) }, take: { ($0.callerClass, $0.count) })
        return Kind(
            schema: .members(["anyOf": .array([count.schema, byClass.schema, .members(["const": .string("none")])])]),
            read: { node, reading in
                if case .mapping(let entries) = node.content {
                    for entry in entries {
                        reading.inside(shown(entry.key)) {
                            reading.refer(to: .callerClass, entry.key, at: entry.position)
                        }
                    }
                    return byClass.read(node, reading).map(QuotaSettings.InFlight.byClass)
                }
                if case .scalar("none", _) = node.content { return .unlimited }
                return count.read(node, reading).map(QuotaSettings.InFlight.all)
            },
            write: { inFlight in
                switch inFlight {
                case .unlimited: .string("none")
                case .all(let number): count.write(number)
                case .byClass(let counts): byClass.write(counts)
                }
            })
    }
}

/// A store while it is read: by TCP or by a Unix socket.
private struct RedisDraft {
    var redis: ReplicaAddress?
    var unix: String?
    var settings = QuotaStoreSettings()

    init() {}

    init(_ settings: QuotaStoreSettings) {
        self.settings = settings
        if case .unix(let path) = settings.address { unix = path } else { redis = settings.address }
    }

    var finished: QuotaStoreSettings? {
        guard let address = redis ?? unix.map({ .unix(path: $0) }) else { return nil }
        var result = settings
        result.address = address
        return result
    }

    static var shape: Shape<RedisDraft> {
        let host = Kind<ReplicaAddress>.replicaAddress.checked { address in
            if case .unix = address { "is a socket's path; write it as unix: PATH" } else { nil }
        }
        let socket = Kind<String>.path.checked { path in
            path.utf8.count <= ReplicaAddress.unixPathMaximum ? nil : "is too long for a socket's path"
        }
        return Shape(
            initial: RedisDraft(),
            keys: [
                .optional("redis", \.redis, host, default: "none", "Host and port, such as 127.0.0.1:6379."),
                .optional("unix", \.unix, socket, default: "none", "Path of its socket."),
                .optional("username", \.settings.username, .text, default: "default", "Whom the password is of."),
                .optional(
                    "password", \.settings.password, .hiddenText, default: "none",
                    "Better from the environment: \"${REDIS_PASSWORD}\"."),
                .value("database", \.settings.database, .int(0...1_000_000), "The number of the database."),
                .value(
                    "deadline", \.settings.deadline, .duration(.milliseconds(1)...(.seconds(1))),
                    "How long an answer may take; then on-failure decides."),
            ],
            choice: Choice(keys: ["redis", "unix"], reason: "a store is reached in one way"))
    }
}

extension Kind where Value == QuotaStoreSettings {
    static var redis: Kind {
        let draft = RedisDraft.shape.kind(hint: "{ redis: 127.0.0.1:6379 }")
        return Kind(
            schema: draft.schema, read: { node, reading in draft.read(node, reading)?.finished },
            write: { draft.write(RedisDraft($0)) })
    }
}

extension Kind where Value == RouteQuota {
    /// A quota's name, or `{ name: public, cost: 5 }`.
    static var routeQuota: Kind {
        let name = Kind<String>.className
        let mapping = Shape(
            initial: RouteQuota(name: ""),
            keys: [
                .value("name", \.name, name, required: true, "The quota."),
                .optional("cost", \.cost, .cost, default: "what the quota says", "What a request of this route uses."),
            ]
        ).kind(hint: "{ name: public, cost: 5 }")
        return Kind(
            schema: .members(["anyOf": .array([name.schema, mapping.schema])]),
            read: { node, reading in
                if case .mapping(let entries) = node.content {
                    guard let quota = mapping.read(node, reading) else { return nil }
                    let place = entries.first { $0.key == "name" }?.value.position ?? node.position
                    if !quota.name.isEmpty {
                        reading.inside("name") { reading.refer(to: .quota, quota.name, at: place) }
                    }
                    return quota
                }
                guard let name = name.read(node, reading) else { return nil }
                reading.refer(to: .quota, name, at: node.position)
                return RouteQuota(name: name)
            },
            write: { quota in quota.cost == nil ? .string(quota.name) : mapping.write(quota) })
    }
}

extension Kind where Value == [String] {
    /// A class, or a list of them.
    static var required: Kind {
        let one = Kind<String>.className
        let several = list(of: one, atLeast: 1, hint: "[gold, silver]")
        return Kind(
            schema: .members(["anyOf": .array([one.schema, several.schema])]),
            read: { node, reading in
                guard case .list(let nodes) = node.content else {
                    reading.referIfName(node)
                    return one.read(node, reading).map { [$0] }
                }
                for (index, node) in nodes.enumerated() { reading.inside("[\(index)]") { reading.referIfName(node) } }
                return several.read(node, reading)
            },
            write: { names in
                if let only = names.first, names.count == 1 { return one.write(only) }
                return several.write(names)
            })
    }
}

extension Reading {
    fileprivate func referIfName(_ node: ConfigurationNode) {
        guard case .scalar(let text, _) = node.content, !text.isEmpty, !text.contains("$") else { return }
        refer(to: .callerClass, text, at: node.position)
    }
}

extension Kind where Value == String {
    /// A text that is never shown.
    static var hiddenText: Kind {
        Kind(
            schema: Kind.text.schema, read: Kind.text.read,
            write: { .masked(shown: Masking.mask, hidden: $0) })
    }
}
