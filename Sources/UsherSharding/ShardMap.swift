internal import UsherCore

/// Which shard owns which key.
///
/// Depends on the function and on the shards' names, weights and keys alone: the order of the list does not matter, and
/// gateways with the same configuration agree without talking. Immutable; to change it, make another and swap them. A
/// class, so that asking it copies nothing.
///
/// Making one of thousands of shards takes milliseconds, and up to seconds under `ring`, `maglev` and a long `map`: no
/// work for an event loop.
public final class ShardMap: Sendable {
    /// More are refused.
    public static let shardsMaximum = 65_535

    /// In natural order of their names, s2 before s10, whatever order they came in. Indexes speak of this list.
    public let shards: [Shard]
    public let function: ShardingFunction
    let placement: Placement
    /// Who owns keys under `rendezvous`, and under all others but `ring` who comes after an owner.
    let tier: RendezvousTier

    /// What a function needs to answer.
    enum Placement: Sendable {
        case rendezvous
        case maglev(MaglevTable)
        case ring(KetamaRing)
        case jump
        case modulo
        case ranges(KeyRanges)
        case map(KeyTable, unlisted: Int?)
    }

    /// - Parameters:
    ///   - shards: in any order.
    ///   - ketama: MD5, which only `ring` asks for.
    /// - Throws: everything that is wrong with the shards, at once.
    public init(
        _ shards: [Shard], function: ShardingFunction, ketama: @escaping KetamaDigest
    ) throws(ShardMapProblems) {
        let shards = shards.sorted { NaturalOrder.precedes($0.name, $1.name) }
        try ShardMapProblems.search(shards, function)
        let tags = shards.map { ShardTag(name: $0.name) }
        self.shards = shards
        self.function = function
        tier = RendezvousTier(shards.indices.map { (tags[$0].tag, shards[$0].weight, $0) })
        placement =
            switch function {
            case .rendezvous: .rendezvous
            case .maglev: .maglev(MaglevTable(shards.indices.map { (tags[$0], shards[$0].weight) }))
            case .ring: .ring(KetamaRing(shards.map { ($0.name, $0.weight) }, digest: ketama))
            case .jump: .jump
            case .modulo: .modulo
            case .ranges:
                .ranges(KeyRanges(shards.enumerated().flatMap { index, shard in shard.from.map { ($0, index) } }))
            case .map(let unlisted):
                .map(
                    KeyTable(shards.enumerated().flatMap { index, shard in shard.keys.map { ($0, index) } }),
                    unlisted: shards.firstIndex { $0.name == unlisted })
            }
    }

    /// The index of a key's owner; nil: nobody owns it, which only a `map` without `unlisted` says. Allocates nothing,
    /// MD5 under `ring` aside.
    ///
    /// - Parameter hash: of `key`.
    public func owner(of key: Span<UInt8>, _ hash: ShardKey) -> Int? {
        switch placement {
        case .ring(let ring): ring.owner(of: key)
        case .ranges(let ranges): ranges.owner(of: key)
        case .map(let table, let unlisted): table.owner(of: key, hash) ?? unlisted
        case .rendezvous, .maglev, .jump, .modulo: owner(of: hash)
        }
    }

    /// The owner of a key of which only the hash is kept; nil under `ring`, `ranges` and `map`, which need its bytes.
    public func owner(of hash: ShardKey) -> Int? {
        switch placement {
        case .rendezvous: tier.first(hash.hash)
        case .maglev(let table): table.owner(of: hash.hash)
        case .jump: JumpHash.bucket(of: hash.hash, buckets: shards.count)
        case .modulo: Int(truncatingIfNeeded: hash.hash % UInt64(shards.count))
        case .ring, .ranges, .map: nil
        }
    }

    /// The owner and who comes after it, distinct, in the key's own order: for failover and for copies of hot keys.
    ///
    /// Who comes after depends on the key, so that the keys of a shard that is gone fall to all others by their
    /// weights: under `ring` it is whose points follow, under all others the order of rendezvous hashing. Empty when
    /// nobody owns the key. Allocates.
    public func order(of key: Span<UInt8>, _ hash: ShardKey, atMost count: Int) -> [Int] {
        if case .ring(let ring) = placement { return ring.order(of: key, atMost: count) }
        return owner(of: key, hash).map { order(from: $0, hash, atMost: count) } ?? []
    }

    /// The same for a key of which only the hash is kept; nil under `ring`, `ranges` and `map`, which need its bytes.
    public func order(of hash: ShardKey, atMost count: Int) -> [Int]? {
        owner(of: hash).map { order(from: $0, hash, atMost: count) }
    }

    private func order(from owner: Int, _ hash: ShardKey, atMost count: Int) -> [Int] {
        guard count > 0 else { return [] }
        let others = tier.order(hash.hash, atMost: count).filter { $0 != owner }
        return [owner] + others.prefix(count - 1)
    }

    /// The first in the key's order that is available and not full; where all are full the first that is available.
    ///
    /// That is hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018) when `isFull` says so by a bound.
    /// Allocates nothing, MD5 under `ring` aside. Both questions are asked about few shards: in the ordinary case one.
    ///
    /// - Parameters:
    ///   - isAvailable: whether the shard of this index may get the request.
    ///   - isFull: whether it has as many requests as it may have; asked of available ones only.
    /// - Returns: nil when nobody owns the key or nobody is available.
    public func pick(
        for key: Span<UInt8>, _ hash: ShardKey, isAvailable: (Int) -> Bool, isFull: (Int) -> Bool = { _ in false }
    ) -> Int? {
        guard let owner = owner(of: key, hash) else { return nil }
        if isAvailable(owner) && !isFull(owner) { return owner }
        if case .ring(let ring) = placement { return ring.pick(for: key, isAvailable: isAvailable, isFull: isFull) }
        guard let next = tier.best(hash.hash, isAvailable: isAvailable, isFull: isFull) else { return nil }
        return isFull(next) && isAvailable(owner) ? owner : next
    }
}
