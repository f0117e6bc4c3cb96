/// Keys in order, cut into ranges of which each begins at a key and goes up to the next beginning.
struct KeyRanges: Sendable {
    private let starts: PackedKeys
    private let owners: [UInt16]

    /// - Parameter ranges: in any order, each beginning once; one of them begins with the empty key.
    init(_ ranges: [(from: [UInt8], owner: Int)]) {
        let sorted = ranges.sorted { $0.from.lexicographicallyPrecedes($1.from) }
        starts = PackedKeys(sorted.map(\.from))
        owners = sorted.map { UInt16(truncatingIfNeeded: $0.owner) }
    }

    func owner(of key: Span<UInt8>) -> Int {
        // No key stands before the first range, so the owner is among those from `low` on.
        var low = 0
        var high = owners.count
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if starts.precedes(key, middle) { high = middle } else { low = middle }
        }
        return Int(owners[low])
    }
}
