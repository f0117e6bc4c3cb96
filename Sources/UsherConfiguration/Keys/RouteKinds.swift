import UsherCore

extension RouteMatch {
    static var shape: Shape<RouteMatch> {
        let methods = Kind<[String]>.list(of: .token("a method"), hint: "[GET, POST]").checked { methods in
            methods.first { $0 != $0.uppercased() }.map { "methods are written in capitals: \($0.uppercased())" }
        }
        return Shape(
            initial: RouteMatch(),
            keys: [
                .optional(
                    "host", \.host, .hostPattern, default: "any", "A host, or *.example.com for every host below it."),
                .optional(
                    "path", \.path, .pathPattern, default: "any",
                    "A path, or /v1/* for /v1 and everything below it."),
                .value("methods", \.methods, methods, "Methods; another one goes on to the next route. Empty: all."),
                .value("headers", \.headers, .headerMatches, "Fields that must be there with exactly this value."),
            ])
    }
}

extension Kind where Value == HostPattern {
    static var hostPattern: Kind {
        parsed(pattern: ".+") { text, _ throws(TextProblem) in
            try HostPattern(text: text)
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == PathPattern {
    static var pathPattern: Kind {
        parsed(pattern: "/.*") { text, _ throws(TextProblem) in
            try PathPattern(text: text)
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == [HeaderMatch] {
    static var headerMatches: Kind {
        var kind = named(
            .text, hint: "{ X-Beta: \"1\" }",
            check: { isToken($0) ? nil : "'\(shown($0))' cannot be a field's name" },
            make: { HeaderMatch(name: $0.lowercased(), value: $1) }, take: { ($0.name, $0.value) }
        ).checked { matches in
            repeated(matches.map(\.name)).map { "the field '\(shown($0))' stands twice" }
        }
        kind.write = { matches in
            .object(matches.map { JSON.Member(key: $0.name, value: Masking.field($0.name, $0.value)) })
        }
        return kind
    }
}

extension HeaderEdits {
    /// Fields that belong to the connection or to the message's framing, and are Usher's to write (RFC 9110 §7.6.1).
    static let reserved: Set<String> = [
        "connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]

    static var shape: Shape<HeaderEdits> {
        let names = Kind<[String]>.list(of: .token("a field's name"), hint: "[Server]").checked { names in
            names.lazy.compactMap(problem(with:)).first
        }
        return Shape(
            initial: HeaderEdits(),
            keys: [
                .value("set", \.set, .assignments, "Fields and their new values, which may have {places}."),
                .value("remove", \.remove, names, "Fields that are taken out."),
            ])
    }

    static func problem(with name: String) -> String? {
        guard isToken(name) else { return "'\(shown(name))' cannot be a field's name" }
        return reserved.contains(name.lowercased()) ? "'\(name)' is written by Usher and cannot be edited" : nil
    }
}

extension Kind where Value == [HeaderEdits.Assignment] {
    static var assignments: Kind {
        var kind = named(
            .line, hint: "{ X-Served-By: usher }", check: HeaderEdits.problem(with:),
            make: { HeaderEdits.Assignment(name: $0, value: $1) }, take: { ($0.name, $0.value) }
        ).checked { assignments in
            repeated(assignments.map { $0.name.lowercased() }).map { "the field '\(shown($0))' stands twice" }
        }
        kind.write = { assignments in
            .object(
                assignments.map {
                    JSON.Member(key: $0.name, value: Masking.field($0.name, $0.value.description))
                })
        }
        return kind
    }
}

extension TimeoutOverrides {
    static var shape: Shape<TimeoutOverrides> {
        let inherited = "the service's"
        return Shape(
            initial: TimeoutOverrides(),
            keys: [
                // The pool of connections is the service's, whichever route opens one.
                .later("connect"),
                .optional("response", \.response, SharedKeys.timeout, default: inherited, SharedKeys.response),
                .optional("total", \.total, SharedKeys.timeout, default: inherited, SharedKeys.total),
                .optional("idle", \.idle, SharedKeys.timeout, default: inherited, SharedKeys.idle),
            ])
    }
}

extension RetryOverrides {
    static var shape: Shape<RetryOverrides> {
        let inherited = "the service's"
        return Shape(
            initial: RetryOverrides(),
            keys: [
                .optional("attempts", \.attempts, SharedKeys.attempts, default: inherited, SharedKeys.attemptsMeaning),
                // One budget a service: routes share it.
                .later("budget"), .later("floor"),
            ])
    }
}

extension RouteLimits {
    static var shape: Shape<RouteLimits> {
        let body = Kind<ByteCount?>.bytesOrNone.map {
            $0.map(Body.atMost) ?? .unlimited
        } back: { body in
            if case .atMost(let count) = body { count } else { nil }
        }
        let key = Key<RouteLimits>.optional(
            "body", \.written, body, default: "limits.body at the top", "Bytes of one request's body; above it 413.")
        return Shape(initial: RouteLimits(), keys: [key])
    }

    /// What stands in the file: nil when the limit is inherited.
    fileprivate var written: Body? {
        get { body == .inherited ? nil : body }
        set { body = newValue ?? .inherited }
    }
}

extension Kind where Value == String {
    /// A service's name, looked up when all services are known.
    static var serviceName: Kind {
        parsed(pattern: "[0-9A-Za-z][-_.0-9A-Za-z]*") { text, _ throws(TextProblem) in
            text
        } write: {
            $0
        }.noting { name, node, reading in reading.refer(to: .service, name, at: node.position) }
    }

    /// `/v1`, without a slash at its end.
    static var stripPrefix: Kind {
        parsed(pattern: "/.*[^/*]") { text, _ throws(TextProblem) in
            guard case .exact(let prefix) = try PathPattern(text: text), !prefix.hasSuffix("/") else {
                throw TextProblem("'\(shown(text))' must not end in / or /*; write it like /v1")
            }
            return prefix
        } write: {
            $0
        }
    }

    /// Any text, empty as well when it stands in quotes.
    static var content: Kind {
        Kind(
            schema: Kind.text.schema,
            read: { node, reading in
                if case .scalar("", false) = node.content { return "" }
                return Kind.text.read(node, reading)
            }, write: JSON.string)
    }
}

extension Kind where Value == [SplitTarget] {
    static var split: Kind {
        named(
            .share(Share(percent: 0)...Share(percent: 100)), hint: "{ web: 95%, web-next: 5% }", check: { _ in nil },
            make: { SplitTarget(service: $0, share: $1) }, take: { ($0.service, $0.share) }
        ).noting { _, node, reading in
            guard case .mapping(let entries) = node.content else { return }
            for entry in entries {
                reading.inside(shown(entry.key)) { reading.refer(to: .service, entry.key, at: entry.position) }
            }
        }.checked { targets in
            // At most 100% each, and no file has 10¹² services.
            let sum = Share(partsPerMillion: targets.reduce(0) { $0 + $1.share.partsPerMillion })
            return sum == Share(percent: 100) ? nil : "the shares add up to \(sum), not 100%"
        }
    }
}

extension Kind {
    /// The same kind with something to remember about each value that was read.
    fileprivate func noting(_ remember: @escaping (Value, ConfigurationNode, Reading) -> Void) -> Kind {
        Kind(
            schema: schema,
            read: { node, reading in
                guard let value = read(node, reading) else { return nil }
                remember(value, node, reading)
                return value
            }, write: write)
    }
}

private func repeated(_ names: [String]) -> String? {
    var seen: Set<String> = []
    return names.first { !seen.insert($0).inserted }
}
