/// Rendezvous hashing with weights (Thaler and Ravishankar, 1998; Schindelhauer and Schomaker, 2005): every member has
/// a score for every key, -weight ÷ log(h ÷ 2⁶⁴) of a hash h of both, and the highest wins.
///
/// A tie goes to the higher hash, then to the heavier member, then to the smaller tag. Members lie by falling weight
/// and then by rising tag, so one whose hash is below an earlier one's cannot win, and logarithms are rarely needed.
package struct RendezvousTier: Sendable {
    /// `tag` is the hash of a name. `weight` is clamped to 1...1,000,000. `index` is what the answers say.
    package typealias Member = (tag: UInt64, weight: Int, index: Int)

    /// Lists side by side, so that scanning touches the tags alone.
    private let tags: [UInt64]
    private let weights: [UInt64]
    private let indexes: [Int]
    private let logarithm = BinaryLogarithm.shared

    /// The best of the members looked at so far.
    private struct Leader {
        var place = -1
        var hash: UInt64 = 0
        /// The highest hash looked at; whoever comes later and is below it has lost, because no earlier one is lighter.
        var threshold: UInt64 = 0
    }

    package init(_ members: [Member]) {
        let sorted = members.map { (tag: $0.tag, weight: Self.clamped($0.weight), index: $0.index) }
            // The index comes last, for two members of one name: only then can the order of the list be seen.
            .sorted { ($1.weight, $0.tag, $0.index) < ($0.weight, $1.tag, $1.index) }
        tags = sorted.map(\.tag)
        weights = sorted.map(\.weight)
        indexes = sorted.map(\.index)
    }

    private static func clamped(_ weight: Int) -> UInt64 {
        UInt64(min(max(weight, 1), 1_000_000))
    }

    /// The highest score of all.
    package func first(_ key: UInt64) -> Int? {
        guard !tags.isEmpty else { return nil }
        var leader = Leader()
        let tags = self.tags.span
        for place in tags.indices {
            let hash = Self.mixed(key ^ tags[place])
            if hash > leader.threshold { consider(place, hash, &leader) }
        }
        // Nobody is above zero once in 2⁶⁴ keys; then the first wins the tie.
        return indexes[max(leader.place, 0)]
    }

    /// The highest score of those available and not full, else of those available.
    @inline(never)
    package func best(_ key: UInt64, isAvailable: (Int) -> Bool, isFull: (Int) -> Bool) -> Int? {
        var free = Leader()
        var full = Leader()
        let tags = self.tags.span
        for place in tags.indices {
            // One more than nothing, so that a hash of zero can be chosen when it is the only one.
            let hash = max(Self.mixed(key ^ tags[place]), 1)
            guard hash > free.threshold else { continue }
            let index = indexes[place]
            guard isAvailable(index) else { continue }
            if !isFull(index) {
                consider(place, hash, &free)
            } else if hash > full.threshold {
                consider(place, hash, &full)
            }
        }
        let place = free.place >= 0 ? free.place : full.place
        return place >= 0 ? indexes[place] : nil
    }

    /// The highest scores, the highest first. At most `count` of them.
    package func order(_ key: UInt64, atMost count: Int) -> [Int] {
        guard count > 0 else { return [] }
        var best: [(place: Int, hash: UInt64)] = []
        for place in tags.indices {
            let hash = Self.mixed(key ^ tags[place])
            var rank = best.count
            while rank > 0, wins(place, hash, against: best[rank - 1].place, best[rank - 1].hash) { rank -= 1 }
            guard rank < count else { continue }
            if best.count == count { best.removeLast() }
            best.insert((place, hash), at: rank)
        }
        return best.map { indexes[$0.place] }
    }

    /// - Parameter hash: above the leader's threshold.
    private func consider(_ place: Int, _ hash: UInt64, _ leader: inout Leader) {
        leader.threshold = hash
        guard leader.place < 0 || wins(place, hash, against: leader.place, leader.hash) else { return }
        leader.place = place
        leader.hash = hash
    }

    /// Whether a member's cost ÷ weight is lower than that of one that lies before it.
    private func wins(_ place: Int, _ hash: UInt64, against earlier: Int, _ earlierHash: UInt64) -> Bool {
        guard weights[place] != weights[earlier] else { return hash > earlierHash }
        let own = logarithm.cost(of: hash).multipliedFullWidth(by: weights[earlier])
        let other = logarithm.cost(of: earlierHash).multipliedFullWidth(by: weights[place])
        guard own.high == other.high, own.low == other.low else {
            return (own.high, own.low) < (other.high, other.low)
        }
        return hash > earlierHash
    }

    /// Spreads every bit of the input over all upper bits of the result; distinct inputs stay distinct.
    @inline(__always)
    private static func mixed(_ word: UInt64) -> UInt64 {
        // Multiplication modulo 2⁶⁴ by odd constants is the algorithm.
        var word = word
        word = (word ^ word &>> 32) &* 0x9FB2_1C65_1E98_DF25
        return (word ^ word &>> 29) &* 0xBF58_476D_1CE4_E5B9
    }
}
