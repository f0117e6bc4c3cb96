import UsherCore

extension Kind where Value == ReplicaSource {
    /// A list of addresses, or a mapping that says where they come from.
    static var replicas: Kind {
        let list = Kind<[ReplicaSettings]>.list(of: .replica, atLeast: 1, hint: "[127.0.0.1:9001, 127.0.0.1:9002]")
        let run = RunSettings.shape.kind(hint: "{ run: [python3, app.py, --port, \"{port}\"], count: 3 }")
        return Kind(
            schema: .members(["anyOf": .array([list.schema, run.schema])]),
            read: { node, reading in
                switch node.content {
                case .mapping:
                    return run.read(node, reading).map(ReplicaSource.run)
                case .list(let nodes):
                    guard let replicas = list.read(node, reading) else { return nil }
                    noteRepeated(replicas, nodes, reading)
                    return .list(replicas)
                case .scalar:
                    reading.note(
                        node.isEmpty
                            ? "has no value; it is a list of addresses, such as [127.0.0.1:9001]"
                            : "must be a list, such as [127.0.0.1:9001], or { run: [command, ...] }", at: node.position)
                    return nil
                }
            },
            write: { source in
                switch source {
                case .list(let replicas): list.write(replicas)
                case .run(let settings): run.write(settings)
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

extension RunSettings {
    static var shape: Shape<RunSettings> {
        Shape(
            initial: RunSettings(command: [], folder: ""),
            keys: [
                .value(
                    "run", \.command, .command, required: true,
                    "The program and its arguments; {port} stands for the port it must listen on."),
                .value("count", \.count, .replicaCount, "How many of them run."),
                .later("dns"), .later("every"), .later("server"),
            ],
            finish: { settings, _, reading in settings.folder = reading.folder })
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
            }, write: { list.write(Masking.command($0)) })
    }
}
