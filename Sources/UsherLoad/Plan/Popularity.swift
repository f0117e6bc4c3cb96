internal import UsherCore

/// How often each of several things is asked for.
package enum Popularity: Sendable, Hashable {
    /// One after the other, from the beginning again after the last.
    case inOrder
    /// All alike, at random.
    case uniform
    /// The k-th as often as 1/k to the power of `exponent`, as web pages are. Range: above 0, at most 10.
    case zipf(exponent: Double)
}

/// Picks one of `count` things after the other; the same seed gives the same picks.
package struct PopularityPicker: Sendable {
    private enum Way: Sendable {
        case inOrder(next: Int, step: Int)
        case uniform
        case zipf(ZipfSampler)
    }

    private var way: Way
    private var random: SeededRandom
    private let count: Int

    /// - Parameters:
    ///   - count: of the things. Range: 1 and above.
    ///   - part: which of `parts` pickers this is, so that several in order pick what one would.
    package init(_ popularity: Popularity, count: Int, seed: UInt64, part: Int = 0, of parts: Int = 1) {
        self.count = max(1, count)
        // Seeds one after the other would give pickers that repeat each other's numbers one step later.
        var seeds = SeededRandom(seed: seed)
        for _ in 0..<part { _ = seeds.next() }
        random = SeededRandom(seed: seeds.next())
        switch popularity {
        case .inOrder: way = .inOrder(next: part % self.count, step: parts % self.count)
        case .uniform: way = .uniform
        case .zipf(let exponent): way = .zipf(ZipfSampler(count: self.count, exponent: exponent))
        }
    }

    /// The next one's place, in `0..<count`.
    package mutating func next() -> Int {
        switch way {
        case .inOrder(let place, let step):
            // Both are below `count`.
            let sum = place + step
            way = .inOrder(next: sum < count ? sum : sum - count, step: step)
            return place
        case .uniform:
            return random.below(count)
        case .zipf(let sampler):
            return sampler.next(&random)
        }
    }
}
