import Testing
import UsherCore
import UsherReplication

@Suite struct LoadBoundTests {
    @Test(
        "capacity is the share of the fair part, rounded up, the coming request included",
        arguments: [
            // share, weight, weights, in flight, capacity
            (125, 1, 4, 0, 1), (125, 1, 4, 3, 2), (125, 1, 4, 15, 5), (125, 1, 4, 16, 6), (125, 3, 4, 15, 15),
            (100, 1, 3, 8, 3), (100, 1, 3, 9, 4), (1_000, 1, 10, 9, 10), (50, 1, 2, 9, 5), (125, 1, 1, 99, 125),
            (125, 0, 0, -5, 2), (125, -1, -1, 0, 2),
        ])
    func capacity(percent: Int, weight: Int, weights: Int, inFlight: Int, expected: Int) {
        let bound = LoadBound(atMost: Share(percent: percent))
        #expect(bound.capacity(weight: weight, ofWeights: weights, inFlight: inFlight) == expected)
    }

    @Test("full means as many as the capacity", arguments: 1...5 as ClosedRange<UInt64>)
    func full(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<2_000 {
            let bound = LoadBound(atMost: Share(percent: 100 + random.below(900)))
            let weight = 1 + random.below(1_000)
            let weights = weight + random.below(100_000)
            let inFlight = random.below(10_000)
            let capacity = bound.capacity(weight: weight, ofWeights: weights, inFlight: inFlight)
            #expect(capacity >= 1)
            for load in [0, capacity - 1, capacity, capacity + 1] {
                let isFull = bound.isFull(load: load, weight: weight, ofWeights: weights, inFlight: inFlight)
                #expect(isFull == (load >= capacity), "seed \(seed), load \(load) of \(capacity)")
            }
        }
    }

    @Test("no number is too large", arguments: [Int.min, -1, 0, 1, Int.max])
    func extremes(number: Int) {
        let bound = LoadBound(atMost: Share(partsPerMillion: number))
        #expect(bound.capacity(weight: number, ofWeights: 1, inFlight: number) >= 1)
        #expect(bound.capacity(weight: 1, ofWeights: number, inFlight: number) >= 1)
        #expect(!bound.isFull(load: min(number, 0), weight: number, ofWeights: number, inFlight: number))
        #expect(LoadBound(atMost: Share(percent: 125)).isFull(load: .max, weight: 1, ofWeights: 1, inFlight: number))
    }

    /// Requests come and go at random; whoever gets one has room for it by the numbers of that moment.
    @Test(
        "a bounded endpoint never gets more than its capacity", arguments: [101, 125, 200], 1...4 as ClosedRange<UInt64>
    )
    func never(percent: Int, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let bound = LoadBound(atMost: Share(percent: percent))
        let weights = (0..<12).map { _ in 1 + random.below(5) }
        let rendezvous = Rendezvous(weights.map { (tag: random.next(), weight: $0, isBackup: false) })
        let total = weights.reduce(0, +)
        var loads = [Int](repeating: 0, count: weights.count)
        var open: [Int] = []
        // A fifth of the keys is one key, which alone would overload its endpoint.
        let hot = SessionKey(hash: random.next())
        var moved = 0
        for _ in 0..<20_000 {
            if random.below(100) < 48, !open.isEmpty {
                loads[open.remove(at: random.below(open.count))] -= 1
                continue
            }
            let key = random.below(5) == 0 ? hot : SessionKey(hash: random.next())
            let inFlight = open.count
            let choice = try #require(
                rendezvous.pick(key) { _ in
                    true
                } isFull: { index in
                    bound.isFull(load: loads[index], weight: weights[index], ofWeights: total, inFlight: inFlight)
                })
            loads[choice.index] += 1
            open.append(choice.index)
            moved += choice.isFirstChoice ? 0 : 1
            let capacity = bound.capacity(weight: weights[choice.index], ofWeights: total, inFlight: inFlight)
            #expect(loads[choice.index] <= capacity, "seed \(seed)")
        }
        #expect(moved > 0, "seed \(seed): the bound was never met")
    }
}
