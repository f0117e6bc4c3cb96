import Testing
import UsherCore
import UsherSharding

@Suite("Balance", .timeLimit(.minutes(2))) struct BalanceTests {
    private static let even: [ShardingFunction] = [.rendezvous, .maglev, .jump, .modulo]

    @Test("keys fall evenly", arguments: even, [2, 3, 10, 100, 1000])
    func evenly(function: ShardingFunction, count: Int) throws {
        let mean = max(20, 10_000 / count)
        let counts = owners(in: try ShardMap(Shard.numbered(count), function), keys: mean * count)
        let chi = counts.reduce(0.0) { $0 + Double(($1 - mean) * ($1 - mean)) / Double(mean) }
        let freedom = Double(count - 1)
        // Above once in thirty thousand times.
        #expect(chi < freedom + 4 * (2 * freedom).squareRoot() + 11, "\(function.name): \(chi)")
    }

    @Test("keys fall by weight", arguments: [.rendezvous, .maglev] as [ShardingFunction])
    func byWeight(function: ShardingFunction) throws {
        let shards = (0..<20).map { Shard(name: "s\($0)", weight: [1, 2, 5, 40][$0 % 4]) }
        let keys = 60_000
        let counts = owners(in: try ShardMap(shards, function), keys: keys)
        let total = shards.reduce(0) { $0 + $1.weight }
        for (shard, count) in zip(shards, counts) {
            let mean = Double(keys * shard.weight / total)
            #expect(abs(Double(count) - mean) < 4.5 * mean.squareRoot(), "\(shard.name): \(count) of \(mean)")
        }
    }

    @Test("shares are told for functions of hashes, and add up to all", arguments: ShardingFunction.hashing)
    func shares(function: ShardingFunction) throws {
        let map = try ShardMap(Shard.numbered(100), function)
        let shares = try #require(map.shares)
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
        let peak = try #require(map.peakToMean)
        #expect(function == .ring ? (1.1...1.4).contains(peak) : peak <= 1.01, "\(peak)")
    }

    @Test("shares of ranges and lists depend on the keys, so they are not told")
    func unknown() throws {
        let ranges = try ShardMap([Shard(name: "a", from: [[]])], .ranges)
        let lists = try ShardMap([Shard(name: "a")], .map(unlisted: nil))
        for map in [ranges, lists] {
            #expect(map.shares == nil)
            #expect(map.peakToMean == nil)
        }
    }
}
