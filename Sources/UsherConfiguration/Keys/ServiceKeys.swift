import UsherCore
import UsherReplication

extension ServiceSettings {
    static var shape: Shape<ServiceSettings> {
        Shape(
            initial: ServiceSettings(name: "", replicas: .list([])),
            keys: [
                .value(
                    "replicas", \.replicas, .replicas,
                    "A list of addresses, { run: [command, ...], count: 3 } for replicas that Usher starts, or { dns: "
                        + "cart.internal:9000 } for those that a name has."
                ).unless { $0.sharded != nil },
                .optional(
                    "sharded", \.sharded, .sharded, default: "none: every replica answers for everything",
                    "How keys are parted among shards, each with replicas of its own."),
                .value("balance", \.balance, .cases(), "How the replica for a request is chosen."),
                .optional(
                    "readiness", \.readiness, ReadinessSettings.shape.kind(hint: "{ path: /ready }"),
                    default: "replicas are ready at once", "The check that tells whether a replica may take requests."),
                .value(
                    "retries", \.retries, RetrySettings.shape.kind(hint: "{ attempts: 2 }"),
                    "How often a failed try is repeated on another replica."),
                .value(
                    "timeouts", \.timeouts, TimeoutSettings.shape.kind(hint: "{ response: 30s }"),
                    "How long Usher waits for a replica."),
                .value(
                    "connections", \.connections, ConnectionSettings.shape.kind(hint: "{ per-replica: 256 }"),
                    "Connections to replicas; totals over all workers."),
                .value("host", \.host, .cases(), "Whose Host a replica sees: the client's (keep) or its own address."),
                .value(
                    "ejection", \.ejection,
                    EjectionSettings.shape.kind(hint: "{ failures: 5, for: 10s }, or the word none").orNone(),
                    "When a replica is taken out for what its answers are like; none: never."),
                .value(
                    "panic", \.panic, .share(Share(percent: 0)...Share(percent: 100)),
                    "At or below this ready share, replicas that once were ready are used."),
                .value(
                    "slow-start", \.slowStart, .duration(.zero...(.seconds(3600))),
                    "In which a replica that comes back grows to its full part of the requests."),
                .optional(
                    "session", \.session, .session, default: "none: a request may go to any replica",
                    "How requests of one user are recognised, so that they reach the same replica."),
                .optional(
                    "tls", \.tls, UpstreamTLSSettings.shape.kind(hint: "{ verify: certs/internal-ca.pem }"),
                    default: "replicas are spoken to in the clear", "How replicas are spoken to in TLS."),
            ] + ["scatter", "elected"].map(Key.later),
            choice: Choice(
                keys: ["replicas", "sharded"], reason: "the shards of a sharded service have the replicas"),
            finish: { service, node, reading in
                checkServerName(service, node, reading)
                checkSession(service, node, reading)
            })
    }

    /// A session's own replica could be in another shard than the key of its next request.
    private static func checkSession(
        _ service: ServiceSettings, _ node: ConfigurationNode, _ reading: Reading
    ) {
        guard let sharded = service.sharded, let session = service.session,
            case .mapping(let entries) = node.content, let entry = entries.first(where: { $0.key == "session" })
        else { return }
        reading.inside("session") {
            if sharded.hotKeys?.across == .replicas {
                reading.note("has no effect: with hot-keys across replicas a key has its replica", at: entry.position)
            } else if case .hash = session {
                return
            } else {
                reading.note(
                    "cannot be beside `sharded`, whose key says where a request goes; { hash: [...] } chooses the "
                        + "replica inside the shard", at: entry.position)
            }
        }
    }

    /// A certificate is for a name or an address; a socket's path is neither.
    private static func checkServerName(
        _ service: ServiceSettings, _ node: ConfigurationNode, _ reading: Reading
    ) {
        let replicas = ([service.replicas] + (service.sharded?.shards.map(\.replicas) ?? [])).flatMap(\.listed)
        guard let tls = service.tls, tls.serverName == nil,
            replicas.contains(where: { if case .unix = $0.address { true } else { false } }),
            case .mapping(let entries) = node.content, let entry = entries.first(where: { $0.key == "tls" })
        else { return }
        reading.inside("tls") {
            reading.note(
                "needs the key 'server-name': a replica behind a Unix socket has no name to compare its "
                    + "certificate with",
                at: entry.value.position)
        }
    }
}

/// What time-outs, retries and limits mean, for services and for the routes that override them.
enum SharedKeys {
    static var timeout: Kind<Duration> { .duration(.milliseconds(1)...(.seconds(7 * 86400))) }
    static let connect = "Until a connection to a replica stands."
    static let response = "Until the first byte of one try's answer."
    static let total = "The queue and all tries of one request together."
    static let idle = "Silence inside an exchange or a tunnel."

    static var attempts: Kind<Int> { .int(1...10) }
    static let attemptsMeaning = "Tries of one request, the first included."
    static var budget: Kind<Share> { .share(Share(percent: 0)...Share(percent: 100)) }
    static let budgetMeaning = "Retries as a share of requests."
    static var floor: Kind<Rate> { .rate(atMost: 1_000_000) }
    static let floorMeaning = "Retries that are always allowed, whatever the budget."
}

extension TimeoutSettings {
    static var shape: Shape<TimeoutSettings> {
        Shape(
            initial: TimeoutSettings(),
            keys: [
                .value("connect", \.connect, SharedKeys.timeout, SharedKeys.connect),
                .value("response", \.response, SharedKeys.timeout, SharedKeys.response),
                .value("total", \.total, SharedKeys.timeout, SharedKeys.total),
                .value("idle", \.idle, SharedKeys.timeout, SharedKeys.idle),
            ])
    }
}

extension RetrySettings {
    static var shape: Shape<RetrySettings> {
        Shape(
            initial: RetrySettings(),
            keys: [
                .value("attempts", \.attempts, SharedKeys.attempts, SharedKeys.attemptsMeaning),
                .value("budget", \.budget, SharedKeys.budget, SharedKeys.budgetMeaning),
                .value("floor", \.floor, SharedKeys.floor, SharedKeys.floorMeaning),
            ])
    }
}

extension ConnectionSettings {
    static var shape: Shape<ConnectionSettings> {
        Shape(
            initial: ConnectionSettings(),
            keys: [
                .value("per-replica", \.perReplica, .int(1...1_000_000), "Open connections to one replica."),
                .value(
                    "queue", \.queue, .int(0...1_000_000), "Requests that may wait for a connection; beyond it 503."),
                .value(
                    "keep", \.keep, .duration(.zero...(.seconds(86400))),
                    "How long an idle connection is kept for the next request."),
            ])
    }
}

extension Kind where Value == [ServiceSettings] {
    static var services: Kind {
        let service = ServiceSettings.shape.kind(hint: "{ replicas: [127.0.0.1:9001] }")
        return named(
            service, hint: "{ web: { replicas: [127.0.0.1:9001] } }",
            check: { name in
                isName(name) ? nil : "'\(shown(name))' cannot be a name: letters, digits, '-', '_' and '.', at most 63"
            },
            make: { name, service in
                var service = service
                service.name = name
                return service
            }, take: { ($0.name, $0) })
    }

    /// What fits into a label of a metric, a path of the API and a log line as it is.
    static func isName(_ text: String) -> Bool {
        text.first != "." && Kind<String>.isPlainName(text.replacing(".", with: "-"))
    }
}
