internal import UsherCore

/// The hash of a key: 64 bits of SipHash-2-4, the same on every machine and after every restart.
///
/// The hash's key is public and fixed, so that gateways agree without a shared secret. The price: whoever may choose
/// keys can find ones that all belong to one shard.
public struct ShardKey: Sendable, Hashable {
    public let hash: UInt64

    public init(hash: UInt64) {
        self.hash = hash
    }

    /// - Parameter bytes: the key, of any length.
    public init(_ bytes: Span<UInt8>) {
        // "usher sh", "ard key ".
        var state = SipHash(key: (0x7573_6865_7220_7368, 0x6172_6420_6B65_7920))
        state.append(bytes)
        hash = state.finish()
    }
}

/// What hash functions know of a shard's name.
///
/// Two shards of one map share a tag with a probability below n² / 2⁶⁵.
struct ShardTag {
    /// What rendezvous hashing mixes with keys.
    let tag: UInt64
    /// Where Maglev's turns begin, and how far they step.
    let turns: (offset: UInt64, skip: UInt64)

    /// "usher sh", "ard name".
    private static let key: (UInt64, UInt64) = (0x7573_6865_7220_7368, 0x6172_6420_6E61_6D65)

    init(name: String) {
        var narrow = SipHash(key: Self.key)
        narrow.append(name.utf8.span)
        tag = narrow.finish()
        var wide = SipHash(key: Self.key, isWide: true)
        wide.append(name.utf8.span)
        let (offset, skip) = wide.finishWide()
        turns = (offset, skip)
    }
}
