import Synchronization
import Testing
import UsherTestKit

@Suite("Readiness of replicas", .timeLimit(.minutes(1)))
struct ReadinessTests {
    /// A replica whose readiness the test sets, and that says its name otherwise.
    private final class Switchable: Sendable {
        let isReady = Mutex(true)
        let name: String

        init(_ name: String, isReady: Bool) {
            self.name = name
            self.isReady.withLock { $0 = isReady }
        }

        func set(_ value: Bool) { self.isReady.withLock { $0 = value } }

        func serve(_ peer: RawConnection) async throws {
            while let request = try await peer.receiveRequest() {
                if request.target == "/ready" {
                    let isReady = self.isReady.withLock { $0 }
                    try await peer.send(Text.answer("", status: isReady ? "200 OK" : "503 Not yet"))
                } else {
                    try await peer.send(Text.answer(self.name))
                }
            }
        }
    }

    private static let keys =
        "balance: round-robin, readiness: { path: /ready, interval: 100ms, timeout: 5s, rise: 1, fall: 1 }"

    private static func metric(_ upstream: ScriptedUpstream) -> String {
        "usher_endpoint_ready{service=\"web\",endpoint=\"\(upstream.address)\"}"
    }

    @Test("a replica that is not ready gets no request; when it becomes ready, it does")
    func unready() async throws {
        try await onStage { stage in
            let one = Switchable("one", isReady: true)
            let two = Switchable("two", isReady: false)
            let first = try await stage.upstream { try await one.serve($0) }
            let second = try await stage.upstream { try await two.serve($0) }
            let gateway = try await stage.gateway(to: first, second, keys: Self.keys)
            for _ in 1...6 { #expect(try await gateway.ask(Text.get()).text == "one") }
            #expect(!second.received.joined().contains("GET / "))
            two.set(true)
            try await gateway.wait(for: Self.metric(second), toBe: 1)
            one.set(false)
            try await gateway.wait(for: Self.metric(first), toBe: 0)
            for _ in 1...6 { #expect(try await gateway.ask(Text.get()).text == "two") }
        }
    }

    @Test("when no replica ever was ready the answer is 503 with the reason, and Usher says that it is not ready")
    func noneReady() async throws {
        try await onStage { stage in
            let one = Switchable("one", isReady: false)
            let upstream = try await stage.upstream { try await one.serve($0) }
            let gateway = try await stage.gateway(
                "services: { web: { replicas: [\"\(upstream.address)\"], \(Self.keys) } }", waitsForReadiness: false)
            let answer = try await gateway.ask(Text.get())
            #expect(answer.status == 503)
            #expect(answer.text == "web: no replica is ready\n")
            #expect(answer.value("retry-after") == "1")
            #expect(try await gateway.admin("/livez").status == 200)
            let ready = try await gateway.admin("/readyz")
            #expect(ready.status == 503)
            #expect(ready.text.contains("no replica of web is ready"))
            #expect(try await gateway.metric("usher_service_no_replica_total{service=\"web\"}") == 1)
            #expect(!upstream.received.joined().contains("GET / "))
        }
    }

    @Test("a GET that waits at a replica which is taken out is answered by another one")
    func takenOut() async throws {
        try await onStage { stage in
            let isReady = Mutex(true)
            let atWork = Signal()
            let stuck = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if request.target == "/ready" {
                        try await peer.send(Text.answer("", status: isReady.withLock { $0 } ? "200 OK" : "503 No"))
                    } else {
                        atWork.fire()
                        try await peer.waitForEnd()
                    }
                }
            }
            let other = Switchable("other", isReady: false)
            let second = try await stage.upstream { try await other.serve($0) }
            let gateway = try await stage.gateway(to: stuck, second, keys: Self.keys)
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            try await atWork.wait()
            other.set(true)
            try await gateway.wait(for: Self.metric(second), toBe: 1)
            isReady.withLock { $0 = false }
            #expect(try await client.receiveAnswer().text == "other")
        }
    }

    @Test("readiness is asked for at its path with the replica's address as Host")
    func probe() async throws {
        try await onStage { stage in
            let one = Switchable("one", isReady: true)
            let upstream = try await stage.upstream { try await one.serve($0) }
            _ = try await stage.gateway(to: upstream, keys: Self.keys)
            let probe = upstream.received.joined()
            #expect(probe.hasPrefix("GET /ready HTTP/1.1\r\nHost: \(upstream.address)\r\n"))
        }
    }

    @Test("backup replicas get requests only when no other one is ready")
    func backup() async throws {
        try await onStage { stage in
            let main = Switchable("main", isReady: true)
            let first = try await stage.upstream { try await main.serve($0) }
            let second = try await stage.upstream(answering: Text.answer("backup"))
            let gateway = try await stage.gateway(
                """
                services:
                  web:
                    replicas: ["\(first.address)", { address: "\(second.address)", backup: true }]
                    readiness: { path: /ready, interval: 100ms, timeout: 5s, rise: 1, fall: 1 }
                """)
            try await gateway.wait(for: Self.metric(first), toBe: 1)
            try await gateway.wait(for: Self.metric(second), toBe: 1)
            for _ in 1...5 { #expect(try await gateway.ask(Text.get()).text == "main") }
            main.set(false)
            try await gateway.wait(for: Self.metric(first), toBe: 0)
            #expect(try await gateway.ask(Text.get()).text == "backup")
        }
    }
}
