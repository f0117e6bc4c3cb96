import UsherCore

/// One value of a `SessionTable` and its place in one of the table's lists.
struct SessionSlot: Sendable {
    let key: SessionTable.Key
    var endpoint: EndpointTag
    var lastUse: MonotonicTime
    var isProven = false
    /// Neighbours in the list, -1 for none.
    fileprivate var before: Int32 = -1
    fileprivate var after: Int32 = -1

    init(key: SessionTable.Key, endpoint: EndpointTag, lastUse: MonotonicTime) {
        self.key = key
        self.endpoint = endpoint
        self.lastUse = lastUse
    }
}

/// Slots from the most to the least recently used; the links are in the slots, so nothing is allocated.
struct SessionList: Sendable {
    private(set) var count = 0
    private var front: Int32 = -1
    private var back: Int32 = -1

    /// The least recently used.
    var last: Int? { back < 0 ? nil : Int(back) }

    /// - Parameter slot: in no list.
    mutating func pushFront(_ slot: Int, _ slots: inout [SessionSlot]) {
        // Slots are at most 2²⁴.
        let link = Int32(truncatingIfNeeded: slot)
        slots[slot].before = -1
        slots[slot].after = front
        if front >= 0 {
            slots[Int(front)].before = link
        } else {
            back = link
        }
        front = link
        count += 1
    }

    /// - Parameter slot: in this list.
    mutating func remove(_ slot: Int, _ slots: inout [SessionSlot]) {
        let before = slots[slot].before
        let after = slots[slot].after
        if before >= 0 {
            slots[Int(before)].after = after
        } else {
            front = after
        }
        if after >= 0 {
            slots[Int(after)].before = before
        } else {
            back = before
        }
        count -= 1
    }
}

/// Finds a value's slot: open addressing with linear probing, at most half full.
struct SessionIndex: Sendable {
    /// Slot + 1, or 0.
    private var places: [Int32]
    private let mask: Int

    /// - Parameter capacity: range 1...2²⁴.
    init(capacity: Int) {
        var size = 2
        while size < capacity * 2 { size *= 2 }
        places = [Int32](repeating: 0, count: size)
        mask = size - 1
    }

    func find(_ key: SessionTable.Key, _ slots: [SessionSlot]) -> Int? {
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
    mutating func insert(_ slot: Int, _ key: SessionTable.Key) {
        var place = home(of: key)
        while places[place] != 0 { place = (place + 1) & mask }
        places[place] = Int32(truncatingIfNeeded: slot + 1)
    }

    /// Closes the gap at once, so that finding never meets places that were left.
    mutating func remove(_ key: SessionTable.Key, _ slots: [SessionSlot]) {
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

    /// The low word is as good as random: it comes from a keyed hash.
    private func home(of key: SessionTable.Key) -> Int {
        Int(truncatingIfNeeded: key.low) & mask
    }
}
