import Testing
import UsherGateway
import UsherTestKit

@Suite("Reloading while something else happens", .timeLimit(.minutes(1)))
struct ReloadRaceTests {
    private static let check = "readiness: { path: /ready, interval: 50ms, timeout: 20s, rise: 1, fall: 1 }"

    private static func metric(_ name: String, _ service: String) -> String { "\(name){service=\"\(service)\"}" }

    /// Whoever carries reloads out ends before the admin server, which ends when every request has its answer.
    @Test("a reload that is asked for during shutdown, when nobody carries it out any more, is refused")
    func shutdown() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(to: upstream)
            let client = try await RawClient.connect(port: gateway.bound.adminPort)
            let head = "Host: 127.0.0.1:\(gateway.bound.adminPort)\r\n"
            #expect(try await client.ask("GET /livez HTTP/1.1\r\n\(head)\r\n").status == 200)
            let token = try gateway.file.adminToken
            let fields = "Authorization: Bearer \(token)\r\nContent-Type: application/json\r\n"
            // The last byte of its body is missing, so it has been taken and cannot be handed on yet.
            try await client.send(
                "POST /api/v1/reload HTTP/1.1\r\n\(head)\(fields)Content-Length: 2\r\n\r\n{")
            await gateway.beginShutdown()
            // The admin server takes no connections once all that it works with has ended.
            while let another = try? await RawClient.connect(port: gateway.bound.adminPort) { await another.close() }
            try await client.send("}")
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 422)
            #expect(answer.text.contains("this Usher is shutting down"))
            await client.close()
            try await gateway.stop()
        }
    }

    @Test("a name's answer that has to wait for a reload is dropped when the reload no longer asks for the name")
    func answerOfName() async throws {
        try await onStage { stage in
            let names = try await HeldNameServer.start()
            let (found, listed) = (
                try await stage.upstream(Replica("found")), try await stage.upstream(Replica("listed"))
            )
            let quick = try await stage.upstream(Replica("quick"))
            let (isChecked, isReady) = (Signal(), Signal())
            let slow = try await stage.upstream { peer in
                while try await peer.receiveRequest() != nil {
                    isChecked.fire()
                    try await isReady.wait()
                    try await peer.send(Text.ok)
                }
            }
            func yaml(_ web: String, _ other: ScriptedUpstream, _ routes: String = "[{ service: web }]") -> String {
                """
                services:
                  web: { replicas: \(web), \(Self.check) }
                  other: { replicas: \(list(other)), \(Self.check) }
                routes: \(routes)
                """
            }
            let gateway = try await stage.gateway(
                yaml("{ dns: \"web.test:\(found.port)\", every: 1m, server: \"\(names.address)\" }", quick),
                waitsForReadiness: false)
            try await gateway.wait(for: quick, toBe: "ready", of: "other")
            // The reload has begun and waits for the check of a new replica while the answer comes.
            let reloading = Task { try await gateway.reload(yaml(list(listed), slow)) }
            try await isChecked.wait()
            names.letGo()
            try await gateway.wait(
                for: "usher_discovery_resolutions_total{service=\"web\",outcome=\"changed\"}", toBe: 1)
            isReady.fire()
            #expect(try await reloading.value.outcome == "applied")
            // Changes have their turns in the order in which they came: after this one the answer has had its own.
            let next = yaml(list(listed), slow, "[{ service: web, timeouts: { total: 40s } }]")
            #expect(try await gateway.reload(next).outcome == "applied")
            #expect(found.connections.entries.isEmpty)
            #expect(try await gateway.endpoints().map(\.address) == ["\(listed.address)"])
            #expect(try await gateway.ask(Text.get()).text == "listed")
            await names.stop()
        }
    }

    /// Requests leave the queue while the snapshot changes, and each must be counted where it was counted before.
    @Test("the gauges stay true when a service moves and gets more connections while requests wait for it")
    func gauges() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let (upstream, other) = (try await stage.upstream(replica), try await stage.upstream(Replica("other")))
            func yaml(perReplica: Int, otherFirst: Bool) -> String {
                let web = "web: { replicas: \(list(upstream)), connections: { per-replica: \(perReplica), queue: 20 } }"
                let other = "other: { replicas: \(list(other)) }"
                return "services: { \(otherFirst ? other : web), \(otherFirst ? web : other) }\n"
                    + "routes: [{ service: web }]"
            }
            let gateway = try await stage.gateway(yaml(perReplica: 1, otherFirst: false))
            var clients: [RawConnection] = []
            for number in 0...5 {
                let client = try await stage.client(gateway)
                try await client.send(Text.get("/held"))
                clients.append(client)
                if number == 0 { try await replica.holds.wait(for: 1) }
            }
            try await gateway.wait(for: Self.metric("usher_service_queue_length", "web"), toBe: 5)
            #expect(try await gateway.reload(yaml(perReplica: 20, otherFirst: true)).outcome == "applied")
            try await replica.holds.wait(for: 6)
            func expectGauges(inFlight: Double) async throws {
                for service in ["web", "other"] {
                    #expect(try await gateway.metric(Self.metric("usher_service_queue_length", service)) == 0)
                }
                let name = "usher_endpoint_requests_in_flight"
                #expect(try await gateway.metric(name, of: upstream) == inFlight)
                #expect(try await gateway.metric(name, of: other, service: "other") == 0)
            }
            try await expectGauges(inFlight: 6)
            replica.letGo()
            for client in clients { #expect(try await client.receiveAnswer().text == "web") }
            try await expectGauges(inFlight: 0)
        }
    }

    /// Started together with the reload, replicas need a moment.
    @Test("a reload waits for a new replica that is not ready at its first check")
    func notReadyYet() async throws {
        try await onStage { stage in
            let checks = Journal<String>()
            let old = try await stage.upstream(Replica("old"))
            let new = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if request.target == "/ready" { checks.note(request.target) }
                    try await peer.send(Text.answer("new", status: checks.entries.count < 4 ? "503 Not yet" : "200 OK"))
                }
            }
            let gateway = try await stage.gateway(to: old)
            let reloaded = try await gateway.reload("services: { web: { replicas: \(list(new)), \(Self.check) } }")
            #expect(reloaded.outcome == "applied")
            #expect(reloaded.problems == [])
            #expect(checks.entries.count >= 4)
            #expect(try await gateway.ask(Text.get()).text == "new")
        }
    }

    /// Takes the ten seconds for which a reload waits.
    @Test("a reload none of whose new replicas becomes ready is refused and says what the checks found")
    func neverReady() async throws {
        try await onStage { stage in
            let (old, new) = (
                try await stage.upstream(Replica("old")),
                try await stage.upstream(answering: Text.answer("", status: "503 No"))
            )
            let gateway = try await stage.gateway(to: old)
            let reloaded = try await gateway.reload("services: { web: { replicas: \(list(new)), \(Self.check) } }")
            #expect(reloaded.outcome == "refused")
            #expect(reloaded.problems.count == 1)
            #expect(reloaded.problems.first?.contains("\(new.address): /ready answered 503") == true)
            #expect(try await gateway.endpoints().map(\.address) == ["\(old.address)"])
            #expect(try await gateway.ask(Text.get()).text == "old")
        }
    }
}
