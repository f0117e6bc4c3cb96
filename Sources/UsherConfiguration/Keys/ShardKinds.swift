import UsherCore
import UsherSharding

extension Kind where Value == [KeyRule.Part] {
    static let partsMaximum = 16

    /// One template, or a list of them and of parts with steps of their own.
    static var shardKey: Kind {
        let part = Kind<KeyRule.Part>.keyPart
        let list = list(of: part, atLeast: 1, hint: "[\"{header.x-tenant}\", \"{path.1}\"]")
        return Kind(
            schema: .members(["anyOf": .array([part.schema, list.schema])]),
            read: { node, reading in
                if case .list = node.content { return list.read(node, reading) }
                return part.read(node, reading).map { [$0] }
            },
            write: { parts in
                parts.count == 1 && parts[0].steps.isEmpty ? part.write(parts[0]) : list.write(parts)
            }
        ).checked { parts in
            guard parts.count <= partsMaximum else { return "has more than \(partsMaximum) elements" }
            guard !parts.isEmpty, !parts.contains(where: { $0.template.differsByRequest }) else { return nil }
            return "is the same for every request, so one shard would get them all; add something like {header.x-user}"
        }
    }
}

extension Kind where Value == KeyRule.Part {
    static var keyPart: Kind {
        let template = Kind<Template>.line(bareNames: true, allowsBody: true)
        let mapping = KeyRule.Part.shape.kind(hint: "{ take: \"{source-address}\", normalise: [country] }")
        return Kind(
            schema: .members(["anyOf": .array([template.schema, mapping.schema])]),
            read: { node, reading in
                if case .mapping = node.content { return mapping.read(node, reading) }
                return template.read(node, reading).map { KeyRule.Part(template: $0, steps: []) }
            },
            write: { part in part.steps.isEmpty ? template.write(part.template) : mapping.write(part) })
    }
}

extension KeyRule.Part {
    static var shape: Shape<KeyRule.Part> {
        Shape(
            initial: KeyRule.Part(template: Template(literal: ""), steps: []),
            keys: [
                .value(
                    "take", \.template, .line(bareNames: true, allowsBody: true), required: true,
                    "What of the request is taken, such as \"{source-address}\"."),
                .value(
                    "normalise", \.steps, .list(of: .keyStep, hint: "[lower, trim]"),
                    "What is done with it: lower, trim, country."),
            ])
    }
}

extension Kind where Value == KeyRule.Step {
    static var keyStep: Kind { words([("lower", .lower), ("trim", .trim), ("country", .country)]) }
}

extension Kind where Value == MissingKey {
    static var missingKey: Kind {
        parsed(pattern: ".+") { text, _ throws(TextProblem) in
            if text == "refuse" { return .refuse }
            if let problem = Kind<[ShardSettings]>.nameProblem(text) { throw TextProblem(problem) }
            return .shard(text)
        } write: { missing in
            switch missing {
            case .refuse: "refuse"
            case .shard(let name): name
            }
        }
    }
}

extension Kind where Value == ShardingFunction {
    static var shardingFunction: Kind {
        let functions: [ShardingFunction] = [
            .rendezvous, .maglev, .ring, .jump, .modulo, .ranges, .map(unlisted: nil),
        ]
        var kind = words(functions.map { ($0.name, $0) })
        // Where unlisted keys go is another key of the file.
        kind.write = { .string($0.name) }
        return kind
    }
}

extension Kind where Value == [ShardSettings] {
    static var shards: Kind {
        named(
            .shard, hint: "{ s0: [127.0.0.1:9101], s1: [127.0.0.1:9111] }", check: nameProblem,
            make: { name, shard in
                var shard = shard
                shard.name = name
                return shard
            }, take: { ($0.name, $0) }
        ).checked { shards in
            shards.count <= ShardMap.shardsMaximum ? nil : "has more than \(ShardMap.shardsMaximum) shards"
        }
    }

    /// As for services, and colons: a ring that others use has addresses for names.
    static func nameProblem(_ name: String) -> String? {
        if Kind<[ServiceSettings]>.isName(name.replacing(":", with: "-")), name != "refuse" { return nil }
        return "'\(shown(name))' cannot be a shard's name: letters, digits, '-', '_', '.' and ':', at most 63, and not "
            + "the word refuse"
    }
}

extension Kind where Value == ShardSettings {
    /// Its replicas alone, or a mapping.
    static var shard: Kind {
        let mapping = ShardSettings.shape.kind(hint: "{ replicas: [127.0.0.1:9111], weight: 2 }")
        let replicas = Kind<ReplicaSource>.replicas
        return Kind(
            schema: .members(["anyOf": .array([replicas.schema, mapping.schema])]),
            read: { node, reading in
                if case .mapping(let entries) = node.content, !entries.contains(where: { isSource($0.key) }) {
                    return mapping.read(node, reading)
                }
                return replicas.read(node, reading).map { ShardSettings(name: "", replicas: $0) }
            }, write: mapping.write)
    }

    /// `{ run: … }` and `{ dns: … }` are replicas, not a shard's own keys.
    private static func isSource(_ key: String) -> Bool { key == "run" || key == "dns" }
}

extension ShardSettings {
    static var shape: Shape<ShardSettings> {
        Shape(
            initial: ShardSettings(name: "", replicas: .list([])),
            keys: [
                .value(
                    "replicas", \.replicas, .replicas, required: true,
                    "Its replicas: a list of addresses, { run: [command, ...] } or { dns: name:port }."),
                .value("weight", \.weight, .int(1...1000), "Its part of the keys, relative to the others'."),
                .value(
                    "from", \.from, .oneOrMore(of: .text, hint: "[a, m]"),
                    "Function ranges: where its ranges begin; each goes up to where the next one begins."),
                .value(
                    "keys", \.keys, .oneOrMore(of: .text, hint: "[acme, globex]"), "Function map: the keys it owns."),
            ])
    }
}

extension Kind where Value == ReplicaSource {
    /// Each shard has processes of its own; a list of addresses would give all shards the same.
    static var shardProcesses: Kind {
        let draft = ReplicaSourceDraft.processes.kind(hint: "{ run: [python3, app.py, --port, \"{port}\"] }")
        return Kind(
            schema: draft.schema, read: { node, reading in draft.read(node, reading)?.finished },
            write: { draft.write(ReplicaSourceDraft($0)) })
    }
}
