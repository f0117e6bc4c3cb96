internal import UsherCore

/// Whether requests with the same key get the same answer, and if not, what else would have to be in the key.
///
/// Of sampled keys the last eight requests are kept. For a field F, a new request is compared with two of them: the
/// latest whose F is another (`between`), and the latest before that whose F is the same (`before`).
///
/// Answer as `before` | Answer as `between` | Says
/// -------------------|---------------------|--------------------------------------------
/// yes                | no                  | for: the answer came back with F's value
/// no                 | yes                 | against: it stayed the same whatever F was
/// both, or neither   |                     | nothing
///
/// Without F both happen equally often, as `before` and `between` differ in nothing else; so the difference is proof
/// (McNemar's test), however the answers themselves are distributed. An answer that changes for everybody counts
/// against F, not for it: `between` is the later of the two.
struct AnswerTest: Sendable {
    /// Hashes of a request's explaining fields, and its answer's fingerprint in the last lane.
    typealias Visit = Lanes

    static let fingerprintLane = Lanes.count - 1

    private struct Key: KeyedSlot {
        var key: KeyedHash
        /// Visits so far; the latest is at `(count - 1) % depth`.
        var count = 0
    }

    /// Counts of comparisons, a lane a field.
    struct Counts: Sendable {
        var inFavour = [Int](repeating: 0, count: Lanes.count)
        var against = [Int](repeating: 0, count: Lanes.count)
        /// Comparisons in which F was the same and the answer was not.
        var unlike = [Int](repeating: 0, count: Lanes.count)
        var comparisons = [Int](repeating: 0, count: Lanes.count)
        /// Requests whose predecessor had another F.
        var changes = [Int](repeating: 0, count: Lanes.count)
        /// Requests that had a predecessor.
        var repeats = 0
        /// Those whose predecessor got another answer.
        var differing = 0
    }

    private static let depth = 8
    private static let keysMax = 1024
    /// Comparisons after which every eighth batch is enough.
    private static let repeatsWanted = 16_384

    private(set) var counts = Counts()
    private var keys: [Key] = []
    private var visits: [Visit] = []
    private var index = SlotIndex(capacity: keysMax + 1)
    /// Hashes below it are followed, of 2³².
    private var threshold: UInt64 = 1 << 32
    private var batches = 0

    mutating func add(_ batch: borrowing RecordBatch, _ hashes: [UInt64]) {
        batches += 1
        guard counts.repeats < Self.repeatsWanted || batches.isMultiple(of: 8) else { return }
        // Other bits than those that say where in the load map it lies.
        for row in 0..<batch.count where hashes[row] & 0xFFFF_FFFF < threshold {
            let visit = batch.visits[row]
            if visit[Self.fingerprintLane] != 0 { follow(KeyedHash(high: 0, low: hashes[row]), visit) }
        }
    }

    private mutating func follow(_ key: KeyedHash, _ visit: Visit) {
        let slot: Int
        if let found = index.find(key, keys) {
            slot = found
            compare(visit, slot)
        } else {
            slot = keys.count
            keys.append(Key(key: key))
            visits.append(contentsOf: repeatElement(Visit(), count: Self.depth))
            index.insert(slot, key)
        }
        visits[slot * Self.depth + keys[slot].count % Self.depth] = visit
        keys[slot].count += 1
        if keys.count > Self.keysMax { halve() }
    }

    private mutating func compare(_ visit: Visit, _ slot: Int) {
        let known = min(keys[slot].count, Self.depth)
        /// Lanes that have found their `between`, one with another answer, and their `before`.
        var (hasBetween, isBetweenUnlike, isDone) = (Lanes.none, Lanes.none, Lanes.none)
        var (isBeforeUnlike, isBeforeLike) = (Lanes.none, Lanes.none)
        counts.repeats += 1
        for age in 1...known {
            let other = visits[slot * Self.depth + (keys[slot].count - age) % Self.depth]
            let isUnlike = other[Self.fingerprintLane] != visit[Self.fingerprintLane]
            let isSame = visit.isEqual(other)
            if age == 1 {
                if isUnlike { counts.differing += 1 }
                (.all - isSame).count(in: &counts.changes)
            }
            let isBefore = (isSame & hasBetween) - isDone
            isDone = isDone | isBefore
            let isBetween = .all - isSame - hasBetween
            hasBetween = hasBetween | isBetween
            if isUnlike {
                isBetweenUnlike = isBetweenUnlike | isBetween
                isBeforeUnlike = isBeforeUnlike | isBefore
            } else {
                isBeforeLike = isBeforeLike | isBefore
            }
        }
        isDone.count(in: &counts.comparisons)
        isBeforeUnlike.count(in: &counts.unlike)
        (isBeforeLike & isBetweenUnlike).count(in: &counts.inFavour)
        (isBeforeUnlike - isBetweenUnlike).count(in: &counts.against)
    }

    private mutating func halve() {
        var kept: [Int] = []
        while kept.isEmpty || kept.count > Self.keysMax {
            threshold /= 2
            kept = keys.indices.filter { keys[$0].key.low & 0xFFFF_FFFF < threshold }
            if threshold == 0 { break }
        }
        keys = kept.map { keys[$0] }
        visits = kept.flatMap { visits[($0 * Self.depth)..<(($0 + 1) * Self.depth)] }
        index = SlotIndex(capacity: Self.keysMax + 1)
        for (slot, key) in keys.enumerated() { index.insert(slot, key.key) }
    }
}
