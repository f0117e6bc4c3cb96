/// Primaries or backups of a `Rendezvous`, by falling weight and then by rising tag.
struct RendezvousTier: Sendable {
    /// Lists side by side, so that scanning touches the tags alone.
    private let tags: [UInt64]
    private let weights: [UInt64]
    private let indexes: [Int]
    private let logarithm = BinaryLogarithm.shared

    /// The best of the endpoints looked at so far.
    private struct Leader {
        var place = -1
        var hash: UInt64 = 0
        /// The highest hash looked at; whoever comes later and is below it has lost, because no earlier one is lighter.
        var threshold: UInt64 = 0
    }

    init(_ endpoints: [(tag: UInt64, weight: Int, isBackup: Bool)], backups: Bool) {
        let sorted = endpoints.enumerated().filter { $0.element.isBackup == backups }
            .map { (tag: $0.element.tag, weight: Self.clamped($0.element.weight), index: $0.offset) }
            // The index comes last, for two endpoints of one name: only then can the order of the list be seen.
            .sorted { ($1.weight, $0.tag, $0.index) < ($0.weight, $1.tag, $1.index) }
        tags = sorted.map(\.tag)
        weights = sorted.map(\.weight)
        indexes = sorted.map(\.index)
    }

    private static func clamped(_ weight: Int) -> UInt64 {
        UInt64(min(max(weight, 1), 1_000_000))
    }

    /// The highest score of all.
    func first(_ key: SessionKey) -> Int? {
        guard !tags.isEmpty else { return nil }
        var leader = Leader()
        let tags = self.tags.span
        for place in tags.indices {
            let hash = Self.mixed(key.hash ^ tags[place])
            if hash > leader.threshold { consider(place, hash, &leader) }
        }
        // Nobody is above zero once in 2⁶⁴ keys; then the first wins the tie.
        return indexes[max(leader.place, 0)]
    }

    /// The highest score of those available and not full, else of those available.
    @inline(never)
    func best(_ key: SessionKey, isAvailable: (Int) -> Bool, isFull: (Int) -> Bool) -> Int? {
        var free = Leader()
        var full = Leader()
        let tags = self.tags.span
        for place in tags.indices {
            // One more than nothing, so that a hash of zero can be chosen when it is the only one.
            let hash = max(Self.mixed(key.hash ^ tags[place]), 1)
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

    /// Lets the endpoint lead if its cost ÷ weight is lower than the leader's.
    private func consider(_ place: Int, _ hash: UInt64, _ leader: inout Leader) {
        leader.threshold = hash
        if leader.place >= 0, weights[place] != weights[leader.place] {
            let own = logarithm.cost(of: hash).multipliedFullWidth(by: weights[leader.place])
            let best = logarithm.cost(of: leader.hash).multipliedFullWidth(by: weights[place])
            // A tie goes to the higher hash, and this one is.
            guard (own.high, own.low) <= (best.high, best.low) else { return }
        }
        leader.place = place
        leader.hash = hash
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
