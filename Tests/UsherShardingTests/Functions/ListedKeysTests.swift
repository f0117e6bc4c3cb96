import Testing
import UsherCore
import UsherSharding

@Suite("Ranges and lists", .timeLimit(.minutes(1))) struct ListedKeysTests {
    @Test("a key belongs to the range that begins last at or before it", arguments: 1...20 as ClosedRange<UInt64>)
    func ranges(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        // Few letters and lengths, so that keys and beginnings are often equal or begin each other.
        func key() -> [UInt8] { (0..<random.below(4)).map { _ in [0x00, 0x61, 0x7F, 0x80, 0xFF][random.below(5)] } }
        let starts = Set((0..<random.below(40)).map { _ in key() } + [[]])
        var shards = Shard.numbered(1 + random.below(5))
        for (number, start) in starts.enumerated() { shards[number % shards.count].from.append(start) }
        shards.removeAll { $0.from.isEmpty }
        let map = try ShardMap(shards, .ranges)
        for _ in 0..<200 {
            let key = key()
            let last = starts.filter { !key.lexicographicallyPrecedes($0) }
                .max { $0.lexicographicallyPrecedes($1) }
            #expect(map.owner(key) == shards.first { $0.from.contains(last ?? []) }?.name, "seed \(seed), \(key)")
        }
    }

    @Test("a listed key belongs to the shard that lists it, and others to the one for unlisted keys")
    func lists() throws {
        let long = [UInt8](repeating: 0x61, count: 8192)
        var shards = Shard.numbered(3)
        shards[0].keys = [[], long]
        shards[1].keys = (0..<5_000).map { Array("user-\($0)".utf8) }
        let strict = try ShardMap(shards, .map(unlisted: nil))
        let lax = try ShardMap(shards, .map(unlisted: "s2"))
        for map in [strict, lax] {
            #expect(map.owner([]) == "s0")
            #expect(map.owner(long) == "s0")
            for number in 0..<5_000 { #expect(map.owner("user-\(number)") == "s1") }
        }
        for key in [Array("user-5000".utf8), [0xFF, 0xFE], long + [0x61], Array(long.dropLast())] {
            #expect(strict.owner(key) == nil)
            #expect(lax.owner(key) == "s2")
        }
    }

    @Test("without listed keys all are unlisted")
    func empty() throws {
        #expect(try ShardMap(Shard.numbered(2), .map(unlisted: "s1")).owner("a") == "s1")
        #expect(try ShardMap(Shard.numbered(2), .map(unlisted: nil)).owner("a") == nil)
    }
}
