import Foundation
import Testing
import UsherCore
import UsherLoad

@Suite("What is asked for how often", .timeLimit(.minutes(1)))
struct PopularityTests {
    @Test("in order begins anew after the last")
    func inOrder() {
        var picker = PopularityPicker(.inOrder, count: 3, seed: 1)
        #expect((0..<7).map { _ in picker.next() } == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test("several workers in order pick together what one would", arguments: [(5, 2), (3, 4), (1, 3)])
    func parts(count: Int, parts: Int) {
        var pickers = (0..<parts).map { PopularityPicker(.inOrder, count: count, seed: 1, part: $0, of: parts) }
        let picked = (0..<20).map { pickers[$0 % parts].next() }
        #expect(picked == (0..<20).map { $0 % count })
    }

    @Test("the same seed picks the same, workers pick differently")
    func seeds() {
        func picks(_ seed: UInt64, _ part: Int) -> [Int] {
            var picker = PopularityPicker(.uniform, count: 1000, seed: seed, part: part, of: 2)
            return (0..<20).map { _ in picker.next() }
        }
        #expect(picks(1, 0) == picks(1, 0))
        #expect(picks(1, 0) != picks(2, 0))
        #expect(picks(1, 0) != picks(1, 1))
    }

    @Test("uniform picks all alike")
    func uniform() {
        let seed = UInt64.random(in: .min ... .max)
        var picker = PopularityPicker(.uniform, count: 10, seed: seed)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<100_000 { counts[picker.next()] += 1 }
        // Six standard deviations.
        #expect(counts.allSatisfy { abs($0 - 10_000) < 570 }, "seed \(seed): \(counts)")
    }

    @Test("Zipf's frequencies are those of the law", arguments: [0.3, 0.8, 0.99, 1.0, 1.2, 2.5])
    func zipf(exponent: Double) {
        let seed = UInt64.random(in: .min ... .max)
        let count = 1000
        let draws = 300_000
        var picker = PopularityPicker(.zipf(exponent: exponent), count: count, seed: seed)
        var counts = [Int](repeating: 0, count: count)
        for _ in 0..<draws { counts[picker.next()] += 1 }
        let weights = (1...count).map { pow(Double($0), -exponent) }
        let sum = weights.reduce(0, +)
        for rank in [0, 1, 2, 3, 5, 9, 20, 100, 999] {
            let expected = weights[rank] / sum * Double(draws)
            let deviation = max(expected.squareRoot(), 1)
            #expect(abs(Double(counts[rank]) - expected) < 6 * deviation, "seed \(seed), rank \(rank)")
        }
        let half = counts.prefix(10).reduce(0, +)
        let expectedHalf = weights.prefix(10).reduce(0, +) / sum * Double(draws)
        #expect(abs(Double(half) - expectedHalf) < 6 * expectedHalf.squareRoot(), "seed \(seed)")
    }

    @Test("Zipf stays within its bounds", arguments: [1, 2, 3, 1_000_000_000], [0.01, 0.99, 1, 10])
    func bounds(count: Int, exponent: Double) {
        let seed = UInt64.random(in: .min ... .max)
        var picker = PopularityPicker(.zipf(exponent: exponent), count: count, seed: seed)
        for _ in 0..<2000 {
            let place = picker.next()
            #expect((0..<count).contains(place), "seed \(seed)")
        }
    }
}
