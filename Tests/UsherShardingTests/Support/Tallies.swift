import UsherSharding

extension KeyTally {
    /// What several loops counted of one shard.
    static func merge(_ tallies: [KeyTally], top most: Int) -> ShardCounts {
        tallies.reduce(into: ShardCounts(total: 0, keys: [])) { sum, tally in
            sum.add(ShardCounts(total: tally.total, keys: tally.top(.max)), keeping: most)
        }
    }
}
