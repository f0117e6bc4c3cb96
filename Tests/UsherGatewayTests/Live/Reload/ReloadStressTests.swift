import NIOCore
import Testing
import UsherCore
import UsherTestKit

@Suite("Many reloads under load", .timeLimit(.minutes(3)))
struct ReloadStressTests {
    /// The replicas, routes and services of one edition; the service of the tunnels is in all of them.
    private static func edition(_ random: inout SeededRandom, _ upstreams: [ScriptedUpstream], tunnels: String)
        -> String
    {
        let chosen = upstreams.filter { _ in random.below(3) > 0 }
        let replicas = (chosen.isEmpty ? [upstreams[0]] : chosen).map {
            "{ address: \"\($0.address)\", weight: \(1 + random.below(5)) }"
        }
        let policies = ["round-robin", "random", "least-requests", "latency"]
        var text = """
            services:
              web: { replicas: [\(replicas.joined(separator: ", "))], balance: \(policies[Int(random.below(4))]) }
              tunnels: { replicas: \(tunnels) }

            """
        let extra = Int(random.below(3))
        for number in 0..<extra { text += "  extra-\(number): { replicas: [\"\(upstreams[number].address)\"] }\n" }
        text += "routes:\n"
        if random.below(2) == 0 { text += "  - { match: { path: /none }, respond: { status: 204 } }\n" }
        for number in 0..<extra { text += "  - { match: { path: /extra/\(number)/* }, service: extra-\(number) }\n" }
        return text + "  - { match: { path: /tunnel }, service: tunnels }\n  - { match: { path: /* }, service: web }\n"
    }

    @Test("200 reloads with 200 open tunnels and requests on four connections lose nothing", arguments: [7 as UInt64])
    func nothingIsLost(seed: UInt64) async throws {
        try await onStage { stage in
            var random = SeededRandom(seed: seed)
            var upstreams: [ScriptedUpstream] = []
            for number in 0..<5 { upstreams.append(try await stage.upstream(Replica("\(number)"))) }
            let tunnels = list(try await stage.upstream(Replica("tunnel")))
            let gateway = try await stage.gateway(
                "workers: 2\n" + Self.edition(&random, upstreams, tunnels: tunnels))
            var open: [RawConnection] = []
            for _ in 0..<200 {
                let client = try await stage.client(gateway)
                try await client.becomeTunnel(Text.upgrade("/tunnel"))
                open.append(client)
            }
            let isOver = Signal()
            let clients = Task {
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let client = try await RawClient.connect(port: gateway.port)
                            defer { Task { await client.close() } }
                            var count = 0
                            while !isOver.hasFired {
                                guard try await client.ask(Text.get("/page")).status == 200 else {
                                    throw TestKitError.malformed("request \(count) failed")
                                }
                                count += 1
                            }
                            return count
                        }
                    }
                    return try await group.reduce(0, +)
                }
            }
            var applied = 0
            for number in 0..<200 {
                let reloaded = try await gateway.reload(Self.edition(&random, upstreams, tunnels: tunnels))
                #expect(reloaded.outcome != "refused", "seed \(seed), reload \(number): \(reloaded.problems)")
                if reloaded.outcome == "applied" { applied += 1 }
                // Each tunnel four times, so that none is silent for long.
                for tunnel in stride(from: number % 50, to: open.count, by: 50) {
                    #expect(try await open[tunnel].echo("during \(number)") == "during \(number)")
                }
            }
            isOver.fire()
            let served = try await clients.value
            #expect(applied > 150, "seed \(seed)")
            #expect(served > 0)
            for (number, tunnel) in open.enumerated() {
                #expect(try await tunnel.echo("after \(number)") == "after \(number)")
            }
            #expect(try await gateway.metric("usher_reloads_total{outcome=\"applied\"}") == Double(applied))
            #expect(try await gateway.metric("usher_client_connections_accepted_total") == 204)
            let tunnelCount = try await gateway.admin("/metrics").text.split(separator: "\n")
                .first { $0.hasPrefix("usher_tunnels{service=\"tunnels\"") }
            #expect(tunnelCount?.hasSuffix(" 200") == true)
            let failures = try await gateway.admin("/metrics").text.split(separator: "\n")
                .filter { $0.hasPrefix("usher_requests_total") && $0.contains("code=\"5xx\"") && !$0.hasSuffix(" 0") }
            #expect(failures.isEmpty)
        }
    }
}
