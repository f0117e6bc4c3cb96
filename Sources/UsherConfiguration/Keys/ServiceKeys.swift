import UsherCore
import UsherReplication

extension ServiceSettings {
    static var shape: Shape<ServiceSettings> {
        Shape(
            initial: ServiceSettings(name: "", replicas: .list([])),
            keys: [
                .value(
                    "replicas", \.replicas, .replicas, required: true,
                    "A list of addresses, or { run: [command, ...], count: 3 } for replicas that Usher starts."),
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
                .fixed("panic", "0%", "At or below this ready share, replicas that once were ready are used."),
            ] + ["session", "sharded", "scatter", "ejection", "slow-start", "tls", "elected"].map(Key.later))
    }
}

extension ReadinessSettings {
    static var shape: Shape<ReadinessSettings> {
        Shape(
            initial: ReadinessSettings(path: ""),
            keys: [
                .value("path", \.path, .requestTarget, required: true, "What is asked for with GET; 2xx means ready."),
                .value(
                    "interval", \.interval, .duration(.milliseconds(10)...(.seconds(3600))), "Between two checks."),
                .value(
                    "timeout", \.timeout, .duration(.milliseconds(1)...(.seconds(300))),
                    "Time until the answer must be there."),
                .value("rise", \.rise, .int(1...100), "Successes in a row until a replica is ready again."),
                .value("fall", \.fall, .int(1...100), "Failures in a row until a replica is taken out."),
            ])
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
    private static func isName(_ text: String) -> Bool {
        let isAlphanumeric = { (byte: UInt8) in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return (1...63).contains(text.utf8.count) && isAlphanumeric(text.utf8.first ?? 0)
            && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }
}

extension Kind where Value == String {
    /// A path with an optional query, as it stands in a request line.
    static var requestTarget: Kind {
        parsed(pattern: "/.*") { text, _ throws(TextProblem) in
            guard text.hasPrefix("/") else { throw TextProblem("'\(shown(text))' must begin with /") }
            guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
                throw TextProblem("'\(shown(text))' has a space, # or a character beyond ASCII; write it as %XX")
            }
            guard text.utf8.count <= 2048 else { throw TextProblem("is longer than 2048 bytes") }
            return text
        } write: {
            $0
        }
    }
}
