import Testing

@testable import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct MaglevTableTests {
    @Test(
        "the table's size is a prime with a hundred places a shard",
        arguments: [(1, 65_537), (655, 65_537), (656, 262_147), (2622, 1_048_583), (65_535, 8_388_617)])
    func size(shards: Int, size: Int) {
        #expect(MaglevTable.size(shards: shards) == size)
    }

    @Test("shares are within 1 % of what weights ask for", arguments: [1, 2, 3, 10, 100, 655, 700], [1, 5])
    func shares(count: Int, weights: Int) throws {
        let shards = (0..<count).map { Shard(name: "s\($0)", weight: 1 + $0 % weights) }
        let map = try ShardMap(shards, .maglev)
        let total = Double(shards.reduce(0) { $0 + $1.weight })
        let shares = try #require(map.shares)
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
        let size = Double(MaglevTable.size(shards: count))
        for (shard, share) in zip(map.shards, shares) {
            let wanted = Double(shard.weight) / total
            // A round's turns are the shard's part of one turn a shard, and one more.
            #expect(abs(share - wanted) <= (wanted * Double(count) + 1) / size, "\(shard.name)")
        }
        if weights == 1 { #expect(try #require(map.peakToMean) <= 1.01) }
    }

    @Test("one heavy shard among many light ones gets its part, and they get theirs")
    func heavy() throws {
        let shards = [Shard(name: "heavy", weight: 1000)] + Shard.numbered(1000)
        let shares = try #require(try ShardMap(shards, .maglev).shares)
        #expect(abs(shares[0] - 0.5) < 0.01)
        #expect(shares.dropFirst().allSatisfy { $0 > 0.0004 && $0 < 0.0006 })
    }
}
