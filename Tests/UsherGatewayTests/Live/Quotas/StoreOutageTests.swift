import Foundation
import NIOCore
import Synchronization
import Testing
import UsherTestKit

/// A shared store that dies or falls silent while requests come.
@Suite("Outages of a shared store", .serialized, .timeLimit(.minutes(4)))
struct StoreOutageTests {
    enum Outage: String, CaseIterable, Sendable {
        case killed, stopped

        func begin(_ server: RedisServer) {
            switch self {
            case .killed: server.kill()
            case .stopped: server.pause()
            }
        }

        func end(_ server: RedisServer) async throws {
            switch self {
            case .killed: try await server.restart()
            case .stopped: server.resume()
            }
        }
    }

    private static let isUp = "usher_quota_store_up{quota=\"public\"}"
    private static let failed =
        "usher_quota_requests_total{quota=\"public\",class=\"anonymous\",outcome=\"store-failed\"}"

    private static func gateway(
        _ stage: Stage, _ server: RedisServer, _ onFailure: String
    ) async throws -> RunningGateway {
        let gateway = try await stage.gateway(
            SharedQuotaTests.yaml(
                "unix: \(server.socketPath), \(SharedQuotaTests.patient)", "anonymous: 5/h",
                more: ", on-failure: \(onFailure)"))
        try await gateway.wait(for: Self.isUp, toBe: 1)
        return gateway
    }

    private static func statuses(_ gateway: RunningGateway, _ count: Int) async throws -> [Int] {
        try await (0..<count).asyncMap { _ in try await gateway.status() }
    }

    @Test(
        "each on-failure does what it says while the store is away, and afterwards the shared counts hold again",
        arguments: Outage.allCases)
    func onFailure(outage: Outage) async throws {
        try await onStage { stage in
            for (onFailure, during) in [
                ("allow", Array(repeating: 200, count: 8)), ("refuse", Array(repeating: 503, count: 8)),
                ("local", Array(repeating: 200, count: 5) + [429, 429, 429]),
            ] {
                let server = try await RedisServer.start()
                let gateway = try await Self.gateway(stage, server, onFailure)
                #expect(try await Self.statuses(gateway, 2) == [200, 200])
                outage.begin(server)
                // The first one may have to wait for the deadline before it is clear.
                #expect(try await Self.statuses(gateway, 8) == during, "\(onFailure)")
                let answer = try await gateway.ask(Text.get())
                let hasFields = !answer.values("X-RateLimit-Remaining").isEmpty
                #expect(hasFields == (onFailure == "local"))
                if onFailure == "refuse" {
                    #expect(answer.value("Retry-After") == "1")
                    #expect(answer.text == "quotas cannot be asked at the moment\n")
                }
                #expect(try await gateway.metric(Self.isUp) == 0)
                #expect(try await gateway.metric(Self.failed) == 9)

                try await outage.end(server)
                try await gateway.wait(for: Self.isUp, toBe: 1)
                // What was counted before is still there, unless the server forgot it when it died. One that was
                // stopped also finds the request by which it was noticed.
                let left = try await gateway.ask(Text.get()).value("X-RateLimit-Remaining").flatMap { Int($0) }
                #expect(left == (outage == .stopped ? 1 : 4), "\(onFailure)")
                try await gateway.stop()
            }
        }
    }

    @Test("a gateway that starts without its store serves by on-failure at once, and counts there once it is there")
    func notThere() async throws {
        try await onStage { stage in
            let server = try await RedisServer.start()
            server.kill()
            let gateway = try await stage.gateway(
                SharedQuotaTests.yaml(
                    "unix: \(server.socketPath), \(SharedQuotaTests.patient)", "anonymous: 5/h",
                    more: ", on-failure: local"))
            #expect(try await Self.statuses(gateway, 6) == [200, 200, 200, 200, 200, 429])
            try await server.restart()
            try await gateway.wait(for: Self.isUp, toBe: 1)
            #expect(try await gateway.ask(Text.get()).value("X-RateLimit-Remaining") == "4")
            try await gateway.stop()
            server.kill()
        }
    }

    @Test("requests in flight are counted here whatever the store does")
    func inFlight() async throws {
        try await onStage { stage in
            let server = try await RedisServer.start()
            let replica = Replica("web")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(
                """
                quotas:
                  public: { anonymous: 100/h, in-flight: 1, on-failure: allow, store: { unix: \(server.socketPath) } }
                services: { web: { replicas: \(list(upstream)) } }
                routes: [{ quota: public, service: web }]
                """)
            try await gateway.wait(for: Self.isUp, toBe: 1)
            for isKilled in [false, true] {
                if isKilled { server.kill() }
                let held = try await stage.client(gateway)
                try await held.send(Text.get("/held"))
                try await replica.holds.wait(for: isKilled ? 2 : 1)
                #expect(try await Self.statuses(gateway, 2) == [429, 429])
                await held.close()
                try await gateway.wait(until: 200, "")
            }
            replica.letGo()
        }
    }

    // MARK: Time

    /// How long requests took, each with the moment at which it was sent.
    private final class Times: Sendable {
        let all = Mutex<[(sent: ContinuousClock.Instant, duration: Duration, status: Int)]>([])
        /// When the outage began.
        let outage = Mutex<ContinuousClock.Instant?>(nil)

        func ask(_ client: RawConnection, until end: ContinuousClock.Instant) async throws {
            while ContinuousClock.now < end {
                let sent = ContinuousClock.now
                let status = try await client.ask().status
                let duration = ContinuousClock.now - sent
                self.all.withLock { $0.append((sent, duration, status)) }
            }
        }
    }

    /// The figure that is promised is 50 ms, and it is printed; a busy machine gets more.
    @Test(
        "an outage under load costs no request more than a moment", arguments: Outage.allCases,
        ["allow", "refuse", "local"])
    func time(outage: Outage, onFailure: String) async throws {
        try await onStage { stage in
            let server = try await RedisServer.start()
            let gateway = try await stage.gateway(
                SharedQuotaTests.yaml(
                    "unix: \(server.socketPath)", "anonymous: 1000000/h", more: ", on-failure: \(onFailure)"))
            try await gateway.wait(for: Self.isUp, toBe: 1)
            var best = Duration.seconds(60)
            // Others use the machine too: the best of some attempts says what we do ourselves.
            for _ in 1...6 where best > .milliseconds(500) {
                let times = Times()
                let start = ContinuousClock.now
                try await withThrowingTaskGroup { group in
                    for _ in 0..<4 {
                        let client = try await stage.client(gateway)
                        group.addTask { try await times.ask(client, until: start + .milliseconds(1500)) }
                    }
                    group.addTask {
                        try await Task.sleep(until: start + .milliseconds(500))
                        times.outage.withLock { $0 = .now }
                        outage.begin(server)
                        try await Task.sleep(until: start + .milliseconds(1200))
                        try await outage.end(server)
                    }
                    try await group.waitForAll()
                }
                let all = times.all.withLock { $0 }
                let moment = try #require(times.outage.withLock { $0 })
                let usual = all.filter { $0.sent + $0.duration < moment }.map(\.duration).sorted()
                let slowest = all.filter { $0.sent + $0.duration >= moment }.map(\.duration).max() ?? .seconds(60)
                let others = Set(all.map(\.status)).subtracting([200])
                #expect(others.isSubset(of: onFailure == "refuse" ? [503] : []), "\(others)")
                try await gateway.wait(for: Self.isUp, toBe: 1)
                guard usual.count > 4 else { continue }
                let median = usual[usual.count / 2]
                let name = "\(outage), \(onFailure)"
                print("\(name): \(all.count) requests, usually \(median), in the outage at most \(slowest)")
                best = min(best, slowest - median)
            }
            #expect(best < .milliseconds(500))
            #expect((try await gateway.metric(Self.failed) ?? 0) > 0)
        }
    }
}
