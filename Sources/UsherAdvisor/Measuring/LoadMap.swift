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

        static func - (left: Load, right: Load) -> Load {
            Load(
                requests: left.requests &- right.requests, bytes: left.bytes &- right.bytes,
                microseconds: left.microseconds &- right.microseconds)
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

    var sums: LoadSums { LoadSums(parts) }
}

/// The parts of a `LoadMap` summed up once, so that each of many numbers of shards is told without all parts.
struct LoadSums {
    typealias Load = LoadMap.Load

    /// At each index all parts before it, and at the last one all of them.
    private let sums: [Load]

    fileprivate init(_ parts: [Load]) {
        var (sum, sums) = (Load(), [Load()])
        sums.reserveCapacity(parts.count + 1)
        for part in parts {
            sum += part
            sums.append(sum)
        }
        self.sums = sums
    }

    /// The load of each of `count` shards.
    func shards(_ count: Int) -> [Load] {
        let parts = sums.count - 1
        // A part goes where its middle lies.
        let starts = (0...count).map { sums[(2 * parts * $0 + count - 1) / count / 2] }
        return zip(starts, starts.dropFirst()).map { start, end in end - start }
    }

    /// How much more than the mean the busiest of `count` shards has; 1 when there is nothing to do.
    func peakToMean(_ count: Int, _ amount: KeyPath<Load, Int>) -> Double {
        let whole = Double(sums[sums.count - 1][keyPath: amount])
        guard whole > 0 else { return 1 }
        let peak = shards(count).map { $0[keyPath: amount] }.max() ?? 0
        return Double(peak) * Double(count) / whole
    }
}
