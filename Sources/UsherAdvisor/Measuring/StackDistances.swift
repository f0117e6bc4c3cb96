internal import UsherCore

/// Replays a stream of keys on a least-recently-used list and notes how deep each was found, in bytes.
///
/// Only keys whose hash is low enough are followed, each of them through the whole stream, and fewer and fewer when
/// there are too many (SHARDS: Waldspurger and others, 2015), so memory is bounded and the curve holds for the whole.
struct StackDistances: Sendable {
    private struct Object: KeyedSlot {
        var key: KeyedHash
        var bytes: Int
        /// When it was asked for last; an index of `order`.
        var position: Int32
    }

    /// Of few keys there are few positions, so that sums are short.
    private static let positionsMin = 64

    /// Keys that are followed at a time.
    let keysMax: Int
    /// Hashes below it are followed, of 2³².
    private var threshold: UInt64 = 1 << 32
    private var objects: [Object] = []
    private var index: SlotIndex
    /// Sums of bytes over positions (Fenwick, 1994).
    private var sums: [Int]
    /// Whose position it is; -1: nobody's any more.
    private var order: [Int32]
    private var next = 0
    private var totalBytes = 0
    private(set) var requests = 0.0
    private(set) var curve = MissRatioCurve()

    init(keysMax: Int) {
        self.keysMax = keysMax
        index = SlotIndex(capacity: keysMax + 1)
        sums = Array(repeating: 0, count: Self.positionsMin + 1)
        order = Array(repeating: -1, count: Self.positionsMin)
    }

    var followed: Int { objects.count }
    /// Different keys of the whole stream.
    var distinct: Double { Double(followed) * scale }
    /// Bytes of all different keys.
    var distinctBytes: Double { Double(totalBytes) * scale }
    /// Keys that one stands for.
    private var scale: Double { Double(UInt64(1) << 32) / Double(threshold) }

    @inline(__always)
    mutating func add(_ key: UInt64, bytes: Int) {
        requests += 1
        if key & 0xFFFF_FFFF < threshold { follow(KeyedHash(high: 0, low: key), bytes) }
    }

    private mutating func follow(_ key: KeyedHash, _ bytes: Int) {
        let slot: Int
        if let found = index.find(key, objects) {
            slot = found
            let position = Int(objects[slot].position)
            // What was asked for since then, and the object itself, must fit.
            let depth = totalBytes - sum(through: position) + objects[slot].bytes
            curve.addHit(distance: Double(depth) * scale, weight: scale)
            change(position, by: -objects[slot].bytes)
            order[position] = -1
            // An answer without a body, such as 304, says nothing of the object's size.
            if bytes > 0 { objects[slot].bytes = bytes }
        } else {
            curve.addCold(weight: scale)
            slot = objects.count
            objects.append(Object(key: key, bytes: bytes, position: 0))
            index.insert(slot, key)
        }
        place(slot)
        if objects.count > keysMax { halve() }
        if next == order.count { renumber() }
    }

    private mutating func place(_ slot: Int) {
        objects[slot].position = Int32(truncatingIfNeeded: next)
        order[next] = Int32(truncatingIfNeeded: slot)
        change(next, by: objects[slot].bytes)
        next += 1
    }

    /// Follows half of the keys.
    private mutating func halve() {
        while objects.count > keysMax, threshold > 1 {
            threshold /= 2
            // In their order, so that the slots are it.
            objects = order[..<next].compactMap { $0 < 0 ? nil : objects[Int($0)] }
                .filter { $0.key.low & 0xFFFF_FFFF < threshold }
            placeAll(Array(objects.indices))
        }
        index = SlotIndex(capacity: keysMax + 1)
        for (slot, object) in objects.enumerated() { index.insert(slot, object.key) }
    }

    /// Closes the gaps between positions, of which there are three times as many as keys at first.
    private mutating func renumber() {
        placeAll(order[..<next].filter { $0 >= 0 }.map(Int.init))
    }

    private mutating func placeAll(_ slots: [Int]) {
        let positions = max(Self.positionsMin, slots.count * 4)
        order = Array(repeating: -1, count: positions)
        sums = Array(repeating: 0, count: positions + 1)
        next = 0
        totalBytes = 0
        for slot in slots { place(slot) }
    }

    private mutating func change(_ position: Int, by bytes: Int) {
        totalBytes += bytes
        var place = position + 1
        while place < sums.count {
            sums[place] += bytes
            place += place & -place
        }
    }

    private func sum(through position: Int) -> Int {
        var sum = 0
        var place = position + 1
        while place > 0 {
            sum += sums[place]
            place &= place - 1
        }
        return sum
    }
}
