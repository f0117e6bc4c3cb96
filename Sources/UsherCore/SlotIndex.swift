/// What a `SlotIndex` finds: it carries the key it is found by.
public protocol KeyedSlot {
    var key: KeyedHash { get }
}

/// Finds the slot of a key in a list of slots: open addressing with linear probing, at most half full.
///
/// Keeps no keys: it reads them in the slots, so a place takes four bytes. Allocates nothing once it is there.
public struct SlotIndex: Sendable {
    /// Slot + 1, or 0.
    @usableFromInline var places: [Int32]
    @usableFromInline let mask: Int

    /// - Parameter capacity: of the list; range 1...2²⁴.
    public init(capacity: Int) {
        var size = 2
        while size < capacity * 2 { size *= 2 }
        places = [Int32](repeating: 0, count: size)
        mask = size - 1
    }

    @inlinable
    public func find(_ key: KeyedHash, _ slots: [some KeyedSlot]) -> Int? {
        var place = home(of: key)
        // Ends, because half of the places are empty.
        while places[place] != 0 {
            let slot = Int(places[place]) - 1
            if slots[slot].key == key { return slot }
            place = (place + 1) & mask
        }
        return nil
    }

    /// - Parameter key: not in the index.
    @inlinable
    public mutating func insert(_ slot: Int, _ key: KeyedHash) {
        var place = home(of: key)
        while places[place] != 0 { place = (place + 1) & mask }
        places[place] = Int32(truncatingIfNeeded: slot + 1)
    }

    /// Closes the gap at once, so that finding never meets places that were left.
    @inlinable
    public mutating func remove(_ key: KeyedHash, _ slots: [some KeyedSlot]) {
        var gap = home(of: key)
        while places[gap] != 0, slots[Int(places[gap]) - 1].key != key { gap = (gap + 1) & mask }
        guard places[gap] != 0 else { return }
        var place = (gap + 1) & mask
        while places[place] != 0 {
            let wanted = home(of: slots[Int(places[place]) - 1].key)
            // Whoever wants to stand at or before the gap moves into it.
            if (place - wanted) & mask >= (place - gap) & mask {
                places[gap] = places[place]
                gap = place
            }
            place = (place + 1) & mask
        }
        places[gap] = 0
    }

    public mutating func removeAll() {
        for place in places.indices { places[place] = 0 }
    }

    /// The low word is as good as random: it comes from a keyed hash.
    @inlinable
    func home(of key: KeyedHash) -> Int {
        Int(truncatingIfNeeded: key.low) & mask
    }
}
