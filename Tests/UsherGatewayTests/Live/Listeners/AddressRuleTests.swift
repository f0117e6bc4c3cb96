import Foundation
import NIOCore
import Testing
import UsherTestKit

/// Who may connect, and whose requests a trusted peer may bring.
@Suite("Allowed and denied addresses", .timeLimit(.minutes(2)))
struct AddressRuleTests {
    private static func yaml(_ limits: String, listener: String = "") -> String {
        """
        limits: { \(limits) }
        listeners: [{ address: 127.0.0.1:0\(listener) }]
        routes: [{ respond: { status: 200, body: ok } }]
        """
    }

    private static let trusting = ", trusted-proxies: [127.0.0.0/8]"
    private static let denied = "usher_client_connections_refused_total{reason=\"denied\"}"

    /// Whether a new connection from 127.0.0.1 is let in.
    private static func isLetIn(_ gateway: RunningGateway) async -> Bool {
        (try? await gateway.status()) == 200
    }

    /// Looks until it is, or is not; returns how long that took.
    private static func wait(_ gateway: RunningGateway, toLetIn wanted: Bool) async throws -> Duration {
        let start = ContinuousClock.now
        while ContinuousClock.now - start < RawConnection.limit {
            if await Self.isLetIn(gateway) == wanted { return ContinuousClock.now - start }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestKitError.timedOut("let in: \(wanted)")
    }

    @Test(
        "of allow and deny the narrower network decides at accept",
        arguments: [
            ("allow", "10.0.0.0/8", nil, false), ("allow", "127.0.0.0/8\n", nil, true), ("allow", "", nil, false),
            ("deny", "127.0.0.1", nil, false), ("deny", "10.0.0.0/8 # others\n\n", nil, true), ("deny", "", nil, true),
            ("deny", "0.0.0.0/0", "127.0.0.0/8", true), ("deny", "127.0.0.0/16", "127.0.0.0/8", false),
            ("deny", "127.0.0.0/8", "127.0.0.0/8", false), ("deny", "::/0", nil, true),
        ] as [(String, String, String?, Bool)])
    func accept(key: String, text: String, allowed: String?, isLetIn: Bool) async throws {
        try await onStage { stage in
            try stage.write("list", text)
            try stage.write("allowed", allowed ?? "")
            let gateway = try await stage.gateway(
                Self.yaml("\(key): list" + (allowed == nil ? "" : ", allow: allowed")))
            #expect(await Self.isLetIn(gateway) == isLetIn)
            #expect(try await gateway.metric(Self.denied) == (isLetIn ? 0 : 1))
        }
    }

    @Test("a refused connection is closed without a word")
    func withoutAWord() async throws {
        try await onStage { stage in
            try stage.write("list", "127.0.0.0/8")
            let gateway = try await stage.gateway(Self.yaml("deny: list"))
            let client = try await stage.client(gateway)
            try await client.waitForEnd()
            #expect(client.received.isEmpty)
        }
    }

    @Test("behind a trusted peer each request's own client is judged, and the others go on")
    func behindProxy() async throws {
        try await onStage { stage in
            try stage.write("list", "192.0.2.0/25\n2001:db8::/32\n")
            let gateway = try await stage.gateway(Self.yaml("deny: list", listener: Self.trusting))
            for (fields, status) in [
                ("", 200), ("X-Forwarded-For: 192.0.2.200\r\n", 200), ("X-Forwarded-For: 192.0.2.7\r\n", 403),
                ("X-Forwarded-For: 203.0.113.1, 192.0.2.7\r\n", 403), ("X-Forwarded-For: 2001:db8::1\r\n", 403),
                ("Forwarded: for=\"[2001:db8::1]\"\r\n", 403), ("X-Forwarded-For: 192.0.2.7, 203.0.113.1\r\n", 200),
            ] {
                let answer = try await gateway.ask(Text.get("/", fields))
                #expect(answer.status == status, "\(fields)")
                #expect(answer.text == (status == 200 ? "ok" : "this address may not come here\n"))
            }
            // On one connection of the proxy's, requests are judged one by one.
            let kept = try await stage.client(gateway)
            for (address, status) in [("192.0.2.7", 403), ("192.0.2.200", 200), ("192.0.2.8", 403), ("1.2.3.4", 200)] {
                #expect(try await kept.ask(Text.get("/", "X-Forwarded-For: \(address)\r\n")).status == status)
            }
            // And streams.
            var proxy = try await HTTP2Talk(stage.client(gateway))
            var statuses: [Int] = []
            for address in ["192.0.2.200", "192.0.2.7", "192.0.2.201", "192.0.2.8"] {
                statuses.append(try await proxy.ask("/", [("x-forwarded-for", address)]).status)
            }
            #expect(statuses == [200, 403, 200, 403])
        }
    }

    @Test("a client that a PROXY header names is refused, and one that a stranger names is not believed")
    func proxyProtocol() async throws {
        try await onStage { stage in
            try stage.write("list", "192.0.2.7\n")
            let listener = Self.trusting + ", proxy-protocol: true"
            let gateway = try await stage.gateway(Self.yaml("deny: list", listener: listener))
            for (address, isServed) in [("192.0.2.7", false), ("192.0.2.8", true)] {
                let client = try await stage.client(gateway)
                client.sendInBackground(
                    .init(string: "PROXY TCP4 \(address) 192.0.2.1 4711 80\r\n" + Text.get()))
                let status = try? await client.receiveAnswer().status
                #expect((status == 200) == isServed, "\(address): \(status ?? 0)")
            }
        }
    }

    @Test("a changed list holds within two seconds, for connections that are there too")
    func watched() async throws {
        try await onStage { stage in
            try stage.write("list", "10.0.0.0/8\n")
            let gateway = try await stage.gateway(Self.yaml("deny: list"))
            let client = try await stage.client(gateway)
            #expect(try await client.ask().status == 200)
            // The quickest of some: others use the machine too.
            var quickest = (denied: Duration.seconds(60), admitted: Duration.seconds(60))
            for number in 1...3 where number == 1 || quickest.denied > .seconds(2) || quickest.admitted > .seconds(2) {
                try stage.write("list", "127.0.0.0/8\n")
                quickest.denied = min(quickest.denied, try await Self.wait(gateway, toLetIn: false))
                if number == 1 {
                    #expect(try await client.ask().status == 403)
                    try await client.waitForEnd()
                }
                try stage.write("list", "10.0.0.0/8\n")
                quickest.admitted = min(quickest.admitted, try await Self.wait(gateway, toLetIn: true))
            }
            #expect(quickest.denied < .seconds(2) && quickest.admitted < .seconds(2))
        }
    }

    @Test("a list that is broken or not there keeps Usher from starting, and it says which and why")
    func brokenAtStart() async throws {
        try await onStage { stage in
            try stage.write("list", "10.0.0.0/8\nnonsense\n")
            for (key, file, why) in [("deny", "list", "line 2"), ("allow", "list", "line 2"), ("deny", "none", "none")]
            {
                await #expect(
                    performing: {
                        _ = try await stage.gateway(Self.yaml("\(key): \(file)"))
                    }, throws: { "\($0)".contains("limits.\(key)") && "\($0)".contains(why) })
            }
        }
    }

    @Test("a list that breaks later is not used, and a reload with a broken one is refused and says why")
    func brokenLater() async throws {
        try await onStage { stage in
            try stage.write("list", "192.0.2.7\n")
            try stage.write("broken", "300.1.2.3\n")
            let gateway = try await stage.gateway(Self.yaml("deny: list", listener: Self.trusting))
            let bad = "X-Forwarded-For: 192.0.2.7\r\n"
            #expect(try await gateway.status(bad) == 403)
            for text in ["127.0.0.1\nnonsense\n", "0.0.0.0/33"] {
                try stage.write("list", text)
                // Longer than it takes to notice a good one.
                try await Task.sleep(for: .milliseconds(1600))
                #expect(try await gateway.status(bad) == 403)
                #expect(try await gateway.status() == 200)
            }
            try FileManager.default.removeItem(atPath: stage.folder + "/list")
            try await Task.sleep(for: .milliseconds(1600))
            #expect(try await gateway.status(bad) == 403)
            try stage.write("list", "192.0.2.8\n")
            try await gateway.wait(until: 200, bad)

            let reloaded = try await gateway.reload(Self.yaml("deny: broken", listener: Self.trusting))
            #expect(reloaded.outcome == "refused" && reloaded.problems.joined().contains("limits.deny"))
            #expect(reloaded.problems.joined().contains("line 1"))
            #expect(try await gateway.status("X-Forwarded-For: 192.0.2.8\r\n") == 403)
            #expect(try await gateway.reload(Self.yaml("", listener: Self.trusting)).outcome == "applied")
            #expect(try await gateway.status("X-Forwarded-For: 192.0.2.8\r\n") == 200)
        }
    }

    @Test("a client that opens connections faster than it may is refused new ones, and keeps those that it has")
    func newConnections() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.yaml("new-connections-per-client: 5/h"))
            let first = try await stage.client(gateway)
            #expect(try await first.ask().status == 200)
            var letIn = 1
            for _ in 1...12 where await Self.isLetIn(gateway) { letIn += 1 }
            #expect(letIn == 5)
            #expect(try await first.ask().status == 200)
            let refused = "usher_client_connections_refused_total{reason=\"new-connections-per-client\"}"
            #expect(try await gateway.metric(refused) == 8)
            #expect(try await gateway.reload(Self.yaml("")).outcome == "applied")
            #expect(await Self.isLetIn(gateway))
        }
    }

    @Test("trusted peers may open as many connections as they like")
    func trustedPeers() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                Self.yaml("new-connections-per-client: 2/h", listener: Self.trusting))
            for _ in 1...10 { #expect(await Self.isLetIn(gateway)) }
        }
    }
}
