/// Maglev hashing (Eisenbud and others, NSDI 2016, §3.4): shards take turns to claim places of a table, each the next
/// free one of its own permutation of all places; a key's owner stands at its hash's remainder.
///
/// In a round a shard of mean weight has one turn, a heavier one more and a lighter one sometimes none, so that every
/// part is within one round's of what its weight asks for: within 1 %. A shard that comes or goes moves a few places of
/// others as well.
struct MaglevTable: Sendable {
    /// By place, the index of its owner.
    let places: [UInt16]

    /// A prime with at least a hundred places a shard. In few steps, because a table of another size has all keys at
    /// other places: nearly all move when a map grows beyond 655, 2,621, 10,485 or 41,943 shards.
    static func size(shards: Int) -> Int {
        sizes.first { $0 >= shards * 100 } ?? sizes[sizes.count - 1]
    }

    private static let sizes = [65_537, 262_147, 1_048_583, 4_194_319, 8_388_617]

    /// - Parameter shards: in the order of their names; at least one, at most 65,535.
    init(_ shards: [(tag: ShardTag, weight: Int)]) {
        let size = Self.size(shards: shards.count)
        let total = shards.reduce(0) { $0 + $1.weight }
        var turns = shards.map { Turns($0.tag, size: size) }
        var credits = [Int](repeating: 0, count: shards.count)
        let free = UInt16.max
        var places = [UInt16](repeating: free, count: size)
        var left = size
        while left > 0 {
            for index in shards.indices {
                credits[index] += shards[index].weight * shards.count
                while credits[index] >= total, left > 0 {
                    credits[index] -= total
                    // The permutation visits every place, and one is free.
                    while places[turns[index].place] != free { turns[index].step(size) }
                    places[turns[index].place] = UInt16(truncatingIfNeeded: index)
                    left -= 1
                }
            }
        }
        self.places = places
    }

    func owner(of hash: UInt64) -> Int {
        Int(places[Int(truncatingIfNeeded: hash % UInt64(places.count))])
    }

    /// How many places each of so many shards has.
    func counts(shards: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: shards)
        for owner in places { counts[Int(owner)] += 1 }
        return counts
    }

    /// One shard's way through the table.
    private struct Turns {
        private(set) var place: Int
        private let skip: Int

        init(_ tag: ShardTag, size: Int) {
            let size = UInt64(size)
            place = Int(truncatingIfNeeded: tag.turns.offset % size)
            skip = Int(truncatingIfNeeded: tag.turns.skip % (size - 1)) + 1
        }

        mutating func step(_ size: Int) {
            place += skip
            if place >= size { place -= size }
        }
    }
}
