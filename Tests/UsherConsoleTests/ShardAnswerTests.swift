import FoundationEssentials
import Testing

@testable import UsherConsole

@Suite("Shards in the API", .timeLimit(.minutes(1)))
struct ShardAnswerTests {
    @Test("sharded services have the keys of the contract, and leave out what is not known")
    func shards() async throws {
        try await withServer { port in
            let answer = try await get(port, "/api/v1/shards")
            let service = try #require((try answer.json["services"] as? [[String: Any]])?.first)
            #expect(service["service"] as? String == "profiles")
            #expect(service["function"] as? String == "rendezvous")
            #expect(service["epoch"] as? Int == 3)
            #expect(service["dual-read-until"] as? Int == 1_795_390_800)
            for (key, value) in [
                ("moved", 0.2513), ("expected-peak-to-mean", 1.02), ("peak-to-mean", 1.31), ("dark", 0.3333),
                ("window-seconds", 60),
            ] {
                #expect(service[key] as? Double == value, "\(key)")
            }
            let shards = try #require(service["shards"] as? [[String: Any]])
            #expect(shards.map { $0["name"] as? String } == ["s0", "s1", "s2"])
            for (key, value) in [
                ("weight", 1), ("keys", 0.333), ("ready", 1), ("replicas", 2), ("requests", 1234),
                ("requests-per-second", 12_345), ("busy", 2.5), ("bytes-per-second", 1_048_576), ("spread", 0),
                ("overflowed", 7), ("asked-earlier", 5),
            ] {
                #expect(shards[1][key] as? Double == value, "\(key)")
            }
            let top = try #require(shards[0]["top"] as? [[String: Any]])
            #expect(top.map { $0["key"] as? String } == ["ada", "bob", "eve"])
            #expect(top.map { $0["hot"] as? Bool } == [true, true, false])
            #expect(top[0]["share"] as? Double == 0.41)
            let decoded = try JSONDecoder().decode(ShardList.self, from: Data(answer.body.utf8))
            #expect(decoded.services == (await ScriptedSource().shards()))
        }
        var unknown = try #require(await ScriptedSource().shards().first)
        unknown.moved = nil
        unknown.dualReadUntil = nil
        unknown.peakToMean = nil
        let text = String(decoding: try JSONEncoder().encode(unknown), as: UTF8.self)
        #expect(!text.contains("moved") && !text.contains("until") && !text.contains(#""peak-to-mean""#))
    }

    @Test("a service says that it is sharded, and one that is not says nothing of it")
    func services() async throws {
        try await withServer { port in
            let list = try await get(port, "/api/v1/services").json
            let services = try #require(list["services"] as? [[String: Any]])
            #expect(services.map { $0["shards"] as? Int } == [nil, 3, nil, nil, nil])
            #expect(services.map { $0["dark"] as? Double } == [nil, 0.3333, nil, nil, nil])
            #expect(services[0]["shards"] == nil && services[0]["dark"] == nil)
            #expect(services[1]["pattern"] as? String == "sharded")
        }
    }

    @Test("the page shows them, and its script stands in it whole")
    func page() async throws {
        try await withServer { port in
            let page = try await get(port, "/").body
            #expect(page.contains(#"<section id="shards"></section>"#))
            #expect(page.contains(ConsolePage.shardScript))
            #expect(page.contains(#""services", "shards", "caches""#))
        }
    }
}
