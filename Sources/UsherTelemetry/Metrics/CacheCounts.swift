/// One worker's counters by cache and outcome.
struct CacheCounts: Sendable {
    typealias Counts = InlineArray<7, UInt64>

    private var counts: [Counts]

    init(caches: Int) {
        counts = Array(repeating: Counts(repeating: 0), count: max(caches, 0))
    }

    /// Unknown numbers are ignored.
    mutating func count(_ cache: Int, _ outcome: CacheOutcome) {
        guard counts.indices.contains(cache) else { return }
        counts[cache][outcome.rawValue] &+= 1
    }

    subscript(cache: Int) -> Counts {
        counts.indices.contains(cache) ? counts[cache] : Counts(repeating: 0)
    }

    /// Adds the counters of another table under the numbers that `places` gives them; nil: left out.
    mutating func merge(_ other: CacheCounts, places: [Int?]) {
        for (from, place) in places.enumerated() {
            guard let place, counts.indices.contains(place) else { continue }
            let added = other[from]
            for outcome in added.indices {
                counts[place][outcome] = counts[place][outcome].addingSaturating(added[outcome])
            }
        }
    }
}
