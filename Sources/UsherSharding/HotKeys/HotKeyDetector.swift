public import UsherCore

/// A key that is asked for so often that copies of it share the requests.
public struct HotKey: Sendable, Hashable {
    public var key: ShardKey
    /// The first 64 bytes of it.
    public var text: [UInt8]
    /// Whether the key is longer than `text`.
    public var isCut: Bool
    /// Index of the shard that owns it.
    public var shard: Int
    /// Its part of the requests for that shard's keys, as far as it is certain.
    public var share: Share
    /// How many copies it takes until each gets less than `above` of the mean shard's requests. At least 2.
    ///
    /// Whoever allows sixteen makes sixteen of the hottest keys only, and two of most.
    public var copiesWanted: Int
}

/// What a look at the counts changed.
public struct HotKeyChanges: Sendable, Hashable {
    /// All that are hot now, the greatest share first.
    public var inForce: [HotKey]
    public var came: [HotKey]
    public var went: [HotKey]
}

/// Decides which keys are hot.
///
/// State | Meaning                     | Left when
/// ------|-----------------------------|--------------------------------------------------------------------
/// cold  | its owner answers           | more than `above` of its shard's requests, and at least `floor`: hot
/// hot   | copies share its requests   | below half of `above`: cold. In between it stays, so it does not flap
///
/// A key's requests count for the shard that owns it, wherever they were sent, so copies do not cool what is hot. Of a
/// shard that has more requests than the mean shard only so many count: what is much elsewhere is much as well where a
/// single key takes nearly all.
public struct HotKeyDetector: Sendable {
    /// Requests for a key without which it does not get hot, whatever its share.
    public static let floorDefault: UInt64 = 100

    /// The share of a shard's requests above which a key is hot.
    public let above: Share
    public let floor: UInt64
    private var hot: [ShardKey: HotKey] = [:]

    public init(above: Share, floor: UInt64 = floorDefault) {
        self.above = above
        self.floor = floor
    }

    /// Takes what was counted in a window, and says what is hot from now on.
    ///
    /// - Parameter shards: in the order of the map's shards.
    public mutating func judge(_ shards: [ShardCounts]) -> HotKeyChanges {
        let mean = shards.reduce(0) { $0 + Double($1.total) } / Double(max(shards.count, 1))
        var next: [ShardKey: HotKey] = [:]
        for (index, report) in shards.enumerated() {
            for count in report.keys where isHot(count, of: min(Double(report.total), mean)) {
                let copies = (Double(count.certain) / (max(above.fraction, 1e-6) * mean)).rounded(.up)
                next[count.key] = HotKey(
                    key: count.key, text: count.text, isCut: count.isCut, shard: index,
                    share: Share(fraction: Double(count.certain) / Double(report.total)),
                    copiesWanted: Int(min(max(copies, 2), Double(ShardMap.shardsMaximum))))
            }
        }
        let before = hot
        hot = next
        return HotKeyChanges(
            inForce: Self.sorted(next.values), came: Self.sorted(next.values.filter { before[$0.key] == nil }),
            went: Self.sorted(before.values.filter { next[$0.key] == nil }))
    }

    /// Whether a key is hot from now on.
    private func isHot(_ count: KeyCount, of total: Double) -> Bool {
        let share = Double(count.certain) / max(total, 1)
        if hot[count.key] != nil { return share >= above.fraction / 2 }
        return share > above.fraction && count.certain >= floor
    }

    /// The hash decides between equal shares, so that the answer does not depend on the dictionary.
    private static func sorted(_ keys: some Sequence<HotKey>) -> [HotKey] {
        keys.sorted { ($0.share, $0.key.hash) > ($1.share, $1.key.hash) }
    }
}
