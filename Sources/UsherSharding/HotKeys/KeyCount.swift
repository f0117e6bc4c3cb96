/// How often a key was asked for.
public struct KeyCount: Sendable, Hashable {
    public var key: ShardKey
    /// The first 64 bytes of it.
    public var text: [UInt8]
    /// Whether the key is longer than `text`.
    public var isCut: Bool
    /// Requests; too high by at most `error`.
    public var count: UInt64
    public var error: UInt64

    public init(key: ShardKey, text: [UInt8], isCut: Bool, count: UInt64, error: UInt64) {
        self.key = key
        self.text = text
        self.isCut = isCut
        self.count = count
        self.error = error
    }

    /// Requests that were surely for this key.
    public var certain: UInt64 { count &- error }

    /// The sums by key, the highest count first.
    static func top(_ most: Int, of counts: [KeyCount]) -> [KeyCount] {
        var sums: [ShardKey: KeyCount] = [:]
        for count in counts {
            guard var sum = sums[count.key] else {
                sums[count.key] = count
                continue
            }
            sum.count &+= count.count
            sum.error &+= count.error
            sums[count.key] = sum
        }
        // The hash decides between equal counts, so that the answer does not depend on the dictionary.
        let sorted = sums.values.sorted { ($0.count, $0.key.hash) > ($1.count, $1.key.hash) }
        return Array(sorted.prefix(max(most, 0)))
    }
}

/// What was counted of one shard's keys: of those that it owns, wherever their requests went.
public struct ShardCounts: Sendable, Hashable {
    /// Requests for all of its keys.
    public var total: UInt64
    /// The most asked for, the most first.
    public var keys: [KeyCount]

    public init(total: UInt64, keys: [KeyCount]) {
        self.total = total
        self.keys = keys
    }

    /// Adds what another loop counted of the same shard.
    ///
    /// - Parameter most: keys that are kept.
    public mutating func add(_ other: ShardCounts, keeping most: Int) {
        total &+= other.total
        keys = KeyCount.top(most, of: keys + other.keys)
    }
}
