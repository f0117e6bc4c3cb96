import Testing
import UsherCore
import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct ShardMapTests {
    /// Five shards as a function wants them.
    private static func shards(under function: ShardingFunction) -> [Shard] {
        let starts: [[UInt8]] = [[], [0x40], [0x60], [0x80, 0xFF], [0xC0]]
        return Shard.numbered(5).enumerated().map { index, shard in
            switch function {
            case .ranges: Shard(name: shard.name, from: [starts[index]])
            case .map: Shard(name: shard.name, keys: [[UInt8(index)]])
            default: shard
            }
        }
    }

    private static let all = ShardingFunction.hashing + [.ranges, .map(unlisted: "s3"), .map(unlisted: nil)]

    @Test("the order of the list does not matter", arguments: all)
    func listOrder(function: ShardingFunction) throws {
        var random = SeededRandom(seed: 1)
        let shards = Self.shards(under: function)
        let map = try ShardMap(shards, function)
        let other = try ShardMap(shards.shuffled(using: &random), function)
        #expect(map.shards == other.shards)
        for number in 0..<2_000 {
            let key = Array("user-\(number)".utf8)
            #expect(map.owner(key) == other.owner(key), "\(number)")
        }
    }

    @Test("shards lie in natural order of their names")
    func naturalOrder() throws {
        let map = try ShardMap(["s10", "s2", "s1", "a"].map { Shard(name: $0) }, .jump)
        #expect(map.shards.map(\.name) == ["a", "s1", "s2", "s10"])
    }

    @Test("a key's order begins with its owner and names every shard once", arguments: all)
    func keyOrder(function: ShardingFunction) throws {
        let map = try ShardMap(Self.shards(under: function), function)
        for number in 0..<200 {
            let key = Array("user-\(number)".utf8)
            let order = map.order(key, atMost: 9)
            #expect(order.first == map.owner(key))
            #expect(order.isEmpty ? map.owner(key) == nil : Set(order).count == 5 && order.count == 5)
            #expect(map.order(key, atMost: 2) == Array(order.prefix(2)))
            #expect(map.order(key, atMost: 0).isEmpty)
        }
    }
}
