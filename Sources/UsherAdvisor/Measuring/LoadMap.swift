/// What lies where in the space of a key's hashes, from which the load of any number of shards follows.
///
/// The sharding functions that Usher offers split this space evenly, so shards are taken as equal parts of it: what is
/// left of unevenness is the keys' own, and no function takes it away.
struct LoadMap: Sendable {
    /// What came with some keys.
    struct Load: Sendable {
        var requests = 0
        var bytes = 0
        var microseconds = 0

        static func += (left: inout Load, right: Load) {
            left.requests &+= right.requests
            left.bytes &+= right.bytes
            left.microseconds &+= right.microseconds
        }
    }

    private let bits: UInt64
    private var parts: [Load]
    private(set) var total = Load()

    /// - Parameter shards: as many, and twice as many, are going to be asked for.
    init(shards: Int) {
        // At least 32 parts for each of 2N shards, so that where a part goes does not show.
        var bits: UInt64 = 11
        while 1 << bits < shards * 64 { bits += 1 }
        self.bits = bits
        parts = Array(repeating: Load(), count: 1 << Int(bits))
    }

    @inline(__always)
    mutating func add(_ key: UInt64, _ load: Load) {
        parts[Int(truncatingIfNeeded: key >> (64 - bits))] += load
        total += load
    }

    /// The load of each of `count` shards.
    func shards(_ count: Int) -> [Load] {
        var loads = [Load](repeating: Load(), count: count)
        for (index, part) in parts.enumerated() {
            // A part goes where its middle lies.
            loads[(2 * index + 1) * count / (2 * parts.count)] += part
        }
        return loads
    }

    /// How much more than the mean the busiest of `count` shards has; 1 when there is nothing to do.
    func peakToMean(_ count: Int, _ amount: KeyPath<Load, Int>) -> Double {
        let whole = Double(total[keyPath: amount])
        guard whole > 0 else { return 1 }
        let peak = shards(count).map { $0[keyPath: amount] }.max() ?? 0
        return Double(peak) * Double(count) / whole
    }
}
