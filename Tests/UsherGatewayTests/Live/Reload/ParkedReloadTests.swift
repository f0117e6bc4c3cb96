import Testing
import UsherTestKit

/// Reloads that come while a request waits for a shared quota: it has been routed, and its service not yet chosen.
@Suite("Reloads under waiting requests", .timeLimit(.minutes(2)))
struct ParkedReloadTests {
    /// - Parameter services: one for each name, with its own answer.
    private static func yaml(
        _ server: RedisServer, _ services: [(String, ScriptedUpstream)], routes: String
    ) -> String {
        """
        quotas: { public: { anonymous: 1000/h, store: { unix: \(server.socketPath), deadline: 1s } } }
        services: { \(services.map { "\($0): { replicas: \(list($1)) }" }.joined(separator: ", ")) }
        routes: \(routes)
        """
    }

    @Test(
        "a request that waits goes to the service that its route named, or is told that it is gone",
        arguments: ["service: two", "services: { two: 100% }"])
    func services(action: String) async throws {
        try await onStage { stage in
            let server = try await RedisServer.start()
            let one = try await stage.upstream(answering: Text.answer("one"))
            let two = try await stage.upstream(answering: Text.answer("two"))
            let routes = "[{ match: { path: /x }, quota: public, \(action) }, { service: one }]"
            let before = Self.yaml(server, [("one", one), ("two", two)], routes: routes)
            let gateway = try await stage.gateway(before)
            let isUp = "usher_quota_store_up{quota=\"public\"}"
            let client = try await stage.client(gateway)
            for (after, status, text) in [
                (Self.yaml(server, [("zero", one), ("one", one), ("two", two)], routes: routes), 200, "two"),
                (
                    Self.yaml(server, [("one", one)], routes: "[{ service: one }]"), 503,
                    "the service is no longer there\n"
                ),
            ] {
                #expect(try await gateway.reload(before).outcome != "refused")
                try await gateway.wait(for: isUp, toBe: 1)
                server.pause()
                try await client.send(Text.get("/x"))
                #expect(try await gateway.reload(after).outcome == "applied")
                server.resume()
                let answer = try await client.receiveAnswer()
                #expect(answer.status == status && answer.text == text, "\(answer.text)")
                // The client's connection goes on by the rules of now.
                #expect(try await client.ask(Text.get("/other")).text == "one")
            }
        }
    }
}
