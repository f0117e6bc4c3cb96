/// What one loop sent to each shard lately: the load that `HotKeyCopies` compares.
///
/// It evens out better than the requests in flight, of which there are so few for each shard and loop that chance
/// decides.
public struct RecentLoad: Sendable {
    /// What one request counts, by shard; a heavier shard's count less.
    private let steps: [Int]
    private var loads: [Int]

    /// - Parameter weights: of the shards, by index. Range: 1...1,000,000, values outside are clamped.
    public init(weights: [Int]) {
        steps = weights.map { (1 << 32) / min(max($0, 1), 1_000_000) }
        loads = [Int](repeating: 0, count: weights.count)
    }

    /// In proportion to the requests sent and to one by the weight.
    public subscript(shard: Int) -> Int { loads[shard] }

    public mutating func requestSent(to shard: Int) {
        loads[shard] &+= steps[shard]
    }

    /// Halves what was counted, so that what was long ago is forgotten; at the same times as a `KeyTally`.
    public mutating func rotate() {
        for shard in loads.indices { loads[shard] /= 2 }
    }
}
