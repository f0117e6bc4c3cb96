import Logging
import Synchronization
import Testing
import UsherCore
import UsherTelemetry

@testable import UsherConsole

/// The token's text in these tests.
let operatorDigits = String(repeating: "5", count: 64)

/// A gateway of one service, `web shop` on 127.0.0.1:9001, and a sharded one, `profiles`, that notes which changes it
/// was asked for.
final class ScriptedSource: ConsoleSource {
    private let ready: Bool
    private let reloadReport: ReloadReport
    private let asked = Mutex<[String]>([])

    init(ready: Bool = true, reloadReport: ReloadReport = ReloadReport(outcome: .unchanged)) {
        self.ready = ready
        self.reloadReport = reloadReport
    }

    /// `drain web shop 127.0.0.1:9001`, `reload true`: in the order in which they came.
    var changes: [String] { asked.withLock { $0 } }

    func readiness() async -> (ready: Bool, reason: String) {
        ready ? (true, "") : (false, "web: no replica is ready")
    }

    func metrics() async -> String { "# HELP x y\n# TYPE x gauge\nx 1\n" }

    func services() async -> [ServiceReport] {
        let sharded = ServiceReport(
            name: "profiles", pattern: "sharded", balance: "random", endpoints: [], shards: 3, dark: 0.3333)
        return [report(events: nil), sharded]
            + ["s0", "s1", "s2"].map { ServiceReport(name: "profiles/\($0)", balance: "random", endpoints: []) }
    }

    func service(named name: String) async -> ServiceReport? {
        guard name == "web shop" else { return nil }
        let start: Int64 = 1_795_341_600_000
        return report(events: [
            .init(unixMilliseconds: start - 993, state: "ready", reason: "2 checks passed"),
            .init(unixMilliseconds: start, state: "paused", reason: "asked for 5 s of rest"),
        ])
    }

    private func report(events: [EndpointReport.Event]?) -> ServiceReport {
        var counted = EndpointMetrics()
        counted.inFlight = 3
        counted.duration.record(nanoseconds: 2_000_000)
        let endpoint = EndpointReport(
            address: "127.0.0.1:9001", ready: true, state: "paused", reason: "asked for 5 s of rest",
            sinceUnixSeconds: 1_795_341_600, untilUnixSeconds: 1_795_341_605, weight: 2, backup: false, pid: 4711,
            tunnels: 2, events: events, counted: counted)
        return ServiceReport(
            name: "web shop", balance: "least-requests", endpoints: [endpoint], retries: 7, sessionsMoved: 12,
            discovery: .init(name: "web.internal:80", age: 4, count: 1, error: "no such name"))
    }

    func configurationJSON() async -> String { #"{"workers":2}"# }

    func explain(method: String, url: String, headers: [(String, String)]) async -> Explanation {
        Explanation(
            method: method, url: url, route: "*", action: "service", service: "web", session: "cookie SID",
            why: headers.map { "\($0.0)=\($0.1)" }.joined(separator: ","),
            phases: [.init(phase: "route", decision: "*")],
            endpoints: [
                .init(address: "127.0.0.1:9001", verdict: .chosen, why: "its turn"),
                .init(address: "127.0.0.1:9002", verdict: .notChosen, why: "not its turn"),
                .init(address: "127.0.0.1:9003", verdict: .out, why: "drained"),
            ])
    }

    func changeEndpoint(service: String, address: String, to change: EndpointChange) async -> ChangeOutcome {
        asked.withLock { $0.append("\(change.rawValue) \(service) \(address)") }
        guard service == "web shop" else { return .noSuchService(["web shop"]) }
        guard address == "127.0.0.1:9001" else { return .noSuchEndpoint(["127.0.0.1:9001"]) }
        return change == .drain ? .done("it is drained") : .unchanged("it takes requests already")
    }

    func certificates() async -> [CertificateReport] {
        let problem = "no <b>such</b> file"
        return [
            CertificateReport(
                usedBy: "listener 127.0.0.1:443", file: "/a.pem", problem: problem, facts: nil, isInUse: false)
        ]
    }

    func quotas(top: Int) async -> [QuotaReport] {
        asked.withLock { $0.append("quotas \(top)") }
        let callers = ["acme <b>", "192.0.2.1"].map { caller in
            QuotaReport.Caller(
                caller: caller, callerClass: "gold", requests: 12, refused: 3, error: 0,
                firstSeenUnixSeconds: 1_795_341_600, lastSeenUnixSeconds: 1_795_341_660)
        }
        return [
            QuotaReport(
                name: "public", dryRun: false, store: "local", storeProblem: nil,
                classes: [
                    .init(callerClass: "gold", allowed: 9, refused: 3, wouldRefuse: 0, storeFailed: 0)
                ], callers: Array(callers.prefix(top)))
        ]
    }

    func shards() async -> [ShardedServiceReport] {
        func shard(
            _ name: String, keys: Double, ready: Int, perSecond: (requests: Double, busy: Double, bytes: Double),
            spread: UInt64 = 0, overflowed: UInt64 = 0, askedEarlier: UInt64 = 0, top: [ShardReport.Key] = []
        ) -> ShardReport {
            ShardReport(
                name: name, weight: 1, keys: keys, ready: ready, replicas: 2, requests: 1234,
                requestsPerSecond: perSecond.requests, busy: perSecond.busy, bytesPerSecond: perSecond.bytes,
                spread: spread, overflowed: overflowed, askedEarlier: askedEarlier, top: top)
        }
        return [
            ShardedServiceReport(
                service: "profiles", function: "rendezvous", epoch: 3, moved: 0.2513, dualReadUntil: 1_795_390_800,
                expectedPeakToMean: 1.02, peakToMean: 1.31, dark: 0.3333, windowSeconds: 60,
                shards: [
                    shard(
                        "s0", keys: 0.334, ready: 2, perSecond: (123.45, 0.25, 12_800), spread: 40,
                        top: [
                            .init(key: "ada", share: 0.41, hot: true), .init(key: "bob", share: 0.2, hot: true),
                            .init(key: "eve", share: 0.01, hot: false),
                        ]),
                    shard(
                        "s1", keys: 0.333, ready: 1, perSecond: (12_345, 2.5, 1_048_576), overflowed: 7,
                        askedEarlier: 5, top: [.init(key: "<b>\\u{1b}", share: 0.035, hot: false)]),
                    shard("s2", keys: 0.333, ready: 0, perSecond: (0, 0, 0)),
                ])
        ]
    }

    func caches() async -> [CacheReport] {
        [
            CacheReport(
                name: "pages", answers: 12, memoryBytes: 34_567, budgetBytes: 1 << 28, evictions: 3, onTheirWay: 1,
                requests: .init(hit: 5, stale: 1, staleIfError: 2, revalidated: 3, miss: 4, collapsed: 1, pass: 16)),
            CacheReport(
                name: "unused", answers: 0, memoryBytes: 0, budgetBytes: 1 << 20, evictions: 0, onTheirWay: 0,
                requests: .init()),
        ]
    }

    func purge(_ request: PurgeRequest) async -> PurgeOutcome {
        asked.withLock { $0.append("purge \(request.what) \(request.isSoft) \(request.cache ?? "all")") }
        if let cache = request.cache, cache != "pages" { return .noSuchCache(["pages", "unused"]) }
        if case .url("/path") = request.what { return .refused("write it with its scheme") }
        return .purged(3, "3 answers are purged")
    }

    func reload(dryRun: Bool) async -> ReloadReport {
        asked.withLock { $0.append("reload \(dryRun)") }
        return reloadReport
    }
}

/// Runs a server on a free port for as long as `body` takes.
func withServer(
    _ address: String = "127.0.0.1", source: ScriptedSource = ScriptedSource(), metricsOpen: Bool = false,
    _ body: @Sendable (Int) async throws -> Void
) async throws {
    let (ports, bound) = AsyncStream.makeStream(of: Int.self)
    let server = AdminServer(
        address: .ip(try #require(IPAddress(text: address)), port: 0), source: source,
        token: try #require(AdminToken(text: operatorDigits)), metricsOpen: metricsOpen,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onBound: { bound.yield($0) })
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        for await port in ports {
            try await body(port)
            break
        }
        group.cancelAll()
        // Cancelled on purpose: how the server says so is its own affair.
        try? await group.waitForAll()
    }
}

/// Asks for a path; `more` are further header lines, each with its end, and may end the head and go on with a body.
func get(_ port: Int, _ path: String, _ more: String = "", method: String = "GET") async throws -> Answer {
    let host = more.contains("Host:") ? "" : "Host: 127.0.0.1:\(port)\r\n"
    return try await ask(port, "\(method) \(path) HTTP/1.1\r\n\(host)Connection: close\r\n\(more)\r\n")
}
