import Testing
import UsherConsole
import UsherTestKit

@Suite("Shards that fail", .timeLimit(.minutes(1)))
struct ShardFailureTests {
    @Test("a replica of a shard that is gone costs no answer, and no other shard gets its keys")
    func replicaGone() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 3, replicas: 2)
            let gateway = try await stage.gateway(shards.service())
            let map = try expectedMap(3)
            await shards.upstreams[1][0].stop()
            for number in 0..<60 {
                let answer = try await gateway.ask(Text.get(user: "user-\(number)"))
                #expect(answer.status == 200)
                #expect(answer.text.hasPrefix("s\(map.owner("user-\(number)") ?? -1)/"))
            }
        }
    }

    @Test("a shard that is gone is 502 or 503 for its keys only, and the report says which share of keys that is")
    func shardGone() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4, replicas: 2)
            let gateway = try await stage.gateway(shards.service())
            let map = try expectedMap(4)
            await shards.stop(2)
            for number in 0..<60 {
                let owner = map.owner("user-\(number)") ?? -1
                let status = try await gateway.ask(Text.get(user: "user-\(number)")).status
                #expect(owner == 2 ? status == 502 || status == 503 : status == 200)
            }
            try await gateway.wait(forShards: { $0.dark == 0.25 && $0.shards[2].ready == 0 })
            // Three quarters of the keys are served: this is no gateway to be taken out.
            #expect(try await gateway.admin("/readyz").status == 200)
            let told = try await gateway.explain("http://a.example/", ["X-User: \(map.key(of: 2))"])
            #expect(told.phases.last?.decision.contains("too few are ready") == true)
        }
    }

    @Test("with `overflow: next` the keys of a shard that is gone are parted among the others, each always to the same")
    func overflow() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            let gateway = try await stage.gateway(shards.service(nil, "overflow: next"))
            let map = try expectedMap(4)
            await shards.stop(0)
            var seen: [String: Int] = [:]
            for number in 0..<200 where map.owner("user-\(number)") == 0 {
                let first = try await gateway.ask(Text.get(user: "user-\(number)"))
                #expect(first.status == 200)
                #expect(try await gateway.ask(Text.get(user: "user-\(number)")).text == first.text)
                seen[first.text, default: 0] += 1
            }
            #expect(seen.keys.sorted() == ["s1/0", "s2/0", "s3/0"])
            let report = try await gateway.shards()
            #expect(report.dark == 0)
            try await gateway.wait(forShards: { $0.shards[0].overflowed > 0 })
        }
    }

    @Test("with `overflow: next` an answer of 503 and a full queue lead on to the next shard as well")
    func overflowOfBusy() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2)
            let gateway = try await stage.gateway(
                shards.service(nil, "overflow: next", beside: "connections: { per-replica: 1, queue: 0 }"))
            let key = try expectedMap(2).key(of: 0)
            shards.replicas[0][0].answers("503 Busy")
            #expect(try await gateway.ask(Text.get(user: key)).text == "s1/0")
            shards.replicas[0][0].answers("200 OK")
            let client = try await stage.client(gateway)
            try await client.send(Text.get(user: key, "/held"))
            try await shards.replicas[0][0].holds.wait(for: 1)
            #expect(try await gateway.ask(Text.get(user: key)).text == "s1/0")
            shards.replicas[0][0].letGo()
            #expect(try await client.receiveAnswer().text == "s0/0")
        }
    }

    @Test("what is sent on to the next shard never goes to the same dead address again")
    func sameAddress() async throws {
        try await onStage { stage in
            let alive = try await stage.upstream(Replica("alive"))
            let (dead, other) = (try RefusingPort(), try RefusingPort())
            let address = "\(dead.address)"
            let gateway = try await stage.gateway(
                """
                services:
                  web:
                    sharded:
                      key: "{header.x-user}"
                      overflow: next
                      shards:
                        { s0: ["\(address)"], s1: ["\(other.address)"], s2: ["\(address)"], s3: ["\(alive.address)"] }
                """)
            for number in 0..<40 {
                let answer = try await gateway.ask(Text.get(user: "user-\(number)"))
                #expect(answer.text == "alive")
            }
            try await gateway.stop()
            // Each of the two dead places was tried once by a request at most, and the third one answered.
            #expect(try gateway.accessLog().allSatisfy { ($0["attempts"] as? Int ?? 0) <= 3 })
        }
    }

    @Test("with `at-most` a shard that has too much to do sends keys on to the next one")
    func bounded() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 3)
            let gateway = try await stage.gateway(shards.service(nil, "overflow: next, at-most: 110%"))
            let key = try expectedMap(3).key(of: 1)
            var clients: [RawConnection] = []
            for _ in 0..<9 {
                clients.append(try await stage.client(gateway))
                try await clients.last?.send(Text.get(user: key, "/held"))
            }
            for replica in shards.replicas { try await replica[0].holds.wait(for: 2) }
            for replica in shards.replicas { replica[0].letGo() }
            for client in clients { #expect(try await client.receiveAnswer().status == 200) }
            // Three of nine are the average, and a tenth more is one more.
            #expect(shards.counts.reduce(0, +) == 9 && shards.counts.allSatisfy { $0 <= 4 }, "\(shards.counts)")
        }
    }

    @Test("a replica is drained by the name of the whole service or of its shard")
    func drained() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2, replicas: 2)
            let gateway = try await stage.gateway(shards.service())
            #expect(try await gateway.drain(shards.upstreams[0][0]).status == 200)
            let key = try expectedMap(2).key(of: 0)
            for _ in 0..<6 { #expect(try await gateway.ask(Text.get(user: key)).text == "s0/1") }
            #expect(try await gateway.undrain(shards.upstreams[0][0]).status == 200)
        }
    }

    @Test("services, shards and replicas stand in the access log, explanations say why")
    func told() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 3)
            let gateway = try await stage.gateway(shards.service())
            let key = try expectedMap(3).key(of: 1)
            #expect(try await gateway.ask(Text.get(user: key)).status == 200)
            #expect(try await gateway.metric("usher_requests_total{service=\"web\",route=\"*\",code=\"2xx\"}") == 1)
            let told = try await gateway.explain("http://a.example/", ["X-User: \(key)"])
            #expect(told.phases.contains { $0.decision.contains("shard s1 owns the key '\(key)' by rendezvous") })
            #expect(told.replica == "\(shards.upstreams[1][0].address)")
            try await gateway.stop()
            let line = try #require(try gateway.accessLog().first)
            #expect(line["service"] as? String == "web" && line["shard"] as? String == "s1")
            #expect(line["replica"] as? String == "\(shards.upstreams[1][0].address)")
        }
    }
}
