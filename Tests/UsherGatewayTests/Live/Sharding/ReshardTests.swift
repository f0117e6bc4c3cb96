import Foundation
import Testing
import UsherConsole
import UsherSharding
import UsherTestKit

@Suite("Maps that change", .timeLimit(.minutes(2)))
struct ReshardTests {
    private static func later(_ seconds: Int) -> String {
        Date(timeIntervalSinceNow: Double(seconds)).formatted(.iso8601)
    }

    @Test("a fifth shard takes a fifth of the keys and no other key moves; the epoch and the share are told")
    func fifth() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 5)
            let gateway = try await stage.gateway(shards.service(0..<4))
            #expect(try await gateway.shards().epoch == 1)
            var before: [String] = []
            for number in 0..<80 { before.append(try await gateway.ask(Text.get(user: "user-\(number)")).text) }
            #expect(try await gateway.reload(shards.service(0..<5)).outcome == "applied")
            for number in 0..<80 {
                let now = try await gateway.ask(Text.get(user: "user-\(number)")).text
                #expect(now == before[number] || now == "s4/0")
            }
            let report = try await gateway.shards()
            #expect(report.epoch == 2 && report.shards.count == 5)
            #expect(abs((report.moved ?? 0) - 0.2) < 0.01)
            // What is not about the map makes no new one.
            try await gateway.reload(shards.service(0..<5, "overflow: next"))
            #expect(try await gateway.shards().epoch == 2)
        }
    }

    @Test("addresses that move take no key along")
    func movedAddresses() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 3)
            let others = try await Shards(stage, 3)
            let gateway = try await stage.gateway(shards.service())
            try await gateway.reload(others.service())
            let map = try expectedMap(3)
            for number in 0..<30 {
                let owner = map.owner("user-\(number)") ?? -1
                #expect(try await gateway.ask(Text.get(user: "user-\(number)")).text == "s\(owner)/0")
            }
            #expect(shards.counts == [0, 0, 0] && others.counts.reduce(0, +) == 30)
            #expect(try await gateway.shards().epoch == 1)
        }
    }

    @Test("with `dual-read` the owner of before is asked after a 404 to a GET, and nobody else and nothing else")
    func dualRead() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 5)
            let gateway = try await stage.gateway(shards.service(0..<4))
            let until = "dual-read: { until: \"\(Self.later(3600))\" }"
            try await gateway.reload(shards.service(0..<5, until))
            shards.replicas[4][0].answers("404 Not Found")
            let (old, new) = (try expectedMap(4), try expectedMap(5))
            let moved = (0...).lazy.map { "user-\($0)" }.first { new.owner($0) == 4 } ?? ""
            let answer = try await gateway.ask(Text.get(user: moved))
            #expect(answer.status == 200 && answer.text == "s\(old.owner(moved) ?? -1)/0")
            #expect(shards.counts[4] == 1)
            // An owner of before that has it neither says so itself.
            shards.replicas[old.owner(moved) ?? 0][0].answers("404 Not Found")
            #expect(try await gateway.ask(Text.get(user: moved)).status == 404)
            // One that is down leaves it open whether there is a value.
            await shards.stop(old.owner(moved) ?? 0)
            for _ in 0..<2 {
                let status = try await gateway.ask(Text.get(user: moved)).status
                #expect(status == 502 || status == 503)
            }
            // What changes something is the new owner's alone.
            let post = "POST / HTTP/1.1\r\nHost: a\r\nX-User: \(moved)\r\nContent-Length: 0\r\n\r\n"
            #expect(try await gateway.ask(post).text == "s4/0")
            try await gateway.wait(forShards: { $0.shards[4].askedEarlier == 4 })
        }
    }

    @Test("a key that is made otherwise is a change of the map, and earlier shards are found by the earlier key")
    func otherKey() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            let gateway = try await stage.gateway(shards.service())
            let map = try expectedMap(4)
            let (user, tenant) = (map.key(of: 1), map.key(of: 2))
            let fields = "X-Tenant: \(tenant)\r\n"
            #expect(try await gateway.ask(Text.get(user: user, "/", fields)).text == "s1/0")
            try await gateway.reload(
                shards.service(
                    key: "\"{header.x-tenant}\"", nil, "dual-read: { until: \"\(Self.later(3600))\" }"))
            #expect(try await gateway.shards().epoch == 2)
            #expect(try await gateway.ask(Text.get(user: user, "/", fields)).text == "s2/0")
            shards.replicas[2][0].answers("404 Not Found")
            #expect(try await gateway.ask(Text.get(user: user, "/", fields)).text == "s1/0")
        }
    }

    @Test("404s of the new owner are read to their end, so that their connections are used again")
    func connectionsOfMissing() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 5)
            let gateway = try await stage.gateway(shards.service(0..<4))
            try await gateway.reload(shards.service(0..<5, "dual-read: { until: \"\(Self.later(3600))\" }"))
            shards.replicas[4][0].answers("404 Not Found")
            let new = try expectedMap(5)
            let moved = (0...).lazy.map { "user-\($0)" }.first { new.owner($0) == 4 } ?? ""
            let client = try await stage.client(gateway)
            for _ in 0..<20 { #expect(try await client.ask(Text.get(user: moved)).status == 200) }
            #expect(shards.upstreams[4][0].connections.entries.count == 1)
        }
    }

    @Test("what a reload has taken away is not waited for", arguments: ["overflow", "earlier"])
    func takenAway(what: String) async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 3)
            let isAsked = Signal()
            let isGone = Signal()
            // The first shard begins with an answer when the reload has come.
            let slow = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if request.target == "/slow" {
                        isAsked.fire()
                        try await isGone.wait()
                        if what == "overflow" { return }
                    }
                    try await peer.send(Text.answer("", status: "404 Not Found"))
                }
            }
            func yaml(_ list: String, _ more: String) -> String {
                "services: { web: { sharded: { key: \"{header.x-user}\", shards: { \(list) }\(more) } } }"
            }
            let others = "s1: [\"\(shards.upstreams[1][0].address)\"], s2: [\"\(shards.upstreams[2][0].address)\"]"
            let s0 = "s0: [\"\(slow.address)\"]"
            let until = ", dual-read: { until: \"\(Self.later(3600))\" }"
            let key: String
            let gateway: RunningGateway
            switch what {
            case "earlier":
                gateway = try await stage.gateway(yaml(others, ""))
                try await gateway.reload(yaml(s0, until))
                key = "ada"
            default:
                gateway = try await stage.gateway(yaml("\(s0), \(others)", ", overflow: next"))
                key = try expectedMap(3).key(of: 0)
            }
            let client = try await stage.client(gateway)
            try await client.send(Text.get(user: key, "/slow"))
            try await isAsked.wait()
            try await gateway.reload(yaml(s0, ""))
            isGone.fire()
            // Long before `timeouts.total`.
            let status = try await client.receiveAnswer().status
            #expect(what == "overflow" ? status == 502 || status == 503 : status == 404)
        }
    }

    @Test("a shard that left the file stays reachable until `dual-read` is over, and no longer")
    func leavingShard() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            let gateway = try await stage.gateway(shards.service(0..<4))
            for replica in shards.replicas.prefix(3) { replica[0].answers("404 Not Found") }
            let key = try expectedMap(4).key(of: 3)
            try await gateway.reload(shards.service(0..<3, "dual-read: { until: \"\(Self.later(10))\" }"))
            #expect(try await gateway.ask(Text.get(user: key)).text == "s3/0")
            try await gateway.wait(forShards: { $0.dualReadUntil == nil })
            #expect(try await gateway.ask(Text.get(user: key)).status == 404)
            try await gateway.wait(
                for: "usher_endpoint_ready{service=\"web/s3\",endpoint=\"\(shards.upstreams[3][0].address)\"}",
                toBe: nil)
        }
    }

    @Test("maps are swapped a hundred times under load, and no request is lost or answered by a shard of neither map")
    func underLoad() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 5)
            let gateway = try await stage.gateway(shards.service(0..<4) + "\nworkers: 2")
            let (old, new) = (try expectedMap(4), try expectedMap(5))
            let asked = try await withThrowingTaskGroup(of: Int.self) { group in
                let isOver = Signal()
                for worker in 0..<4 {
                    group.addTask {
                        let client = try await stage.client(gateway)
                        var count = 0
                        while !isOver.hasFired {
                            let key = "user-\(worker)-\(count % 500)"
                            let answer = try await client.ask(Text.get(user: key))
                            guard
                                answer.text == "s\(old.owner(key) ?? -1)/0"
                                    || answer.text == "s\(new.owner(key) ?? -1)/0"
                            else { throw TestKitError.malformed("\(key): \(answer.status) \(answer.text)") }
                            count += 1
                        }
                        return count
                    }
                }
                for turn in 0..<100 {
                    #expect(
                        try await gateway.reload(shards.service(turn % 2 == 0 ? 0..<5 : 0..<4)).outcome == "applied")
                }
                isOver.fire()
                return try await group.reduce(0, +)
            }
            #expect(asked > 100)
            #expect(try await gateway.shards().epoch == 101)
        }
    }
}
