import Testing
import UsherCore
import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct HotKeyCopiesTests {
    @Test("two copies that differ are drawn, every pair as often, and the less loaded is chosen")
    func pairs() {
        var random = SeededRandom(seed: 1)
        var chosen = [Int](repeating: 0, count: 4)
        for _ in 0..<12_000 {
            var asked: Set<Int> = []
            let choice = HotKeyCopies.choose(among: 4, random: &random) { copy in
                asked.insert(copy)
                return copy
            }
            #expect(asked.count == 2 && asked.min() == choice)
            chosen[choice] += 1
        }
        // Of six pairs three have 0 as the smaller one, two have 1, and one has 2.
        for (count, expected) in zip(chosen, [6_000, 4_000, 2_000, 0]) { #expect(abs(count - expected) < 250) }
    }

    @Test("of one copy there is no choice")
    func one() {
        var random = SeededRandom(seed: 1)
        #expect(HotKeyCopies.choose(among: 1, random: &random, load: { _ in 7 }) == 0)
    }

    @Test("equal loads give every copy its part")
    func ties() {
        var random = SeededRandom(seed: 2)
        var chosen = [Int](repeating: 0, count: 5)
        for _ in 0..<10_000 { chosen[HotKeyCopies.choose(among: 5, random: &random, load: { _ in 0 })] += 1 }
        #expect(chosen.allSatisfy { abs($0 - 2_000) < 180 }, "\(chosen)")
    }

    @Test("a heavier shard's requests load it less, and half of the load is forgotten at a time")
    func recent() {
        var load = RecentLoad(weights: [1, 2, 1_000_000, 0])
        for shard in 0..<4 { load.requestSent(to: shard) }
        load.requestSent(to: 1)
        #expect(load[0] == load[1] && load[0] == load[3])
        #expect(load[2] > 0 && load[2] < load[0] / 900_000)
        let before = load[0]
        load.rotate()
        #expect(load[0] == before / 2)
    }
}
