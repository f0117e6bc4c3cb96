import Foundation
import Testing
import UsherTestKit

@Suite("Reloading while requests run", .timeLimit(.minutes(1)))
struct ReloadTests {
    private static func requests(_ route: String, _ service: String) -> String {
        "usher_requests_total{service=\"\(service)\",route=\"\(route)\",code=\"2xx\"}"
    }

    @Test("a change of one service leaves connections, pools and counters of the others alone")
    func untouched() async throws {
        try await onStage { stage in
            let (web, cart) = (Replica("web"), Replica("cart"))
            let (first, second) = (try await stage.upstream(web), try await stage.upstream(cart))
            func yaml(_ keys: String, cartFirst: Bool = false) -> String {
                let cart = "  cart: { replicas: \(list(second)), \(keys) }"
                let web = "  web: { replicas: \(list(first)) }"
                return """
                    services:
                    \(cartFirst ? cart : web)
                    \(cartFirst ? web : cart)
                    routes:
                      - { match: { path: /cart/* }, service: cart }
                      - { match: { path: /* }, service: web }
                    """
            }
            let gateway = try await stage.gateway(yaml("retries: { attempts: 2 }"))
            let client = try await stage.client(gateway)
            for _ in 1...5 { #expect(try await client.ask().text == "web") }
            #expect(try await client.ask(Text.get("/cart/1")).text == "cart")
            let reloaded = try await gateway.reload(yaml("retries: { attempts: 3 }", cartFirst: true))
            #expect(reloaded.outcome == "applied")
            #expect(reloaded.paths == ["services.cart.retries.attempts"])
            for _ in 1...5 { #expect(try await client.ask().text == "web") }
            #expect(try await client.ask(Text.get("/cart/2")).text == "cart")
            #expect(first.connections.entries.count == 1)
            #expect(second.connections.entries.count == 1)
            #expect(try await gateway.metric(Self.requests("/*", "web")) == 10)
            #expect(try await gateway.metric(Self.requests("/cart/*", "cart")) == 2)
            #expect(try await gateway.metric("usher_endpoint_connections_opened_total", of: first) == 1)
            #expect(try await gateway.metric("usher_endpoint_connections", of: first) == 1)
            #expect(try await gateway.metric("usher_endpoint_requests_in_flight", of: first) == 0)
            #expect(try await gateway.metric("usher_client_connections_accepted_total") == 1)
            #expect(try await gateway.metric("usher_reloads_total{outcome=\"applied\"}") == 1)
        }
    }

    @Test("a request of a service that is taken away finishes, and the next one finds no route")
    func removedService() async throws {
        try await onStage { stage in
            let (old, other) = (Replica("old"), Replica("other"))
            let (first, second) = (try await stage.upstream(old), try await stage.upstream(other))
            let gateway = try await stage.gateway(
                """
                services: { old: { replicas: \(list(first)) }, other: { replicas: \(list(second)) } }
                routes:
                  - { match: { path: /other }, service: other }
                  - { match: { path: /held }, service: old }
                """)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/held"))
            try await old.holds.wait(for: 1)
            let reloaded = try await gateway.reload(
                """
                services: { other: { replicas: \(list(second)) } }
                routes: [{ match: { path: /other }, service: other }]
                """)
            #expect(reloaded.outcome == "applied")
            #expect(Set(reloaded.paths) == ["services.old", "routes[/held]"])
            #expect(try await gateway.ask(Text.get("/other")).text == "other")
            old.letGo()
            #expect(try await client.receiveAnswer().text == "old")
            #expect(try await client.ask(Text.get("/held")).status == 404)
            #expect(try await client.ask(Text.get("/other")).text == "other")
            // Its connection is of no use any more.
            try await first.connections.entries.first?.waitForEnd()
            let metrics = try await gateway.admin("/metrics").text
            #expect(!metrics.contains("service=\"old\""))
        }
    }

    @Test("a replica that is taken away gets no new request, and the one that it has finishes")
    func removedReplica() async throws {
        try await onStage { stage in
            let (old, new) = (Replica("old"), Replica("new"))
            let (first, second) = (try await stage.upstream(old), try await stage.upstream(new))
            let gateway = try await stage.gateway(to: first)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/held"))
            try await old.holds.wait(for: 1)
            let reloaded = try await gateway.reload("services: { web: { replicas: \(list(second)) } }")
            #expect(reloaded.paths.count == 2)
            for _ in 1...10 { #expect(try await gateway.ask(Text.get()).text == "new") }
            old.letGo()
            #expect(try await client.receiveAnswer().text == "old")
            #expect(try await client.ask().text == "new")
            #expect(old.targets == ["/held"])
            #expect(try await gateway.endpoints().map(\.address) == ["\(second.address)"])
            try await first.connections.entries.first?.waitForEnd()
        }
    }

    @Test("a replica that was taken away and comes back is a new one, also while its old request runs")
    func returningReplica() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            let gateway = try await stage.gateway(to: first, second)
            let client = try await stage.client(gateway)
            try await gateway.drain(second)
            try await client.send(Text.get("/held"))
            try await one.holds.wait(for: 1)
            try await gateway.reload("services: { web: { replicas: \(list(second)) } }")
            try await gateway.reload("services: { web: { replicas: \(list(second, first)) } }")
            // `second` was there all the time, and stays drained.
            for _ in 1...5 { #expect(try await gateway.ask(Text.get()).text == "one") }
            #expect(try await gateway.metric("usher_endpoint_requests_in_flight", of: first) == 0)
            one.letGo()
            #expect(try await client.receiveAnswer().text == "one")
            #expect(try await gateway.metric("usher_endpoint_requests_in_flight", of: first) == 0)
        }
    }

    @Test("a new replica with a check gets no request before it has succeeded")
    func newReplica() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            two.setReady(false)
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            let keys =
                "balance: round-robin, readiness: { path: /ready, interval: 50ms, timeout: 5s, rise: 1, fall: 1 }"
            let gateway = try await stage.gateway(to: first, keys: keys)
            try await gateway.reload("services: { web: { replicas: \(list(first, second)), \(keys) } }")
            for _ in 1...8 { #expect(try await gateway.ask(Text.get()).text == "one") }
            #expect(second.received.joined().hasPrefix("GET /ready"))
            #expect(two.targets.isEmpty)
            two.setReady(true)
            try await gateway.wait(for: second, toBe: "ready")
            var names: Set<String> = []
            // It comes back slowly: a tenth of its turns at first.
            while names.count < 2 { names.insert(try await gateway.ask(Text.get()).text) }
        }
    }

    @Test("weights change for the next requests, and the replicas stay what they are")
    func weights() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            func yaml(_ weight: Int) -> String {
                """
                services:
                  web:
                    replicas: [{ address: "\(first.address)", weight: \(weight) }, "\(second.address)"]
                    balance: round-robin
                """
            }
            let gateway = try await stage.gateway(yaml(1))
            let client = try await stage.client(gateway)
            for _ in 1...10 { _ = try await client.ask() }
            #expect(one.targets.count == 5)
            let reloaded = try await gateway.reload(yaml(4))
            #expect(reloaded.paths == ["services.web.replicas[\(first.address)].weight"])
            for _ in 1...50 { _ = try await client.ask() }
            #expect(one.targets.count == 45)
            #expect(two.targets.count == 15)
            #expect(first.connections.entries.count == 1)
            #expect(try await gateway.endpoint(first)?.weight == 4)
        }
    }

    @Test("another balancing policy holds from the next request on")
    func policy() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            func yaml(_ policy: String) -> String {
                "services: { web: { replicas: \(list(first, second)), balance: \(policy) } }"
            }
            let gateway = try await stage.gateway(yaml("least-requests"))
            // One replica is busy, so of two draws the other one wins more often; in turns both are equal.
            let held = try await stage.client(gateway)
            try await held.send(Text.get("/held"))
            let client = try await stage.client(gateway)
            try await gateway.reload(yaml("round-robin"))
            let before = (one.targets.count, two.targets.count)
            for _ in 1...20 { _ = try await client.ask() }
            #expect(one.targets.count { $0 == "/" } == 10)
            #expect(two.targets.count { $0 == "/" } == 10)
            #expect(before.0 + before.1 <= 1)
            for policy in ["latency", "random", "least-requests"] {
                #expect(try await gateway.reload(yaml(policy)).paths == ["services.web.balance"])
                for _ in 1...5 { #expect(try await client.ask().status == 200) }
                #expect(try await gateway.admin("/api/v1/services").text.contains("\"balance\" : \"\(policy)\""))
            }
            one.letGo()
            two.letGo()
            #expect(try await held.receiveAnswer().status == 200)
        }
    }

    @Test("order of routes, their limits and header edits hold for the next request on an open connection")
    func routes() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            func yaml(_ routes: String) -> String {
                "services: { web: { replicas: \(list(upstream)) } }\nroutes:\n\(routes)"
            }
            let special = "  - { match: { path: /a }, respond: { status: 200, body: special } }\n"
            let rest = "  - { match: { path: /* }, service: web }\n"
            let gateway = try await stage.gateway(yaml(special + rest))
            let client = try await stage.client(gateway)
            #expect(try await client.ask(Text.get("/a")).text == "special")
            let turned = try await gateway.reload(yaml(rest + special))
            #expect(turned.changes.contains { $0.path == "routes" && $0.new == "order" })
            #expect(try await client.ask(Text.get("/a")).text == "web")
            try await gateway.reload(
                yaml(
                    "  - { match: { path: /* }, service: web, limits: { body: 4B }, "
                        + "headers: { set: { X-Edition: \"2\" } } }\n"))
            #expect(try await client.ask(Text.get("/a")).value("x-edition") == "2")
            #expect(try await client.ask(Text.post("/a", body: "1234")).status == 200)
            #expect(try await client.ask(Text.post("/a", body: "12345")).status == 413)
            #expect(try await gateway.metric("usher_client_connections_accepted_total") == 1)
        }
    }

    @Test("limits on connections hold for the next connection, and those that are open stay")
    func connectionLimits() async throws {
        try await onStage { stage in
            let yaml = "routes: [{ respond: { status: 200, body: x } }]"
            let gateway = try await stage.gateway(yaml)
            let first = try await stage.client(gateway)
            #expect(try await first.ask().status == 200)
            try await gateway.reload("limits: { connections: 1 }\n" + yaml)
            let second = try await stage.client(gateway)
            try await second.waitForEnd()
            #expect(try await first.ask().status == 200)
        }
    }

    @Test("a head may be as long as the limit now says on the next connection")
    func headLimit() async throws {
        try await onStage { stage in
            let yaml = "routes: [{ respond: { status: 200, body: x } }]"
            let gateway = try await stage.gateway(yaml)
            let long = Text.get("/", "X-Long: \(String(repeating: "x", count: 2000))\r\n")
            #expect(try await gateway.ask(long).status == 200)
            try await gateway.reload("limits: { head: 1KiB, request-line: 512B }\n" + yaml)
            #expect(try await gateway.ask(long).status == 431)
            try await gateway.reload(yaml)
            #expect(try await gateway.ask(long).status == 200)
        }
    }

    @Test("tunnels of an untouched service and of a changed one go on, also when their replica is taken away")
    func tunnels() async throws {
        try await onStage { stage in
            let first = try await stage.upstream(Replica("one"))
            let second = try await stage.upstream(Replica("two"))
            let routes = "routes: [{ match: { path: /a }, service: a }, { match: { path: /b }, service: b }]"
            let gateway = try await stage.gateway(
                "services: { a: { replicas: \(list(first)) }, b: { replicas: \(list(second)) } }\n" + routes)
            let (one, two) = (try await stage.client(gateway), try await stage.client(gateway))
            try await one.becomeTunnel(Text.upgrade("/a"))
            try await two.becomeTunnel(Text.upgrade("/b"))
            try await gateway.reload(
                "services: { a: { replicas: \(list(first)) }, b: { replicas: \(list(first)) } }\n" + routes)
            #expect(try await one.echo("untouched") == "untouched")
            #expect(try await two.echo("changed") == "changed")
            try await gateway.reload(
                "services: { a: { replicas: \(list(first)) } }\nroutes: [{ match: { path: /a }, service: a }]")
            #expect(try await one.echo("still") == "still")
            #expect(try await two.echo("gone, but open") == "gone, but open")
            #expect(try await gateway.metric("usher_tunnels", of: first, service: "a") == 1)
            await two.close()
            try await second.connections.entries.first?.waitForEnd()
        }
    }
}
