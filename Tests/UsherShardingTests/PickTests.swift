import Testing
import UsherCore
import UsherSharding

@Suite("Picking", .timeLimit(.minutes(1))) struct PickTests {
    @Test(
        "the first in the key's order that is available and not full, else the first that is available",
        arguments: ShardingFunction.hashing + [.map(unlisted: "s3")])
    func rule(function: ShardingFunction) throws {
        var random = SeededRandom(seed: 5)
        let map = try ShardMap(Shard.numbered(8), function)
        for number in 0..<1_000 {
            let key = Array("user-\(number)".utf8)
            let hash = ShardKey(key.span)
            let share = random.below(11)
            let available = Set((0..<8).filter { _ in random.below(10) < share })
            let full = Set((0..<8).filter { _ in random.below(10) < share })
            let order = map.order(of: key.span, hash, atMost: 8).filter(available.contains)
            let picked = map.pick(for: key.span, hash, isAvailable: available.contains, isFull: full.contains)
            #expect(picked == order.first { !full.contains($0) } ?? order.first, "seed 5, \(number)")
        }
    }

    @Test("in the ordinary case one shard is asked about", arguments: ShardingFunction.hashing)
    func questions(function: ShardingFunction) throws {
        let map = try ShardMap(Shard.numbered(100), function)
        let key = Array("user-1".utf8)
        var asked: [Int] = []
        let picked = map.pick(for: key.span, ShardKey(key.span)) { index in
            asked.append(index)
            return true
        }
        #expect(asked == [picked])
    }

    @Test("what nobody owns is not picked, and nobody is picked when none is available")
    func nobody() throws {
        let key = Array("user-1".utf8)
        let hash = ShardKey(key.span)
        let lists = try ShardMap(Shard.numbered(2), .map(unlisted: nil))
        #expect(lists.pick(for: key.span, hash, isAvailable: { _ in true }) == nil)
        #expect(lists.order(of: key.span, hash, atMost: 2) == [])
        for function in ShardingFunction.hashing {
            let map = try ShardMap(Shard.numbered(100), function)
            #expect(map.pick(for: key.span, hash, isAvailable: { _ in false }) == nil)
        }
    }

    @Test("of a hash alone the answer is the same, or none where the bytes are needed")
    func hashes() throws {
        let key = Array("user-1".utf8)
        let hash = ShardKey(key.span)
        for function in ShardingFunction.hashing {
            let map = try ShardMap(Shard.numbered(10), function)
            let needsBytes = function == .ring
            #expect(map.owner(of: hash) == (needsBytes ? nil : map.owner(of: key.span, hash)))
            let order = map.order(of: key.span, hash, atMost: 4)
            #expect(map.order(of: hash, atMost: 4) == (needsBytes ? nil : order))
        }
        #expect(try ShardMap(Shard.numbered(1), .map(unlisted: "s0")).order(of: hash, atMost: 1) == nil)
    }

    @Test("the keys of a shard that is gone fall to all others", arguments: ShardingFunction.hashing)
    func spread(function: ShardingFunction) throws {
        let map = try ShardMap(Shard.numbered(10), function)
        var heirs = [Int](repeating: 0, count: 10)
        for number in 0..<20_000 {
            let key = Array("user-\(number)".utf8)
            let hash = ShardKey(key.span)
            guard map.owner(of: key.span, hash) == 4 else { continue }
            if let next = map.pick(for: key.span, hash, isAvailable: { $0 != 4 }) { heirs[next] += 1 }
        }
        let mean = heirs.reduce(0, +) / 9
        #expect(heirs[4] == 0)
        for (index, count) in heirs.enumerated() where index != 4 {
            #expect(count > mean / 3 && count < mean * 2, "\(function.name): \(heirs)")
        }
    }
}
