import Testing
import UsherSharding

@Suite("Problems", .timeLimit(.minutes(1))) struct ShardMapProblemsTests {
    /// What is wrong, each with the shard that is to blame.
    private func problems(_ shards: [Shard], _ function: ShardingFunction) -> [String] {
        do {
            _ = try ShardMap(shards, function: function, ketama: MD5.digest)
            return []
        } catch {
            #expect(error.description == error.list.map(\.message).joined(separator: "; "))
            return error.list.map { "\($0.shard ?? "-"): \($0.message)" }
        }
    }

    @Test("there is at least one shard, and not too many")
    func count() {
        #expect(problems([], .ranges) == ["-: there are no shards; name at least one"])
        let many = Shard.numbered(ShardMap.shardsMaximum + 1)
        #expect(problems(many, .rendezvous) == ["-: there are 65536 shards; name at most 65535"])
        #expect(problems(many.dropLast(), .rendezvous) == [])
    }

    @Test("names are told apart, weights are in range, and all problems come at once")
    func namesAndWeights() {
        let shards = [Shard(name: "a", weight: 0), Shard(name: "b", weight: 1_000_001), Shard(name: "a")]
        #expect(
            problems(shards, .rendezvous) == [
                "a: the weight of 'a' is 0; choose one from 1 to 1000000",
                "a: two shards are named 'a'; rename one",
                "b: the weight of 'b' is 1000001; choose one from 1 to 1000000",
            ])
    }

    @Test("no weight is too large to look at", arguments: ShardingFunction.hashing)
    func extremes(function: ShardingFunction) {
        let shards = [Shard(name: "a", weight: .max), Shard(name: "b", weight: .min), Shard(name: "c")]
        #expect(problems(shards, function).count >= 2)
    }

    @Test("jump and modulo have no weights", arguments: [.jump, .modulo] as [ShardingFunction])
    func unweighted(function: ShardingFunction) {
        #expect(
            problems([Shard(name: "a"), Shard(name: "b", weight: 2)], function) == [
                "b: `\(function.name)` gives every shard the same share of the keys; leave out the weight of 'b' or "
                    + "use `rendezvous`"
            ])
    }

    @Test("a shard that would get no keys is too light", arguments: [.ring, .maglev] as [ShardingFunction])
    func light(function: ShardingFunction) {
        #expect(
            problems([Shard(name: "a", weight: 1_000_000), Shard(name: "b")], function) == [
                "b: 'b' is so light beside the others that `\(function.name)` gives it no keys; raise its weight of 1 "
                    + "or use `rendezvous`"
            ])
        #expect(problems([Shard(name: "a", weight: 1_000_000), Shard(name: "b")], .rendezvous) == [])
    }

    @Test("ranges begin with the lowest key, and each belongs to one shard")
    func ranges() {
        let shards = [
            Shard(name: "a", from: [[0x61], [0x61]]), Shard(name: "b", from: [[0x61], [0xFF]]), Shard(name: "c"),
        ]
        #expect(
            problems(shards, .ranges) == [
                "a: two entries of 'a' begin a range at 'a'; change one",
                "b: 'a' and 'b' both begin a range at 'a'; change one",
                "c: 'c' owns no range; say with `from` where one begins, or leave the shard out",
                "-: no range begins at '', so the lowest keys belong to nobody; give one shard `from: \"\"`",
            ])
    }

    @Test("a listed key belongs to one shard, and unlisted keys to one that is there")
    func lists() {
        let shards = [Shard(name: "shop", keys: [[0x6B], [0x6B]]), Shard(name: "news", keys: [[0x6B]])]
        #expect(
            problems(shards, .map(unlisted: "shpo")) == [
                "shop: 'news' and 'shop' both list the key 'k'; remove one",
                "shop: two entries of 'shop' list the key 'k'; remove one",
                "-: `unlisted` names 'shpo', which is no shard (did you mean 'shop'?)",
            ])
    }

    @Test("what a user wrote cannot bend the line")
    func escaping() {
        #expect(
            problems([Shard(name: "a\n", weight: 0)], .rendezvous) == [
                "a\n: the weight of 'a\\u{a}' is 0; choose one from 1 to 1000000"
            ])
    }
}
