import Testing
import UsherCore

/// The scores themselves are held to their rule by the tests of UsherReplication's `Rendezvous`.
@Suite struct RendezvousTierTests {
    @Test("the order is who is best among those that are left", arguments: 1...20 as ClosedRange<UInt64>)
    func order(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let weights = [1, 4, 1_000_000][random.below(3)]
        let members = (0..<random.below(20)).map { index in
            (tag: random.next(), weight: 1 + random.below(weights), index: index)
        }
        let tier = RendezvousTier(members)
        for _ in 0..<100 {
            let key = random.next()
            var expected: [Int] = []
            while let next = tier.best(key, isAvailable: { !expected.contains($0) }, isFull: { _ in false }) {
                expected.append(next)
            }
            #expect(tier.first(key) == expected.first, "seed \(seed)")
            for count in [-1, 0, 1, 3, members.count, members.count + 1] {
                #expect(tier.order(key, atMost: count) == Array(expected.prefix(max(count, 0))), "seed \(seed)")
            }
        }
    }
}
