import UsherCore

/// One value of a `SessionTable` and its place in one of the table's lists.
struct SessionSlot: KeyedSlot, Sendable {
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
