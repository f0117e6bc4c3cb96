/// MD5 (RFC 1321) of some bytes as four words, of which each has its first byte lowest. This module has no digests of
/// its own.
public typealias KetamaDigest = @Sendable (Span<UInt8>) -> SIMD4<UInt32>

/// The ring of libmemcached and twemproxy: MD5 of `name-0`, `name-1` and so on gives four points each, and a key
/// belongs to the first point at or after the first word of its own MD5.
struct KetamaRing: Sendable {
    /// In rising order.
    private let points: [UInt32]
    /// Of each point, the index of its owner.
    private let owners: [UInt16]
    private let shardCount: Int
    private let digest: KetamaDigest

    /// How many digests give a shard its points: 40 for a shard of mean weight.
    ///
    /// Single precision is part of the contract: of 25 equal shards it gives each 39.
    static func digests(weight: Int, ofWeights total: Int, shards: Int) -> Int {
        let part = Float(weight) / Float(total)
        let digests = Float(Double(part * 160 / 4 * Float(shards)) + 0.0000000001)
        return Int(digests.rounded(.down))
    }

    /// - Parameter shards: in the order of their names, which decides whose a point is that two share; at least one, at
    ///   most 65,535, of which each has a digest at least.
    init(_ shards: [(name: String, weight: Int)], digest: @escaping KetamaDigest) {
        let total = shards.reduce(0) { $0 + $1.weight }
        // The point in the high bits and the owner in the low ones, so that sorting compares numbers.
        var entries: [UInt64] = []
        entries.reserveCapacity(shards.count * 160)
        for (index, shard) in shards.enumerated() {
            for number in 0..<Self.digests(weight: shard.weight, ofWeights: total, shards: shards.count) {
                let words = digest("\(shard.name)-\(number)".utf8.span)
                for word in 0..<4 { entries.append(UInt64(words[word]) &<< 32 | UInt64(index)) }
            }
        }
        entries.sort()
        points = entries.map { UInt32(truncatingIfNeeded: $0 &>> 32) }
        owners = entries.map { UInt16(truncatingIfNeeded: $0) }
        shardCount = shards.count
        self.digest = digest
    }

    func owner(of key: Span<UInt8>) -> Int {
        Int(owners[place(of: key)])
    }

    /// The owners of the points from the key's on.
    func order(of key: Span<UInt8>, atMost count: Int) -> [Int] {
        var order: [Int] = []
        visit(from: key) { owner in
            if order.count < count { order.append(owner) }
            return order.count < count
        }
        return order
    }

    /// The first of them that is available and not full, else the first that is available.
    func pick(for key: Span<UInt8>, isAvailable: (Int) -> Bool, isFull: (Int) -> Bool) -> Int? {
        var full: Int?
        var free: Int?
        visit(from: key) { owner in
            guard isAvailable(owner) else { return true }
            if !isFull(owner) { free = owner } else if full == nil { full = owner }
            return free == nil
        }
        return free ?? full
    }

    /// Every owner once, in the order of their points from the key's on, until `isWanted` says no.
    private func visit(from key: Span<UInt8>, _ isWanted: (Int) -> Bool) {
        var seen = ShardSet()
        var left = shardCount
        var place = place(of: key)
        // Ends, because every shard has a point.
        while left > 0 {
            let owner = Int(owners[place])
            if seen.insert(owner) {
                guard isWanted(owner) else { return }
                left -= 1
            }
            place = place + 1 == owners.count ? 0 : place + 1
        }
    }

    /// The part of the ring of each shard.
    var shares: [Double] {
        let circle = 1 << 32
        var arcs = [Int](repeating: 0, count: shardCount)
        // Whoever owns the first point owns what is above the last one too.
        var before = Int(points.last ?? 0) - circle
        for (point, owner) in zip(points, owners) {
            arcs[Int(owner)] += Int(point) - before
            before = Int(point)
        }
        return arcs.map { Double($0) / Double(circle) }
    }

    private func place(of key: Span<UInt8>) -> Int {
        let wanted = digest(key)[0]
        var low = 0
        var high = points.count
        while low < high {
            let middle = low + (high - low) / 2
            if points[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low == points.count ? 0 : low
    }
}

/// A set of indexes of shards that allocates nothing.
private struct ShardSet {
    /// A bit for each of 65,536.
    private var words = InlineArray<1024, UInt64>(repeating: 0)

    /// False: it was in the set.
    mutating func insert(_ index: Int) -> Bool {
        let bit = UInt64(1) &<< UInt64(index & 63)
        let isNew = words[index >> 6] & bit == 0
        words[index >> 6] |= bit
        return isNew
    }
}
