import Testing
import UsherTestKit

@Suite("The queue", .timeLimit(.minutes(1)))
struct QueueTests {
    /// Notes each target, and answers when the test says so.
    private static func gated(_ seen: Journal<String>, _ gate: Journal<Bool>) -> ScriptedUpstream.Script {
        { peer in
            while let request = try await peer.receiveRequest() {
                try await gate.wait(for: seen.note(request.target))
                try await peer.send(Text.answer(request.target))
            }
        }
    }

    @Test("with one connection for each replica, waiting requests are served in the order in which they came")
    func order() async throws {
        try await onStage { stage in
            let seen = Journal<String>()
            let gate = Journal<Bool>()
            let upstream = try await stage.upstream(script: Self.gated(seen, gate))
            let gateway = try await stage.gateway(to: upstream, keys: "connections: { per-replica: 1, queue: 10 }")
            var clients: [RawConnection] = []
            for number in 0..<5 {
                let client = try await stage.client(gateway)
                try await client.send(Text.get("/\(number)"))
                clients.append(client)
                if number == 0 {
                    try await seen.wait(for: 1)
                } else {
                    try await gateway.wait(for: "usher_service_queue_length{service=\"web\"}", toBe: Double(number))
                }
            }
            for _ in 0..<5 { gate.note(true) }
            for (number, client) in clients.enumerated() {
                #expect(try await client.receiveAnswer().text == "/\(number)")
            }
            #expect(seen.entries == ["/0", "/1", "/2", "/3", "/4"])
            #expect(upstream.connections.entries.count == 1)
            #expect(try await gateway.metric("usher_service_queue_length{service=\"web\"}") == 0)
        }
    }

    @Test("a full queue is 503 at once, with Retry-After, and counted")
    func full() async throws {
        try await onStage { stage in
            let seen = Journal<String>()
            let gate = Journal<Bool>()
            let upstream = try await stage.upstream(script: Self.gated(seen, gate))
            let gateway = try await stage.gateway(to: upstream, keys: "connections: { per-replica: 1, queue: 1 }")
            let first = try await stage.client(gateway)
            try await first.send(Text.get("/first"))
            try await seen.wait(for: 1)
            let second = try await stage.client(gateway)
            try await second.send(Text.get("/second"))
            try await gateway.wait(for: "usher_service_queue_length{service=\"web\"}", toBe: 1)
            let refused = try await gateway.ask(Text.get("/third"))
            #expect(refused.status == 503)
            #expect(refused.value("retry-after") == "1")
            #expect(try await gateway.metric("usher_service_queue_full_total{service=\"web\"}") == 1)
            gate.note(true)
            gate.note(true)
            #expect(try await first.receiveAnswer().text == "/first")
            #expect(try await second.receiveAnswer().text == "/second")
        }
    }

    @Test("waiting longer than timeouts.total is 503")
    func timeout() async throws {
        try await onStage { stage in
            let seen = Journal<String>()
            let gate = Journal<Bool>()
            let upstream = try await stage.upstream(script: Self.gated(seen, gate))
            let gateway = try await stage.gateway(
                """
                services: { web: { replicas: ["\(upstream.address)"], connections: { per-replica: 1, queue: 10 } } }
                routes:
                  - { match: { path: /hurry }, service: web, timeouts: { total: 300ms } }
                  - { service: web }
                """)
            let first = try await stage.client(gateway)
            try await first.send(Text.get("/first"))
            try await seen.wait(for: 1)
            let answer = try await gateway.ask(Text.get("/hurry"))
            #expect(answer.status == 503)
            #expect(answer.value("retry-after") == "1")
            #expect(try await gateway.metric("usher_service_queue_length{service=\"web\"}") == 0)
            gate.note(true)
            #expect(try await first.receiveAnswer().text == "/first")
        }
    }

    @Test("a client that leaves the queue is forgotten; the one behind it is served")
    func leaves() async throws {
        try await onStage { stage in
            let seen = Journal<String>()
            let gate = Journal<Bool>()
            let upstream = try await stage.upstream(script: Self.gated(seen, gate))
            let gateway = try await stage.gateway(to: upstream, keys: "connections: { per-replica: 1, queue: 10 }")
            let first = try await stage.client(gateway)
            try await first.send(Text.get("/first"))
            try await seen.wait(for: 1)
            let leaving = try await stage.client(gateway)
            try await leaving.send(Text.get("/leaves"))
            try await gateway.wait(for: "usher_service_queue_length{service=\"web\"}", toBe: 1)
            let last = try await stage.client(gateway)
            try await last.send(Text.get("/last"))
            try await gateway.wait(for: "usher_service_queue_length{service=\"web\"}", toBe: 2)
            await leaving.close()
            try await gateway.wait(for: "usher_service_queue_length{service=\"web\"}", toBe: 1)
            gate.note(true)
            gate.note(true)
            #expect(try await last.receiveAnswer().text == "/last")
            #expect(seen.entries == ["/first", "/last"])
        }
    }

    @Test("a request does not wait for a busy replica while another one is free")
    func freeReplica() async throws {
        try await onStage { stage in
            let stuck = Journal<String>()
            let never = Signal()
            let busy = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    stuck.note(request.target)
                    if request.target == "/stuck" { try await never.wait(limit: .seconds(600)) }
                    try await peer.send(Text.ok)
                }
            }
            let free = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if request.target == "/stuck" {
                        stuck.note(request.target)
                        try await never.wait(limit: .seconds(600))
                    }
                    try await peer.send(Text.ok)
                }
            }
            let gateway = try await stage.gateway(
                to: busy, free,
                keys:
                    "balance: round-robin, connections: { per-replica: 1, queue: 10 }, "
                    + "timeouts: { response: 50s, total: 50s }"
            )
            let first = try await stage.client(gateway)
            try await first.send(Text.get("/stuck"))
            try await stuck.wait(for: 1)
            for _ in 1...4 { #expect(try await gateway.ask(Text.get("/quick")).status == 200) }
            never.fire()
        }
    }
}
