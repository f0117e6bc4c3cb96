public import UsherCore

/// What Usher learned about sessions that an application names itself: which endpoint each value belongs to.
///
/// State     | Meaning                       | Left when
/// ----------|-------------------------------|------------------------------------------------------------------
/// new       | seen once                     | used again: proven; or room is needed and it is the least recently used
/// proven    | used since it was learned     | four fifths of the room are proven: the least recently used is new again
///
/// Room is made in this order: what was not used for `idle`, then new entries, then proven ones. So a flood of values
/// that are used once pushes out only entries that were never used either; to push out proven ones somebody must use
/// more values twice than the table has room for, between two uses of theirs.
///
/// Every call takes constant time, give or take the growth of the list. One shard; whoever shares it puts it under a
/// lock. Never reads a clock.
public struct SessionTable: ~Copyable, Sendable {
    public typealias Key = KeyedHash

    /// How many values are remembered by default, over all shards of one service.
    public static let capacityDefault = 100_000
    /// How long a value that is not used is remembered by default.
    public static let idleDefault = Duration.seconds(3600)

    public let capacity: Int
    private let idleNanoseconds: UInt64
    private let provenMaximum: Int
    private var index: SlotIndex
    private var slots: [SessionSlot] = []
    private var newest = SessionList()
    private var proven = SessionList()
    private var unused = SessionList()

    /// - Parameter capacity: range 1...16,777,216, values outside are clamped.
    public init(capacity: Int = capacityDefault, idle: Duration = idleDefault) {
        self.capacity = min(max(capacity, 1), 1 << 24)
        idleNanoseconds = idle.nanosecondsClamped
        provenMaximum = self.capacity * 4 / 5
        index = SlotIndex(capacity: self.capacity)
        // Reserved, not touched: the memory becomes resident as it fills.
        slots.reserveCapacity(self.capacity)
    }

    /// Values that are remembered, those that were idle for too long but are not yet replaced included.
    public var count: Int { newest.count + proven.count }

    /// The endpoint of a value, nil when it is not known or was idle for too long; counts as a use.
    public mutating func endpoint(of key: Key, now: MonotonicTime) -> EndpointTag? {
        guard let slot = index.find(key, slots) else { return nil }
        guard !isIdle(slot, now: now) else {
            remove(slot)
            return nil
        }
        use(slot, now: now)
        return slots[slot].endpoint
    }

    /// Remembers where a value belongs from now on; counts as a use when it was known already.
    public mutating func learn(_ key: Key, endpoint: EndpointTag, now: MonotonicTime) {
        if let slot = index.find(key, slots) {
            slots[slot].endpoint = endpoint
            use(slot, now: now)
            return
        }
        let slot = roomForOne(now: now)
        slots[slot] = SessionSlot(key: key, endpoint: endpoint, lastUse: now)
        index.insert(slot, key)
        newest.pushFront(slot, &slots)
    }

    private mutating func use(_ slot: Int, now: MonotonicTime) {
        slots[slot].lastUse = max(slots[slot].lastUse, now)
        if slots[slot].isProven {
            proven.remove(slot, &slots)
        } else {
            newest.remove(slot, &slots)
            slots[slot].isProven = true
            if proven.count >= provenMaximum, let oldest = proven.last {
                proven.remove(oldest, &slots)
                slots[oldest].isProven = false
                newest.pushFront(oldest, &slots)
            }
        }
        proven.pushFront(slot, &slots)
    }

    /// A slot that is in no list: an unused one, a fresh one while there is room, else that of the entry that must go.
    private mutating func roomForOne(now: MonotonicTime) -> Int {
        if unused.count == 0 && slots.count < capacity {
            slots.append(SessionSlot(key: Key(high: 0, low: 0), endpoint: EndpointTag(hash: 0), lastUse: now))
            return slots.count - 1
        }
        if unused.count == 0 {
            let oldest = proven.last
            let isOver = oldest.map { isIdle($0, now: now) } ?? false
            if let victim = isOver ? oldest : newest.last ?? oldest { remove(victim) }
        }
        // There is room for at least one, so one of the three lists had an entry.
        let slot = unused.last ?? 0
        unused.remove(slot, &slots)
        return slot
    }

    private mutating func remove(_ slot: Int) {
        index.remove(slots[slot].key, slots)
        if slots[slot].isProven {
            proven.remove(slot, &slots)
        } else {
            newest.remove(slot, &slots)
        }
        unused.pushFront(slot, &slots)
    }

    private func isIdle(_ slot: Int, now: MonotonicTime) -> Bool {
        now.nanoseconds(since: slots[slot].lastUse) > idleNanoseconds
    }
}
