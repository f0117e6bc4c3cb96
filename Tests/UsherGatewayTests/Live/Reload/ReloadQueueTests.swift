import Testing
import UsherTestKit

@Suite("Reloading while requests wait", .timeLimit(.minutes(1)))
struct ReloadQueueTests {
    private static let waiting = "usher_service_queue_length{service=\"web\"}"

    private static func yaml(_ upstream: ScriptedUpstream, _ keys: String) -> String {
        "services: { web: { replicas: \(list(upstream)), \(keys) } }\nroutes: [{ service: web }]"
    }

    /// A replica whose only connection is busy, and a request that waits for it.
    private static func play(
        _ body: (Stage, RunningGateway, Replica, ScriptedUpstream, _ busy: RawConnection, _ queued: RawConnection)
            async throws -> Void
    ) async throws {
        try await onStage { stage in
            let replica = Replica("old")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(yaml(upstream, "connections: { per-replica: 1 }"))
            let (busy, queued) = (try await stage.client(gateway), try await stage.client(gateway))
            try await busy.send(Text.get("/held"))
            try await replica.holds.wait(for: 1)
            try await queued.send(Text.get("/queued"))
            try await gateway.wait(for: waiting, toBe: 1)
            try await body(stage, gateway, replica, upstream, busy, queued)
        }
    }

    @Test("who waits for a replica that is taken away gets the one that takes its place")
    func otherReplica() async throws {
        try await Self.play { stage, gateway, replica, _, busy, queued in
            let new = try await stage.upstream(Replica("new"))
            try await gateway.reload(Self.yaml(new, "connections: { per-replica: 1 }"))
            #expect(try await queued.receiveAnswer().text == "new")
            #expect(try await gateway.metric(Self.waiting) == 0)
            replica.letGo()
            #expect(try await busy.receiveAnswer().text == "old")
        }
    }

    @Test("who waits goes on when more connections are allowed")
    func moreConnections() async throws {
        try await Self.play { stage, gateway, replica, upstream, busy, queued in
            try await gateway.reload(Self.yaml(upstream, "connections: { per-replica: 2 }"))
            #expect(try await queued.receiveAnswer().text == "old")
            replica.letGo()
            #expect(try await busy.receiveAnswer().text == "old")
        }
    }

    @Test("who waits for a service that is taken away is still answered by it")
    func serviceIsGone() async throws {
        try await Self.play { stage, gateway, replica, upstream, busy, queued in
            try await gateway.reload("routes: [{ respond: { status: 410 } }]")
            #expect(try await gateway.ask(Text.get()).status == 410)
            replica.letGo()
            #expect(try await busy.receiveAnswer().text == "old")
            #expect(try await queued.receiveAnswer().text == "old")
            #expect(try await queued.ask().status == 410)
            try await upstream.connections.entries.first?.waitForEnd()
        }
    }

    @Test("the time that a request has is the one that held when it came")
    func times() async throws {
        try await Self.play { stage, gateway, replica, upstream, busy, queued in
            try await gateway.reload(
                Self.yaml(upstream, "connections: { per-replica: 1 }, timeouts: { response: 100ms, total: 100ms }"))
            // A request with the new times gives up; those with the old ones wait on.
            #expect(try await gateway.ask(Text.get("/late")).status == 503)
            replica.letGo()
            #expect(try await busy.receiveAnswer().text == "old")
            #expect(try await queued.receiveAnswer().text == "old")
        }
    }
}
