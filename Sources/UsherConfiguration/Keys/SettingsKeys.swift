import UsherCore
import UsherQuotas

extension Settings {
    /// Every key at the top of the file.
    static func shape(file: String, folder: String) -> Shape<Settings> {
        Shape(
            initial: Settings(file: file, folder: folder),
            keys: [
                .optional(
                    "workers", \.workers, .int(1...1024), default: "one per core",
                    "Event loops that serve connections."),
                .value("state", \.state, .path, "Folder of everything that outlives a run, beside this file."),
                .optional(
                    "secret", \.secretFile, .secret, default: "`secret` in the state folder, made at first start",
                    "The file with the key that signs cookies; machines that act as one share it."),
                .value("admin", \.admin, .admin, "Where metrics, the API and the console answer."),
                .value(
                    "log", \.log, LogSettings.shape(folder: folder).kind(hint: "{ access: access.log }"),
                    "Usher's own log and the access log."),
                .value("limits", \.limits, LimitSettings.shape.kind(hint: "{ head: 16KiB }"), "What clients may take."),
                .value(
                    "listeners", \.listeners,
                    .list(
                        of: ListenerSettings.shape.kind(hint: "{ address: 0.0.0.0:8080 }"), atLeast: 1,
                        hint: "[{ address: 0.0.0.0:8080 }]"),
                    "Where clients connect."),
                .value(
                    "identities", \.identities, IdentitySettings.shape.kind(hint: "{ keys: { file: keys.yaml } }"),
                    "How callers are recognised, and which classes they may have."),
                .value(
                    "quotas", \.quotas, .quotas,
                    "How much callers may use, by class; routes name them."),
                .value(
                    "caches", \.caches, .caches,
                    "Memory for services' answers; routes name it."),
                .value(
                    "services", \.services, .services,
                    "Names that requests are sent to, each with its replicas."),
                .value(
                    "routes", \.routes,
                    .list(of: .route, atLeast: 1, hint: "[{ service: web }]"),
                    "Which request goes where; the first match wins, none is 404. May be left out for one service."),
            ] + ["functions", "elections"].map(Key.later))
    }
}

extension LogSettings {
    static func shape(folder: String) -> Shape<LogSettings> {
        Shape(
            initial: LogSettings(
                access: .file(absolutePath("access.log", in: folder)),
                audit: .file(absolutePath("audit.log", in: folder))),
            keys: [
                .value(
                    "access", \.access, .logDestination, "One line a request: a file, `stdout` or `off`."),
                .value(
                    "audit", \.audit, .logDestination,
                    "Logins, failed ones too, and changed keys, once there are `identities`: a file, `stdout` or `off`."
                ),
                .value("format", \.format, .cases(), "Form of the access log's lines."),
                .value(
                    "level", \.level,
                    .words(["trace", "debug", "info", "notice", "warning", "error", "critical"].map { ($0, $0) }),
                    "The least important lines that Usher writes about itself."),
            ])
    }
}

extension LimitSettings {
    static var shape: Shape<LimitSettings> {
        Shape(
            initial: LimitSettings(),
            keys: [
                .value(
                    "head", \.head, .bytes(.kibibytes(1)...(.mebibytes(1))),
                    "Request line and fields together; above it 431."),
                .value(
                    "request-line", \.requestLine, .bytes(ByteCount(bytes: 64)...(.mebibytes(1))),
                    "Method, target and version; above it 414."),
                .value("fields", \.fields, .int(1...10_000), "Header fields of one request; above it 431."),
                .value(
                    "head-time", \.headTime, .duration(.milliseconds(1)...(.seconds(3600))),
                    "From a head's first byte to its last, above it 408; also for a TLS handshake."),
                .value(
                    "body", \.body, .bytesOrNone,
                    "Bytes of one request's body; above it 413."),
                .value(
                    "body-rate", \.bodyRate,
                    .byteRate(ByteRate(bytesPerSecond: 0)...ByteRate(bytesPerSecond: 1 << 30)),
                    "The least average speed of a body after 5s; below it 408."),
                .value(
                    "idle", \.idle, .duration(.milliseconds(1)...(.seconds(86400))),
                    "How long a kept-alive connection may wait for its next request."),
                .value(
                    "connections", \.connections, .int(1...10_000_000),
                    "Open client connections in all; above it new ones are closed."),
                .value(
                    "connections-per-client", \.connectionsPerClient, .int(1...10_000_000),
                    "Open connections of one client address, /64 for IPv6; trusted proxies are not counted."),
                .value(
                    "new-connections-per-client", \.newConnectionsPerClient,
                    Kind<QuotaWindow>.window.orNone(),
                    "New connections of one client address in a span of time; above it they are closed."),
                .optional(
                    "allow", \.allowFile, .path, default: "everybody may connect",
                    "File with a network (CIDR) a line: only they may connect. The narrower of allow and deny wins."),
                .optional(
                    "deny", \.denyFile, .path, default: "nobody is kept out",
                    "File with a network (CIDR) a line: they may not connect. Watched, as allow is."),
                .optional(
                    "memory", \.memory, .bytes(.mebibytes(16)...(.gibibytes(1 << 20))),
                    default: "90% of what the machine or its container has",
                    "Of the whole process; near it new connections are refused, then anonymous callers (503)."),
            ],
            finish: { limits, node, reading in
                guard limits.requestLine > limits.head else { return }
                reading.note(
                    "request-line (\(limits.requestLine)) is larger than head (\(limits.head)), of which it is a part",
                    at: node.position)
            })
    }
}

extension Kind where Value == AdminSettings {
    /// An address alone, or a mapping.
    static var admin: Kind {
        let words: Kind<Bool> = .words([("closed", false), ("open", true)])
        let mapping = Shape(
            initial: AdminSettings(),
            keys: [
                .value("address", \.address, .listenAddress, "A port, an address with a port, or unix:/path."),
                .value(
                    "metrics", \.metricsOpen, words,
                    "open: /metrics needs no token, even when the address is not loopback."),
            ]
        ).kind(hint: "{ address: 127.0.0.1:9900, metrics: open }")
        let address = Kind<ListenAddress>.listenAddress
        return Kind(
            schema: .members(["anyOf": .array([address.schema, mapping.schema])]),
            read: { node, reading in
                if case .mapping = node.content { return mapping.read(node, reading) }
                guard let address = address.read(node, reading) else { return nil }
                var settings = AdminSettings()
                settings.address = address
                return settings
            }, write: mapping.write)
    }
}

extension Kind where Value == LogSettings.Destination {
    static var logDestination: Kind {
        let path = Kind<String>.path
        return Kind(
            schema: path.schema,
            read: { node, reading in
                switch reading.text(of: node)?.text {
                case "off": return .off
                case "stdout": return .stdout
                case .some: return path.read(node, reading).map(LogSettings.Destination.file)
                case nil: return nil
                }
            },
            write: { destination in
                switch destination {
                case .off: .string("off")
                case .stdout: .string("stdout")
                case .file(let path): .string(path)
                }
            })
    }
}

extension Kind where Value == String {
    /// `{ file: secret }`, held as the file's path.
    static var secret: Kind {
        Shape(
            initial: "",
            keys: [.value("file", \.self, .path, required: true, "Path of the file.")]
        ).kind(hint: "{ file: secret }")
    }
}

extension Kind where Value == ListenAddress {
    static var listenAddress: Kind {
        var kind = parsed(pattern: "[0-9]+|.+:.+") { text, reading throws(TextProblem) in
            let address = try ListenAddress(text: text)
            guard case .unix(let path) = address else { return address }
            return .unix(path: try ReplicaAddress.unixPath(absolutePath(path, in: reading.folder)[...]))
        } write: {
            $0.description
        }
        let port = JSON.members(["type": .string("integer"), "minimum": .int(0), "maximum": .int(65535)])
        kind.schema = .members(["anyOf": .array([port, kind.schema])])
        return kind
    }
}

extension Kind where Value == IPRange {
    static var ranges: Kind {
        parsed(pattern: "[0-9a-fA-F.:]+(/[0-9]+)?") { text, _ throws(TextProblem) in
            try IPRange(text: text)
        } write: {
            $0.description
        }
    }
}
