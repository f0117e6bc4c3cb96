/// Finds listed keys: open addressing with linear probing, at most half full.
struct KeyTable: Sendable {
    private let keys: PackedKeys
    private let owners: [UInt16]
    /// Number of a key + 1, or 0.
    private var places: [Int32]

    /// - Parameter entries: each key once; fewer than 2³¹.
    init(_ entries: [(key: [UInt8], owner: Int)]) {
        keys = PackedKeys(entries.map(\.key))
        owners = entries.map { UInt16(truncatingIfNeeded: $0.owner) }
        var size = 2
        while size < entries.count * 2 { size *= 2 }
        places = [Int32](repeating: 0, count: size)
        for (number, entry) in entries.enumerated() {
            var place = home(of: ShardKey(entry.key.span))
            while places[place] != 0 { place = (place + 1) & (size - 1) }
            places[place] = Int32(truncatingIfNeeded: number + 1)
        }
    }

    /// - Parameter hash: of `key`.
    func owner(of key: Span<UInt8>, _ hash: ShardKey) -> Int? {
        var place = home(of: hash)
        // Ends, because half of the places are empty.
        while places[place] != 0 {
            let number = Int(places[place]) - 1
            if keys.isEqual(number, to: key) { return Int(owners[number]) }
            place = (place + 1) & (places.count - 1)
        }
        return nil
    }

    private func home(of hash: ShardKey) -> Int {
        Int(truncatingIfNeeded: hash.hash) & (places.count - 1)
    }
}
