import UsherCore

extension Kind where Value == ReplicaSource {
    /// A list of addresses, or a mapping that says where they come from.
    static var replicas: Kind {
        let list = Kind<[ReplicaSettings]>.list(of: .replica, atLeast: 1, hint: "[127.0.0.1:9001, 127.0.0.1:9002]")
        let draft = ReplicaSourceDraft.shape.kind(hint: "{ run: [python3, app.py, --port, \"{port}\"], count: 3 }")
        return Kind(
            schema: .members(["anyOf": .array([list.schema, draft.schema])]),
            read: { node, reading in
                switch node.content {
                case .mapping:
                    return draft.read(node, reading)?.finished
                case .list(let nodes):
                    guard let replicas = list.read(node, reading) else { return nil }
                    noteRepeated(replicas, nodes, reading)
                    return .list(replicas)
                case .scalar:
                    reading.note(
                        node.isEmpty
                            ? "has no value; it is a list of addresses, such as [127.0.0.1:9001]"
                            : "must be a list, such as [127.0.0.1:9001], { run: [command, ...] } or { dns: name:port }",
                        at: node.position)
                    return nil
                }
            },
            write: { source in
                switch source {
                case .list(let replicas): list.write(replicas)
                case .run, .dns: draft.write(ReplicaSourceDraft(source))
                }
            })
    }

    private static func noteRepeated(_ replicas: [ReplicaSettings], _ nodes: [ConfigurationNode], _ reading: Reading) {
        // Indices agree only when every element could be read.
        guard replicas.count == nodes.count else { return }
        var seen: Set<ReplicaAddress> = []
        for (index, replica) in replicas.enumerated() where !seen.insert(replica.address).inserted {
            reading.inside("[\(index)]") {
                reading.note(
                    "\(shown(replica.address.description)) stands in this list twice; give it a weight instead",
                    at: nodes[index].position)
            }
        }
    }
}

extension Kind where Value == ReplicaSettings {
    /// An address alone, or a mapping.
    static var replica: Kind {
        let mapping = ReplicaSettings.shape.kind(hint: "{ address: 127.0.0.1:9001, weight: 2 }")
        let address = Kind<ReplicaAddress>.replicaAddress
        return Kind(
            schema: .members(["anyOf": .array([address.schema, mapping.schema])]),
            read: { node, reading in
                if case .mapping = node.content { return mapping.read(node, reading) }
                return address.read(node, reading).map(ReplicaSettings.init(address:))
            }, write: mapping.write)
    }
}

extension ReplicaSettings {
    static var shape: Shape<ReplicaSettings> {
        Shape(
            initial: ReplicaSettings(address: .unix(path: "")),
            keys: [
                .value(
                    "address", \.address, .replicaAddress, required: true,
                    "An address or host name with a port, or unix:/path."),
                .value("weight", \.weight, .int(1...1000), "Its part of the requests, relative to the others'."),
                .value("backup", \.backup, .bool, "Used only when no other replica is ready."),
            ])
    }
}

extension Kind where Value == ReplicaAddress {
    static var replicaAddress: Kind {
        parsed(pattern: ".+:.+") { text, reading throws(TextProblem) in
            let address = try ReplicaAddress(text: text)
            guard case .unix(let path) = address else { return address }
            return .unix(path: try ReplicaAddress.unixPath(absolutePath(path, in: reading.folder)[...]))
        } write: {
            $0.description
        }
    }
}

/// A source of replicas that is a mapping, while it is read: what it is is known only at its end.
struct ReplicaSourceDraft {
    var command: [String]?
    var count: Int?
    var folder = ""
    var name: DiscoveredName?
    var every: Duration?
    var server: ReplicaAddress?

    init() {}

    init(_ source: ReplicaSource) {
        switch source {
        case .list: break
        case .run(let settings): (command, count) = (settings.command, settings.count)
        case .dns(let settings):
            name = DiscoveredName(name: settings.name, port: settings.port)
            (every, server) = (settings.every, settings.server)
        }
    }

    /// Nil when neither could be read; a problem has then been noted.
    var finished: ReplicaSource? {
        if let command {
            var settings = RunSettings(command: command, folder: folder)
            if let count { settings.count = count }
            return .run(settings)
        }
        guard let name else { return nil }
        var settings = DNSSettings(name: name.name, port: name.port)
        if let every { settings.every = every }
        settings.server = server
        return .dns(settings)
    }

    /// Usher runs them.
    static var processes: Shape<ReplicaSourceDraft> {
        Shape(
            initial: ReplicaSourceDraft(), keys: processKeys,
            choice: Choice(keys: ["run"], reason: "", companions: ["count": "run"]),
            finish: { draft, _, reading in draft.folder = reading.folder })
    }

    private static var processKeys: [Key<ReplicaSourceDraft>] {
        let count = RunSettings(command: [], folder: "").count
        return [
            .optional(
                "run", \.command, .command, default: "none",
                "The program and its arguments; {port} stands for the port it must listen on."),
            .optional("count", \.count, .replicaCount, default: "\(count)", "How many of them run."),
        ]
    }

    static var shape: Shape<ReplicaSourceDraft> {
        let every = DNSSettings(name: "", port: nil).every
        return Shape(
            initial: ReplicaSourceDraft(),
            keys: processKeys + [
                .optional(
                    "dns", \.name, .discoveredName, default: "none",
                    "A name with a port, or _service._proto.name for SRV records; its records are the replicas."),
                .optional(
                    "every", \.every, .duration(.seconds(1)...(.seconds(3600))), default: every.text,
                    "The longest time between two look-ups; a record that lives shorter is asked for earlier."),
                .optional(
                    "server", \.server, .nameServer, default: "the system's",
                    "Address and port of the DNS server that is asked."),
            ],
            choice: Choice(
                keys: ["run", "dns"], reason: "replicas come from one place",
                companions: ["count": "run", "every": "dns", "server": "dns"]),
            finish: { draft, _, reading in draft.folder = reading.folder })
    }
}

extension Kind where Value == Int {
    /// A number; a mapping with `min` and `max` belongs to a later version.
    static var replicaCount: Kind {
        var kind = int(1...256)
        let readNumber = kind.read
        kind.read = { node, reading in
            guard case .mapping = node.content else { return readNumber(node, reading) }
            reading.note("scaling is not available in this version; write a number", at: node.position)
            return nil
        }
        return kind
    }
}

extension Kind where Value == [String] {
    /// A program and its arguments, never a line for a shell.
    static var command: Kind {
        let hint = "[python3, app.py, --port, \"{port}\"]"
        let list = list(of: .text, atLeast: 1, hint: hint)
        return Kind(
            schema: list.schema,
            read: { node, reading in
                if case .scalar(let text, _) = node.content, !node.isEmpty {
                    reading.note(
                        "'\(shown(text))' is a line for a shell; write a list, such as \(hint)", at: node.position)
                    return nil
                }
                guard let command = list.read(node, reading), !command.isEmpty else { return nil }
                guard command.allSatisfy({ !$0.utf8.contains(0) }), command.first?.isEmpty == false else {
                    reading.note("has an empty program name or an argument with a NUL", at: node.position)
                    return nil
                }
                guard command.contains(where: { $0.contains("{port}") }) else {
                    reading.note("must contain {port}, where the replica learns its port: \(hint)", at: node.position)
                    return nil
                }
                return command
            }, write: { .array(Masking.command($0)) })
    }
}
