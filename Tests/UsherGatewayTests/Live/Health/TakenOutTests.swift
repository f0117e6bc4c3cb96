import Testing
import UsherTestKit

@Suite("Requests at a replica that is taken out", .timeLimit(.minutes(1)))
struct TakenOutTests {
    private static let check = "readiness: { path: /ready, interval: 50ms, timeout: 5s, rise: 1, fall: 1 }"

    /// A POST may have been carried out: cut, its client could not know whether to send it again.
    @Test("a POST is answered by the replica that has it, also when that is unready and another one is ready")
    func notIdempotent() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            let gateway = try await stage.gateway(
                """
                services:
                  web:
                    replicas: ["\(first.address)", { address: "\(second.address)", backup: true }]
                    \(Self.check)
                """)
            for upstream in [first, second] { try await gateway.wait(for: upstream, toBe: "ready") }
            let client = try await stage.client(gateway)
            try await client.send(Text.post("/held", body: "order"))
            try await one.holds.wait(for: 1)
            one.setReady(false)
            try await gateway.wait(for: first, toBe: "unready")
            #expect(try await gateway.ask(Text.get()).text == "two")
            one.letGo()
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 200)
            #expect(answer.text == "one")
            #expect(one.targets == ["/held"])
            #expect(two.targets == ["/"])
        }
    }

    /// A replica that does one thing at a time fails its checks while it is at work, and is the only one that answers.
    @Test("a GET is answered by the replica that has it when that is unready and no other one is ready")
    func nobodyElse() async throws {
        try await onStage { stage in
            let replica = Replica("one")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(to: upstream, keys: Self.check)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/held"))
            try await replica.holds.wait(for: 1)
            replica.setReady(false)
            try await gateway.wait(for: upstream, toBe: "unready")
            // Its worker has heard of it by then.
            #expect(try await gateway.ask(Text.get()).text == "one")
            replica.letGo()
            #expect(try await client.receiveAnswer().text == "one")
            #expect(replica.targets == ["/held", "/"])
        }
    }

    /// Such a request is tried at the same replica once more as a rule; at this one no connection is ever free again.
    @Test("a GET whose kept connection ends after a reload took its replica away is answered by another one")
    func removed() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            let keys = "session: { hash: [\"{header.x-user}\"] }, timeouts: { response: 10s, total: 10s }"
            let gateway = try await stage.gateway(to: first, second, keys: keys)
            let client = try await stage.client(gateway)
            var user = 0
            while try await client.ask(Text.get("/", "X-User: \(user)\r\n")).text != "one" { user += 1 }
            try await client.send(Text.get("/held", "X-User: \(user)\r\n"))
            try await one.holds.wait(for: 1)
            #expect(first.connections.entries.count == 1)
            let reloaded = try await gateway.reload("services: { web: { replicas: \(list(second)), \(keys) } }")
            #expect(reloaded.outcome == "applied")
            two.letGo()
            await first.stopListening()
            await first.connections.entries[0].close()
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 200)
            #expect(answer.text == "two")
            one.letGo()
            #expect(two.targets.last == "/held")
        }
    }
}
