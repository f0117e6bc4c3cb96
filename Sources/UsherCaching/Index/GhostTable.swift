internal import UsherCore

/// The names of entries that left lately, in the order in which they left: about as many as there are entries.
///
/// Keeps 32 bits of a name and the number of its departure; names that meet push each other out, which costs one of
/// them its second chance and nothing else.
struct GhostTable: Sendable {
    private static let ways = 4

    /// Upper word: the name; lower word: the number of its departure. 0: empty.
    private var places: [UInt64] = []
    private var departures: UInt32 = 0
    /// How many departures a name is remembered for.
    private var memory: UInt32 = 0

    /// - Parameter capacity: how many names are worth remembering now.
    mutating func insert(_ key: KeyedHash, capacity: Int) {
        if places.count < capacity { grow(capacity) }
        memory = UInt32(clamping: max(capacity, 1))
        departures &+= 1
        let first = first(of: key)
        var oldest = first
        for place in first..<first + Self.ways {
            if age(places[place]) > age(places[oldest]) { oldest = place }
        }
        places[oldest] = UInt64(name(of: key)) << 32 | UInt64(departures)
    }

    /// True: it was there, and left lately.
    mutating func remove(_ key: KeyedHash) -> Bool {
        guard !places.isEmpty else { return false }
        let first = first(of: key)
        for place in first..<first + Self.ways where UInt32(truncatingIfNeeded: places[place] >> 32) == name(of: key) {
            let isLate = age(places[place]) < memory
            places[place] = 0
            return isLate
        }
        return false
    }

    private func age(_ place: UInt64) -> UInt32 {
        place == 0 ? .max : departures &- UInt32(truncatingIfNeeded: place)
    }

    /// Never 0, which marks an empty place.
    private func name(of key: KeyedHash) -> UInt32 { UInt32(truncatingIfNeeded: key.high >> 32) | 1 }

    /// The size is a power of two and at least `ways`.
    private func first(of key: KeyedHash) -> Int {
        Int(truncatingIfNeeded: key.low >> 8) & (places.count - Self.ways) & ~(Self.ways - 1)
    }

    /// Twice the places; what was remembered is forgotten, which is rare and costs little.
    private mutating func grow(_ capacity: Int) {
        var size = 64
        while size < capacity { size *= 2 }
        places = [UInt64](repeating: 0, count: size)
    }
}
