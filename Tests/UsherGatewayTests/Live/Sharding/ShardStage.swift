import Foundation
import UsherConsole
import UsherSharding
import UsherTestKit

/// Shards of replicas that say their names, such as `s0/1` for the second replica of the first shard.
final class Shards: Sendable {
    let replicas: [[Replica]]
    let upstreams: [[ScriptedUpstream]]

    init(_ stage: Stage, _ count: Int, replicas perShard: Int = 1) async throws {
        var replicas: [[Replica]] = []
        var upstreams: [[ScriptedUpstream]] = []
        for shard in 0..<count {
            replicas.append((0..<perShard).map { Replica("s\(shard)/\($0)") })
            var started: [ScriptedUpstream] = []
            for replica in replicas[shard] { started.append(try await stage.upstream(replica)) }
            upstreams.append(started)
        }
        (self.replicas, self.upstreams) = (replicas, upstreams)
    }

    /// As the configuration lists them.
    ///
    /// - Parameter range: nil: all.
    func yaml(_ range: Range<Int>? = nil) -> String {
        let shards = (range ?? self.upstreams.indices).map { shard in
            let addresses = self.upstreams[shard].map { "\"\($0.address)\"" }.joined(separator: ", ")
            return "s\(shard): [\(addresses)]"
        }
        return "{ \(shards.joined(separator: ", ")) }"
    }

    /// A configuration with one sharded service of all of them.
    ///
    /// - Parameters:
    ///   - more: keys of `sharded`.
    ///   - beside: keys that stand beside it.
    func service(
        key: String = "\"{header.x-user}\"", _ range: Range<Int>? = nil, _ more: String = "", beside: String = ""
    ) -> String {
        let more = more.isEmpty ? "" : ", " + more
        let beside = beside.isEmpty ? "" : ", " + beside
        return "services: { web: { sharded: { key: \(key), shards: \(self.yaml(range))\(more) }\(beside) } }"
    }

    /// How many requests each shard got.
    var counts: [Int] { self.replicas.map { $0.reduce(0) { $0 + $1.requests.entries.count } } }

    func stop(_ shard: Int) async {
        for upstream in self.upstreams[shard] { await upstream.stop() }
    }
}

/// A map as the gateway should have it, made from nothing but names.
func expectedMap(_ count: Int) throws -> ShardMap {
    try ShardMap((0..<count).map { Shard(name: "s\($0)") }, function: .rendezvous) { _ in .zero }
}

extension ShardMap {
    func owner(_ key: String) -> Int? {
        let bytes = Array(key.utf8)
        return self.owner(of: bytes.span, ShardKey(bytes.span))
    }

    /// A key that this shard owns.
    func key(of shard: Int, from start: Int = 0) -> String {
        let number = (start...).first { self.owner("user-\($0)") == shard }
        return "user-\(number ?? -1)"
    }
}

extension Text {
    static func get(user: String, _ target: String = "/", _ fields: String = "") -> String {
        self.get(target, "X-User: \(user)\r\n" + fields)
    }
}

extension RunningGateway {
    func shards() async throws -> ShardedServiceReport {
        let answer = try await self.admin("/api/v1/shards")
        let list = try JSONDecoder().decode(ShardList.self, from: Data(answer.text.utf8))
        guard let first = list.services.first else { throw TestKitError.malformed(answer.text) }
        return first
    }

    /// Waits until the report of the sharded service is as a test needs it.
    func wait(forShards condition: (ShardedServiceReport) -> Bool) async throws {
        let end = ContinuousClock.now + RawConnection.limit
        while ContinuousClock.now < end {
            if condition(try await self.shards()) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw TestKitError.timedOut("shards: \(try await self.shards())")
    }
}
