import Testing
import UsherTestKit

@Suite("Sessions by what requests have", .timeLimit(.minutes(1)))
struct HashSessionLiveTests {
    private static func play(
        _ count: Int, _ body: (Stage, [(Replica, ScriptedUpstream)]) async throws -> Void
    ) async throws {
        try await onStage { stage in
            var replicas: [(Replica, ScriptedUpstream)] = []
            for number in 0..<count {
                let replica = Replica("\(number)")
                replicas.append((replica, try await stage.upstream(replica)))
            }
            try await body(stage, replicas)
        }
    }

    private static func yaml(_ replicas: some Sequence<(Replica, ScriptedUpstream)>, _ session: String) -> String {
        let addresses = replicas.map { "\"\($0.1.address)\"" }.joined(separator: ", ")
        return "services: { web: { replicas: [\(addresses)], session: \(session), slow-start: 0s } }"
    }

    private static let byUser = "{ hash: [\"{header.x-user}\"] }"

    /// Which replica each of so many users reaches.
    private static func homes(_ gateway: RunningGateway, users: Int = 60) async throws -> [String] {
        let client = try await RawClient.connect(port: gateway.port)
        var homes: [String] = []
        for user in 0..<users {
            homes.append(try await client.ask(Text.get("/", "X-User: user-\(user)\r\n")).text)
        }
        await client.close()
        return homes
    }

    @Test("all requests of one client go to one replica by its address and the one that it asked")
    func addresses() async throws {
        try await Self.play(4) { stage, replicas in
            let gateway = try await stage.gateway(
                Self.yaml(replicas, "{ hash: [source-address, destination-address] }"))
            var names: Set<String> = []
            for _ in 1...12 { names.insert(try await gateway.ask(Text.get()).text) }
            #expect(names.count == 1)
            #expect(try await gateway.metric("usher_service_sessions_total{service=\"web\",outcome=\"kept\"}") == 12)
        }
    }

    @Test("behind trusted hops the address is the client's, not the proxy's")
    func trustedHops() async throws {
        try await Self.play(4) { stage, replicas in
            let gateway = try await stage.gateway(
                "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]\n"
                    + Self.yaml(replicas, "{ hash: [source-address] }"))
            var names: Set<String> = []
            for host in 1...40 {
                let request = Text.get("/", "X-Forwarded-For: 192.0.2.\(host)\r\n")
                let name = try await gateway.ask(request).text
                #expect(try await gateway.ask(request).text == name)
                names.insert(name)
            }
            #expect(names.count == 4)
        }
    }

    @Test("behind a PROXY header the addresses are those in it")
    func proxyHeader() async throws {
        try await Self.play(4) { stage, replicas in
            let gateway = try await stage.gateway(
                "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8], proxy-protocol: true }]\n"
                    + Self.yaml(replicas, "{ hash: [source-address, destination-address] }"))
            var names: [String: Set<String>] = [:]
            for number in 0..<40 {
                let addresses = "192.0.2.\(number % 20) 198.51.100.\(number % 20)"
                let answer = try await gateway.ask("PROXY TCP4 \(addresses) 1 2\r\n" + Text.get())
                names[addresses, default: []].insert(answer.text)
            }
            #expect(names.count == 20)
            #expect(names.values.allSatisfy { $0.count == 1 })
            #expect(Set(names.values).count > 1)
        }
    }

    @Test("a request that has none of the values goes anywhere")
    func absent() async throws {
        try await Self.play(3) { stage, replicas in
            let gateway = try await stage.gateway(
                Self.yaml(replicas, Self.byUser).replacing("slow-start", with: "balance: round-robin, slow-start"))
            var names: Set<String> = []
            for _ in 1...3 { names.insert(try await gateway.ask(Text.get()).text) }
            #expect(names.count == 3)
            #expect(try await gateway.metric("usher_service_sessions_total{service=\"web\",outcome=\"kept\"}") == 0)
        }
    }

    @Test("two gateways with nothing in common and the replicas in another order agree on everybody")
    func agreement() async throws {
        try await Self.play(5) { stage, replicas in
            let here = try await stage.gateway(Self.yaml(replicas, Self.byUser))
            let there = try await stage.gateway(Self.yaml(replicas.reversed(), Self.byUser))
            let homes = try await Self.homes(here)
            #expect(try await Self.homes(there) == homes)
            #expect(Set(homes).count == 5)
        }
    }

    @Test("a replica that leaves moves only its own sessions, and coming back it gets the same ones")
    func removal() async throws {
        try await Self.play(5) { stage, replicas in
            let gateway = try await stage.gateway(Self.yaml(replicas, Self.byUser))
            let before = try await Self.homes(gateway)
            try await gateway.reload(Self.yaml(replicas.dropFirst(), Self.byUser))
            let after = try await Self.homes(gateway)
            for (old, new) in zip(before, after) { #expect(old == "0" ? new != "0" : new == old) }
            #expect(Set(zip(before, after).filter { $0.0 == "0" }.map(\.1)).count > 1)
            try await gateway.reload(Self.yaml(replicas, Self.byUser))
            #expect(try await Self.homes(gateway) == before)
        }
    }

    @Test("sessions of a drained replica are told that they were moved, the others are not")
    func moved() async throws {
        try await Self.play(3) { stage, replicas in
            let gateway = try await stage.gateway(Self.yaml(replicas, Self.byUser))
            let before = try await Self.homes(gateway)
            try await gateway.drain(replicas[0].1)
            let after = try await Self.homes(gateway)
            let movedCount = before.count { $0 == "0" }
            for (old, new) in zip(before, after) { #expect(old == "0" ? new != "0" : new == old) }
            let told = replicas.flatMap { $0.0.requests.entries }.count { $0.value("usher-session") == "moved" }
            #expect(told == movedCount && told > 0)
            #expect(
                try await gateway.metric("usher_service_sessions_total{service=\"web\",outcome=\"moved\"}")
                    == Double(movedCount))
            try await gateway.undrain(replicas[0].1)
            #expect(try await Self.homes(gateway) == before)
        }
    }

    @Test("at-most bounds what one replica has at once when everybody is the same user")
    func bound() async throws {
        try await Self.play(4) { stage, replicas in
            let gateway = try await stage.gateway(
                Self.yaml(replicas, "{ hash: [\"{header.x-user}\"], at-most: 125% }"))
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 {
                    group.addTask { try await gateway.ask(Text.get("/held", "X-User: same\r\n")).status }
                }
                // All are there before one is answered.
                while replicas.map({ $0.0.holds.entries.count }).reduce(0, +) < 40 {
                    try await Task.sleep(for: .milliseconds(5))
                }
                let counts = replicas.map { $0.0.holds.entries.count }
                // The average of 40 at four, times 125 %, rounded up.
                #expect((counts.max() ?? 0) <= 13)
                #expect((counts.max() ?? 0) >= 11)
                for (replica, _) in replicas { replica.letGo() }
                for try await status in group { #expect(status == 200) }
            }
            // Nothing is in flight any more: the user is at home again.
            var names: Set<String> = []
            for _ in 1...5 { names.insert(try await gateway.ask(Text.get("/", "X-User: same\r\n")).text) }
            #expect(names.count == 1)
        }
    }
}
