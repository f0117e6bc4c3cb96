/// The keys that are counted most often, in memory for a fixed number of them (Metwally, Agrawal and El Abbadi, 2005).
///
/// A key that is not among them takes the place of the one with the least count and goes on from there, so a count may
/// be too high by `error`, and never too low; whatever was counted more often than `total / capacity` is among them.
///
/// Every call takes constant time: counters with equal counts hang in one group, groups in the order of their counts.
/// Allocates nothing once the counters are there.
public struct SpaceSaving: Sendable {
    public struct Counter: KeyedSlot, Sendable {
        public fileprivate(set) var key: KeyedHash
        public fileprivate(set) var count: UInt64 = 0
        /// What the counter had counted for others before this key took it.
        public fileprivate(set) var error: UInt64 = 0
        fileprivate var group = -1
        /// Neighbours in the group; -1: none.
        fileprivate var next = -1
        fileprivate var previous = -1
    }

    /// Counters with the same count.
    private struct Group {
        var count: UInt64 = 0
        var first = -1
        /// Groups with the next higher and lower counts; -1: none.
        var higher = -1
        var lower = -1
    }

    /// What `add` did; whoever keeps more about a key keeps it under the slot's number.
    public struct Place: Sendable {
        public var slot: Int
        /// The slot belonged to nobody, or to another key, before.
        public var isNew: Bool
    }

    public let capacity: Int
    /// Everything that was added.
    public private(set) var total: UInt64 = 0
    /// By slot, in no order.
    public private(set) var counters: [Counter] = []
    private var index: SlotIndex
    private var groups: [Group] = []
    private var freeGroups: [Int] = []
    /// The group with the least count.
    private var lowest = -1

    /// - Parameter capacity: range 1...1,000,000, values outside are clamped.
    public init(capacity: Int) {
        self.capacity = min(max(capacity, 1), 1_000_000)
        index = SlotIndex(capacity: self.capacity)
    }

    /// The counter of a key, if it has one.
    public func slot(of key: KeyedHash) -> Int? { index.find(key, counters) }

    /// Counts one for a key.
    public mutating func add(_ key: KeyedHash) -> Place {
        total &+= 1
        if let slot = index.find(key, counters) {
            increment(slot)
            return Place(slot: slot, isNew: false)
        }
        let slot: Int
        if counters.count < capacity {
            slot = counters.count
            counters.append(Counter(key: key))
        } else {
            slot = groups[lowest].first
            index.remove(counters[slot].key, counters)
            counters[slot].key = key
            counters[slot].error = counters[slot].count
        }
        index.insert(slot, key)
        increment(slot)
        return Place(slot: slot, isNew: true)
    }

    /// Forgets all keys and keeps the memory.
    public mutating func removeAll() {
        total = 0
        counters.removeAll(keepingCapacity: true)
        index.removeAll()
        groups.removeAll(keepingCapacity: true)
        freeGroups.removeAll(keepingCapacity: true)
        lowest = -1
    }

    private mutating func increment(_ slot: Int) {
        let group = counters[slot].group
        let count = counters[slot].count &+ 1
        counters[slot].count = count
        let above = group < 0 ? lowest : groups[group].higher
        let joins = above >= 0 && groups[above].count == count
        if group >= 0, !joins, counters[slot].next < 0, counters[slot].previous < 0 {
            // Alone in its group: the group rises with it.
            groups[group].count = count
            return
        }
        let target = joins ? above : newGroup(count, above: group)
        if group >= 0 { leave(slot, group) }
        join(slot, target)
    }

    /// - Parameter lower: the group below it; -1: it is the lowest.
    private mutating func newGroup(_ count: UInt64, above lower: Int) -> Int {
        let higher = lower < 0 ? lowest : groups[lower].higher
        let made = Group(count: count, higher: higher, lower: lower)
        let number: Int
        if let free = freeGroups.popLast() {
            number = free
            groups[free] = made
        } else {
            number = groups.count
            groups.append(made)
        }
        if higher >= 0 { groups[higher].lower = number }
        if lower >= 0 { groups[lower].higher = number } else { lowest = number }
        return number
    }

    private mutating func join(_ slot: Int, _ group: Int) {
        let first = groups[group].first
        counters[slot].group = group
        counters[slot].previous = -1
        counters[slot].next = first
        if first >= 0 { counters[first].previous = slot }
        groups[group].first = slot
    }

    private mutating func leave(_ slot: Int, _ group: Int) {
        let (previous, next) = (counters[slot].previous, counters[slot].next)
        if previous >= 0 { counters[previous].next = next } else { groups[group].first = next }
        if next >= 0 { counters[next].previous = previous }
        guard groups[group].first < 0 else { return }
        let (higher, lower) = (groups[group].higher, groups[group].lower)
        if higher >= 0 { groups[higher].lower = lower }
        if lower >= 0 { groups[lower].higher = higher } else { lowest = higher }
        freeGroups.append(group)
    }
}
