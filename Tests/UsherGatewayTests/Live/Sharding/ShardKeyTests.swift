import Foundation
import NIOCore
import Testing
import UsherSharding
import UsherTestKit

@Suite("Keys of sharded services", .timeLimit(.minutes(1)))
struct ShardKeyTests {
    @Test("a key is always answered by the shard that the published function says, on every gateway and in every order")
    func owner() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            let first = try await stage.gateway(shards.service() + "\nworkers: 2")
            let reversed = (0..<4).reversed().map { "s\($0): [\"\(shards.upstreams[$0][0].address)\"]" }
            let second = try await stage.gateway(
                "services: { web: { sharded: { key: \"{header.x-user}\", shards: { \(reversed.joined(separator: ", ")) "
                    + "} } } }")
            let map = try expectedMap(4)
            for number in 0..<40 {
                let owner = "s\(map.owner("user-\(number)") ?? -1)/0"
                #expect(try await first.ask(Text.get(user: "user-\(number)")).text == owner)
                #expect(try await second.ask(Text.get(user: "user-\(number)")).text == owner)
            }
        }
    }

    @Test("a request without a key is 400, and so is one whose key is empty; the others are served")
    func missing() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 3)
            let gateway = try await stage.gateway(shards.service())
            let client = try await stage.client(gateway)
            for fields in ["", "X-User:\r\n", "X-User:   \r\n"] {
                let answer = try await client.ask(Text.get("/", fields))
                #expect(answer.status == 400)
                #expect(answer.text.contains("shard key is missing"))
            }
            // Its connection is as good as before.
            #expect(try await client.ask(Text.get(user: "ada")).status == 200)
            #expect(shards.counts.reduce(0, +) == 1)
        }
    }

    @Test("a shard may be named for requests without a key")
    func missingShard() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 3)
            let gateway = try await stage.gateway(shards.service(nil, "missing: s1"))
            for _ in 0..<3 { #expect(try await gateway.ask(Text.get()).text == "s1/0") }
        }
    }

    @Test("keys of 8 KiB and keys that are no UTF-8 have a shard like all others")
    func oddKeys() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            let gateway = try await stage.gateway(shards.service() + "\nlimits: { head: 64KiB }")
            let long = String(repeating: "k", count: 8192)
            #expect(try await gateway.ask(Text.get(user: long)).text == "s\(try expectedMap(4).owner(long) ?? -1)/0")
            let client = try await stage.client(gateway)
            client.sendInBackground(.init(bytes: Array("GET / HTTP/1.1\r\nHost: a\r\nX-User: ".utf8) + [0xFF, 0xFE]))
            client.sendInBackground(.init(string: "\r\n\r\n"))
            let bytes: [UInt8] = [0xFF, 0xFE]
            let owner = try expectedMap(4).owner(of: bytes.span, ShardKey(bytes.span)) ?? -1
            #expect(try await client.receiveAnswer().text == "s\(owner)/0")
        }
    }

    @Test("letter case and spaces do not matter where the key is normalised")
    func normalised() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 5)
            let gateway = try await stage.gateway(
                shards.service(key: "\"{query.user}\"", nil, "normalise: [trim, lower]"))
            let expected = "s\(try expectedMap(5).owner("ada") ?? -1)/0"
            for user in ["ada", "ADA", "+Ada%20", "%09aDa"] {
                #expect(try await gateway.ask(Text.get("/?user=\(user)")).text == expected)
            }
        }
    }

    @Test("parts are told apart by their lengths: (ab, c) is another key than (a, bc)")
    func parts() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 16)
            let gateway = try await stage.gateway(shards.service(key: "[\"{path.1}\", \"{path.2}\"]"))
            var differ = 0
            for number in 0..<16 {
                let one = try await gateway.ask(Text.get("/ab\(number)/c")).text
                let other = try await gateway.ask(Text.get("/a/b\(number)c")).text
                if one != other { differ += 1 }
            }
            #expect(differ > 8)
            #expect(try await gateway.ask(Text.get("/alone")).status == 400)
        }
    }

    @Test("addresses of one country are one key, and those of none are one as well")
    func countries() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 8)
            let table = stage.folder + "/countries.csv"
            try "# Documentation networks\n192.0.2.0/24,DE\n198.51.100.0/24,FR\n2001:db8::/32,DE\n"
                .write(toFile: table, atomically: true, encoding: .utf8)
            let gateway = try await stage.gateway(
                shards.service(
                    key: "[{ take: \"{source-address}\", normalise: [country] }, \"{path}\"]", nil,
                    "countries: \(table)")
                    + "\nlisteners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.1] }]")
            func shard(_ address: String) async throws -> String {
                try await gateway.ask(Text.get("/page", "X-Forwarded-For: \(address)\r\n")).text
            }
            let german = try await shard("192.0.2.7")
            #expect(try await shard("192.0.2.200") == german)
            #expect(try await shard("2001:db8::1") == german)
            let unknown = try await shard("203.0.113.1")
            #expect(try await shard("203.0.113.99") == unknown)
        }
    }

    @Test("listed keys go where the file says; others nowhere, or to the shard for them", arguments: [nil, "s1"])
    func listed(unlisted: String?) async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2)
            let (first, second) = (shards.upstreams[0][0].address, shards.upstreams[1][0].address)
            let gateway = try await stage.gateway(
                """
                services:
                  web:
                    sharded:
                      key: "{path.1}"
                      function: map
                      unlisted: \(unlisted ?? "refuse")
                      shards:
                        s0: { replicas: ["\(first)"], keys: [acme, globex] }
                        s1: { replicas: ["\(second)"], keys: initech }
                """)
            #expect(try await gateway.ask(Text.get("/acme/a")).text == "s0/0")
            #expect(try await gateway.ask(Text.get("/initech")).text == "s1/0")
            let other = try await gateway.ask(Text.get("/umbrella"))
            #expect(unlisted == nil ? other.status == 404 : other.text == "s1/0")
        }
    }

    @Test("ranges take the keys between their begin and the next one's")
    func ranges() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2)
            let (first, second) = (shards.upstreams[0][0].address, shards.upstreams[1][0].address)
            let gateway = try await stage.gateway(
                """
                services:
                  web:
                    sharded:
                      key: "{path.1}"
                      function: ranges
                      shards:
                        s0: { replicas: ["\(first)"], from: ["", t] }
                        s1: { replicas: ["\(second)"], from: m }
                """)
            for (key, owner) in [("a", "s0/0"), ("lz", "s0/0"), ("m", "s1/0"), ("sz", "s1/0"), ("t", "s0/0")] {
                #expect(try await gateway.ask(Text.get("/\(key)")).text == owner)
            }
        }
    }
}
