import Testing
import UsherCore

@Suite struct SeededRandomTests {
    @Test("the first numbers of seed 1234567 are those of the published algorithm")
    func knownAnswer() {
        var random = SeededRandom(seed: 1_234_567)
        let numbers = (0..<5).map { _ in random.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test("the same seed repeats, another does not")
    func seeds() {
        var first = SeededRandom(seed: 7)
        var second = SeededRandom(seed: 7)
        var third = SeededRandom(seed: 8)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in third.next() })
    }

    @Test("a bound without a choice gives zero", arguments: [Int.min, -1, 0, 1])
    func noChoice(bound: Int) {
        var random = SeededRandom(seed: 1)
        #expect(random.below(bound) == 0)
    }

    @Test("draws stay below the bound and reach every value evenly", arguments: [2, 3, 10, 64])
    func evenly(bound: Int) {
        var random = SeededRandom(seed: 42)
        var counts = [Int](repeating: 0, count: bound)
        for _ in 0..<(bound * 1000) { counts[random.below(bound)] += 1 }
        // Six standard deviations of a count with mean 1000.
        #expect(counts.allSatisfy { (810...1190).contains($0) })
    }

    @Test("the largest bound is kept")
    func largeBound() {
        var random = SeededRandom(seed: 3)
        #expect((0..<1000).allSatisfy { _ in random.below(.max) >= 0 })
    }
}
