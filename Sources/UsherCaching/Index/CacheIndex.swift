public import UsherCore

/// Which answers stay in memory: S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, 2023), by bytes.
///
/// New entries go through a small queue with a tenth of the bytes. Whoever is asked for again in it moves to the main
/// queue, whoever is not leaves and is remembered by name only; who comes back while it is remembered goes to the main
/// queue at once. So a scan passes through the small queue and pushes nothing out that is used. In the main queue an
/// entry that was asked for since it was last looked at gets another round.
///
/// A hit writes one byte. One part of a cache; whoever shares it puts it under a lock. Never reads a clock.
public struct CacheIndex: ~Copyable, Sendable {
    /// What an entry takes beside its answer: its slot, and two places of the index. Unit: bytes.
    public static let entryBytes = MemoryLayout<Slot>.stride + 16
    /// Of all bytes those in the small queue. Unit: percent.
    private static let smallShare = 10
    /// How often an entry is counted at most, which is how many rounds it may get.
    private static let usesMaximum: UInt8 = 3
    /// Uses in the small queue from which on an entry stays.
    private static let usesToStay: UInt8 = 1

    @usableFromInline
    struct Slot: KeyedSlot, Sendable {
        @usableFromInline var key: KeyedHash
        @usableFromInline var entry: CacheEntry?
        /// Unit: bytes.
        var size: UInt32
        /// Neighbours in the queue, or the next free slot; -1: none.
        var newer: Int32 = -1
        var older: Int32 = -1
        @usableFromInline var uses: UInt8 = 0
        var isSmall = true
    }

    private struct Queue: Sendable {
        var newest: Int32 = -1
        var oldest: Int32 = -1
        var bytes = 0
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var index = SlotIndex(capacity: 16)
    private var capacity = 16
    private var free: Int32 = -1
    private var small = Queue()
    private var main = Queue()
    private var ghosts = GhostTable()
    public private(set) var count = 0
    /// Those that are answers and not lists of such.
    public private(set) var answerCount = 0

    public init() {}

    /// Bytes of all entries, as they were given.
    public var bytes: Int { small.bytes + main.bytes }

    // MARK: Asking

    /// The entry of a key, which counts as a use.
    @inlinable
    public mutating func find(_ key: KeyedHash) -> CacheEntry? {
        guard let slot = index.find(key, slots) else { return nil }
        if slots[slot].uses < 3 { slots[slot].uses += 1 }
        return slots[slot].entry
    }

    /// The same without counting it.
    public func peek(_ key: KeyedHash) -> CacheEntry? {
        index.find(key, slots).flatMap { slots[$0].entry }
    }

    // MARK: Changing

    /// Puts an entry in, in the place of what was there. Makes no room: see `evict`.
    ///
    /// - Parameter size: of the entry with everything it holds. Unit: bytes.
    public mutating func insert(_ entry: CacheEntry, for key: KeyedHash, size: Int) {
        let size = UInt32(clamping: size)
        if let known = index.find(key, slots) {
            let change = Int(size) - Int(slots[known].size)
            if slots[known].isSmall { small.bytes += change } else { main.bytes += change }
            noteAnswer(slots[known].entry, by: -1)
            noteAnswer(entry, by: 1)
            slots[known].entry = entry
            slots[known].size = size
            return
        }
        let slot = takeSlot(Slot(key: key, entry: entry, size: size))
        index.insert(slot, key)
        count += 1
        noteAnswer(entry, by: 1)
        enqueue(slot, isSmall: !ghosts.remove(key))
    }

    @discardableResult
    public mutating func remove(_ key: KeyedHash) -> CacheEntry? {
        guard let slot = index.find(key, slots) else { return nil }
        return drop(slot)
    }

    /// Drops the entry that is worth least; nil: there is none.
    ///
    /// - Parameter spared: the newest, which would have come in vain.
    public mutating func evict(sparing spared: KeyedHash? = nil) -> CacheEntry? {
        // Ends: each round drops an entry, moves one to the main queue, or takes one of its uses.
        while let (slot, isSmall) = oldest(besides: spared) {
            if isSmall {
                guard slots[slot].uses < Self.usesToStay else {
                    dequeue(slot)
                    slots[slot].uses = 0
                    enqueue(slot, isSmall: false)
                    continue
                }
                ghosts.insert(slots[slot].key, capacity: count)
                return drop(slot)
            }
            guard slots[slot].uses == 0 else {
                slots[slot].uses = min(slots[slot].uses, Self.usesMaximum) - 1
                dequeue(slot)
                enqueue(slot, isSmall: false)
                continue
            }
            return drop(slot)
        }
        return nil
    }

    /// The entry whose turn it is to go or to stay.
    private func oldest(besides spared: KeyedHash?) -> (slot: Int, isSmall: Bool)? {
        let startsSmall = main.oldest < 0 || small.bytes * 100 > bytes * Self.smallShare
        for isSmall in [startsSmall, !startsSmall] {
            var slot = isSmall ? small.oldest : main.oldest
            if slot >= 0, slots[Int(slot)].key == spared { slot = slots[Int(slot)].newer }
            if slot >= 0 { return (Int(slot), isSmall) }
        }
        return nil
    }

    /// Calls `body` with up to `limit` entries from a place on, and returns the place to go on at; nil: that was all.
    ///
    /// Entries that are inserted meanwhile may be left out.
    public func visit(from start: Int, limit: Int, _ body: (KeyedHash, CacheEntry) -> Void) -> Int? {
        let end = min(start + max(limit, 1), slots.count)
        var slot = max(start, 0)
        while slot < end {
            if let entry = slots[slot].entry { body(slots[slot].key, entry) }
            slot += 1
        }
        return end < slots.count ? end : nil
    }

    // MARK: Slots and queues

    private mutating func takeSlot(_ slot: Slot) -> Int {
        if free >= 0 {
            let place = Int(free)
            free = slots[place].older
            slots[place] = slot
            return place
        }
        if slots.count == capacity { grow() }
        slots.append(slot)
        return slots.count - 1
    }

    private mutating func grow() {
        capacity *= 2
        var grown = SlotIndex(capacity: capacity)
        for place in slots.indices where slots[place].entry != nil { grown.insert(place, slots[place].key) }
        index = grown
        slots.reserveCapacity(capacity)
    }

    private mutating func drop(_ slot: Int) -> CacheEntry? {
        index.remove(slots[slot].key, slots)
        dequeue(slot)
        let entry = slots[slot].entry
        slots[slot].entry = nil
        slots[slot].older = free
        free = Int32(truncatingIfNeeded: slot)
        count -= 1
        noteAnswer(entry, by: -1)
        return entry
    }

    private mutating func noteAnswer(_ entry: CacheEntry?, by change: Int) {
        if case .answer = entry { answerCount += change }
    }

    private mutating func enqueue(_ slot: Int, isSmall: Bool) {
        let place = Int32(truncatingIfNeeded: slot)
        var queue = isSmall ? small : main
        slots[slot].isSmall = isSmall
        slots[slot].newer = -1
        slots[slot].older = queue.newest
        if queue.newest >= 0 { slots[Int(queue.newest)].newer = place } else { queue.oldest = place }
        queue.newest = place
        queue.bytes += Int(slots[slot].size)
        if isSmall { small = queue } else { main = queue }
    }

    private mutating func dequeue(_ slot: Int) {
        let (newer, older, isSmall) = (slots[slot].newer, slots[slot].older, slots[slot].isSmall)
        var queue = isSmall ? small : main
        if newer >= 0 { slots[Int(newer)].older = older } else { queue.newest = older }
        if older >= 0 { slots[Int(older)].newer = newer } else { queue.oldest = newer }
        queue.bytes -= Int(slots[slot].size)
        if isSmall { small = queue } else { main = queue }
    }
}
