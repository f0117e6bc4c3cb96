import Testing
import UsherConsole
import UsherSharding
import UsherTestKit

@Suite("Hot keys", .timeLimit(.minutes(1)))
struct HotKeyTests {
    /// Asks for one key until it is hot, with others beside it so that it is one of many.
    private static func heat(_ key: String, _ client: RawConnection, _ gateway: RunningGateway) async throws {
        let end = ContinuousClock.now + RawConnection.limit
        var number = 0
        while ContinuousClock.now < end {
            for _ in 0..<50 { _ = try await client.ask(Text.get(user: key)) }
            for _ in 0..<10 {
                _ = try await client.ask(Text.get(user: "user-\(number)"))
                number += 1
            }
            let report = try await gateway.shards()
            if report.shards.contains(where: { $0.top.contains { $0.key == key && $0.hot } }) { return }
        }
        throw TestKitError.timedOut("\(key) never got hot")
    }

    @Test("reads of a hot key are spread over its copies, and nothing else is; it is one of many again afterwards")
    func acrossShards() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 6)
            let gateway = try await stage.gateway(
                shards.service(nil, "hot-keys: { above: 30%, copies: 3, across: shards }"))
            let map = try expectedMap(6)
            let key = map.key(of: 2)
            let client = try await stage.client(gateway)
            #expect(try await client.ask(Text.get(user: key)).text == "s2/0")
            try await Self.heat(key, client, gateway)
            var seen: Set<String> = []
            for _ in 0..<200 { seen.insert(try await client.ask(Text.get(user: key)).text) }
            let bytes = Array(key.utf8)
            let copies = map.order(of: bytes.span, ShardKey(bytes.span), atMost: 3)
            // The owner has had its part already, so the others come first.
            #expect(seen.count > 1 && seen.isSubset(of: Set(copies.map { "s\($0)/0" })))
            let post = "POST / HTTP/1.1\r\nHost: a\r\nX-User: \(key)\r\nContent-Length: 0\r\n\r\n"
            for _ in 0..<20 { #expect(try await client.ask(post).text == "s2/0") }
            let other = map.key(of: 2, from: 1000)
            for _ in 0..<20 { #expect(try await client.ask(Text.get(user: other)).text == "s2/0") }
            try await gateway.wait(forShards: { $0.shards[2].spread > 0 })
            // Nobody asks for it any more: after two generations of counts it is forgotten.
            var number = 0
            try await gateway.wait(forShards: { !$0.shards[2].top.contains { $0.hot } })
            while number < 10 {
                #expect(try await client.ask(Text.get(user: key)).text == "s2/0")
                number += 1
            }
        }
    }

    @Test("across replicas every key has its replica in its shard, and a hot one has several")
    func acrossReplicas() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2, replicas: 3)
            let gateway = try await stage.gateway(shards.service(nil, "hot-keys: { above: 30%, copies: 2 }"))
            let client = try await stage.client(gateway)
            var homes: [String: Int] = [:]
            for number in 0..<60 {
                let key = "user-\(number)"
                let first = try await client.ask(Text.get(user: key)).text
                for _ in 0..<3 { #expect(try await client.ask(Text.get(user: key)).text == first) }
                homes[first, default: 0] += 1
            }
            #expect(homes.count == 6)
            let key = try expectedMap(2).key(of: 1)
            try await Self.heat(key, client, gateway)
            var seen: Set<String> = []
            for _ in 0..<100 { seen.insert(try await client.ask(Text.get(user: key)).text) }
            #expect(seen.count == 2 && seen.allSatisfy { $0.hasPrefix("s1/") })
        }
    }

    @Test("another threshold of a reload counts from then on")
    func otherThreshold() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            func yaml(_ above: String) -> String {
                shards.service(nil, "hot-keys: { above: \(above), copies: 3, across: shards }")
            }
            let gateway = try await stage.gateway(yaml("100%"))
            let key = try expectedMap(4).key(of: 2)
            let client = try await stage.client(gateway)
            for _ in 0..<300 { _ = try await client.ask(Text.get(user: key)) }
            try await gateway.reload(yaml("20%"))
            try await Self.heat(key, client, gateway)
        }
    }

    @Test("a replica that is gone hands its keys to others of its shard")
    func affinityWithoutReplica() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 1, replicas: 3)
            let gateway = try await stage.gateway(shards.service(nil, "hot-keys: { above: 90%, copies: 2 }"))
            await shards.upstreams[0][1].stop()
            for number in 0..<30 {
                #expect(try await gateway.ask(Text.get(user: "user-\(number)")).status == 200)
            }
        }
    }
}
