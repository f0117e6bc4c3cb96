/// What it costs to add a shard or to take one away, as shares of all keys that get another owner.
public struct ResizeCost: Sendable, Hashable {
    /// When a shard of mean weight is added behind the others. Nil for `ranges` and `map`, which say what it takes.
    public var adding: Double?
    /// When the shard in the middle of the list goes. Nil for `ranges` and `map`, and for a single shard.
    public var removing: Double?
    /// Whether one of both moves keys without need, at least a tenth of all: a reason to warn.
    public var isExcessive: Bool
}

extension ShardMap {
    /// What resizing costs: computed, and under `maglev` counted by building the maps with one shard more and less.
    public var resize: ResizeCost {
        let count = Double(shards.count)
        switch placement {
        case .rendezvous, .ring:
            return cost(adding: 1 / (count + 1), removing: shares?[middle] ?? 0)
        case .maglev:
            return cost(adding: movedByAdding, removing: movedByRemoving)
        case .jump:
            // Below the middle all stay; above it stay only those of the last shard that jump to the one before it.
            let staying = Double(middle) / count + (middle < shards.count - 1 ? 1 / (count * (count - 1)) : 0)
            return cost(adding: 1 / (count + 1), removing: 1 - staying)
        case .modulo:
            return cost(adding: count / (count + 1), removing: (count - 1) / count)
        case .ranges, .map:
            return ResizeCost(adding: nil, removing: nil, isExcessive: false)
        }
    }

    private var middle: Int { shards.count / 2 }

    private func cost(adding: Double, removing: Double) -> ResizeCost {
        let needed = (adding: 1 / Double(shards.count + 1), removing: shares?[middle] ?? 0)
        let excess = max(adding - needed.adding, shards.count > 1 ? removing - needed.removing : 0)
        return ResizeCost(
            adding: adding, removing: shards.count > 1 ? removing : nil, isExcessive: excess >= 0.1)
    }

    private var movedByAdding: Double {
        let mean = shards.reduce(0) { $0 + $1.weight } / shards.count
        // No name is longer, so this one is new.
        let name = (shards.max { $0.name.count < $1.name.count }?.name ?? "") + "+"
        return moved(toThoseOf: shards + [Shard(name: name, weight: mean)])
    }

    private var movedByRemoving: Double {
        var rest = shards
        rest.remove(at: middle)
        return moved(toThoseOf: rest)
    }

    private func moved(toThoseOf shards: [Shard]) -> Double {
        let other = try? ShardMap(shards, function: function, ketama: { _ in SIMD4() })
        return other.flatMap(moved) ?? 1
    }

    /// The share of keys whose owner has another name in another map.
    ///
    /// Of 65,536 fixed keys that every function spreads well; when one of both is a `map`, of the keys that either
    /// lists. Nil when `ranges` meet anything but a `map`: where the keys are is not known then.
    ///
    /// Takes as long as so many lookups in both maps.
    public func moved(to other: ShardMap) -> Double? {
        let sample: [[UInt8]]
        switch (placement, other.placement) {
        case (.map, _), (_, .map): sample = Array(Set((shards + other.shards).flatMap(\.keys)))
        case (.ranges, _), (_, .ranges): return nil
        default: sample = (0..<65_536).map { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        }
        let places = Dictionary(uniqueKeysWithValues: zip(other.shards.map(\.name), other.shards.indices))
        let sameNames = shards.map { places[$0.name] ?? -1 }
        let moved = sample.count { key in
            let hash = ShardKey(key.span)
            return owner(of: key.span, hash).map { sameNames[$0] } != other.owner(of: key.span, hash)
        }
        return sample.isEmpty ? 0 : Double(moved) / Double(sample.count)
    }
}
