public import UsherCore

/// Who asked one quota most: what the audit shows, in fixed memory.
public struct TopCallers: Sendable {
    /// One caller, as far as it was seen.
    public struct Caller: Sendable {
        /// What its key was made of: an identity, an address, or a template's text.
        public var label: [UInt8] = []
        public var callerClass = CallerClass.anonymous
        /// Requests that asked; too high by at most `error`.
        public var asked: UInt64 = 0
        public var error: UInt64 = 0
        /// Of them, since this caller is watched.
        public var refused: UInt64 = 0
        public var firstSeen = MonotonicTime.start
        public var lastSeen = MonotonicTime.start

        public init() {}
    }

    /// Callers of one quota that each worker watches.
    public static let capacityDefault = 512
    /// Longer labels are cut. Unit: bytes.
    public static let labelMaximum = 128

    private var counts: SpaceSaving
    /// By slot.
    private var callers: [Caller] = []

    public init(capacity: Int = capacityDefault) {
        counts = SpaceSaving(capacity: capacity)
    }

    /// Counts one request. Allocates nothing once the slots are there.
    public mutating func count(
        _ key: KeyedHash, label: Span<UInt8>, _ callerClass: CallerClass, isAllowed: Bool, now: MonotonicTime
    ) {
        let place = counts.add(key)
        if place.slot == callers.count { callers.append(Caller()) }
        if place.isNew {
            callers[place.slot].label.removeAll(keepingCapacity: true)
            for index in 0..<min(label.count, Self.labelMaximum) { callers[place.slot].label.append(label[index]) }
            callers[place.slot].callerClass = callerClass
            callers[place.slot].refused = 0
            callers[place.slot].firstSeen = now
        }
        if !isAllowed { callers[place.slot].refused &+= 1 }
        callers[place.slot].lastSeen = now
    }

    /// The classes have other numbers now.
    ///
    /// - Parameter numbers: by the old number the new one; nil: the class is no more.
    public mutating func renumber(classes numbers: [Int?]) {
        for slot in callers.indices {
            let old = callers[slot].callerClass.index
            let new = numbers.indices.contains(old) ? numbers[old] : nil
            callers[slot].callerClass = new.map { CallerClass(index: $0) } ?? .authenticated
        }
    }

    /// What is known of every caller that is watched, in no order.
    public var all: [(key: KeyedHash, caller: Caller)] {
        zip(counts.counters, callers).map { counter, caller in
            var caller = caller
            caller.asked = counter.count
            caller.error = counter.error
            return (counter.key, caller)
        }
    }

    /// What several workers saw, most requests first.
    public static func merged(_ parts: [TopCallers]) -> [Caller] {
        var sums: [KeyedHash: Caller] = [:]
        for (key, caller) in parts.flatMap(\.all) {
            guard var sum = sums[key] else {
                sums[key] = caller
                continue
            }
            sum.asked &+= caller.asked
            sum.error &+= caller.error
            sum.refused &+= caller.refused
            sum.firstSeen = min(sum.firstSeen, caller.firstSeen)
            sum.lastSeen = max(sum.lastSeen, caller.lastSeen)
            sums[key] = sum
        }
        return sums.values.sorted { ($0.asked, $1.lastSeen) > ($1.asked, $0.lastSeen) }
    }
}
