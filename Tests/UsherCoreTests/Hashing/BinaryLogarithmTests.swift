import Glibc
import Testing
import UsherCore

@Suite struct BinaryLogarithmTests {
    private let logarithm = BinaryLogarithm.shared

    @Test("powers of two are exact", arguments: 0...63 as ClosedRange<UInt64>)
    func powers(exponent: UInt64) {
        #expect(logarithm.cost(of: 1 << exponent) == (64 - exponent) * BinaryLogarithm.one)
    }

    @Test("a higher hash never costs more", arguments: 1...3 as ClosedRange<UInt64>)
    func monotonic(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        // Neighbours at random places of every size, and both sides of the ends of table segments.
        for _ in 0..<20_000 {
            let hash = random.next() >> UInt64(random.below(64))
            let segment = hash & ~(UInt64(1) << 51 - 1)
            for low in [hash, segment, segment &- 1] where low < .max {
                #expect(logarithm.cost(of: low) >= logarithm.cost(of: low + 1), "seed \(seed), hash \(low)")
            }
        }
        #expect(logarithm.cost(of: 0) == logarithm.cost(of: 1))
        #expect(logarithm.cost(of: .max) > 0)
    }

    @Test("results are within 1.1e-8 of the logarithm")
    func accuracy() {
        var random = SeededRandom(seed: 4)
        for _ in 0..<20_000 {
            let hash = random.next() >> UInt64(random.below(12)) | 1
            let expected = 64 - log2(Double(hash))
            let cost = Double(logarithm.cost(of: hash)) / Double(BinaryLogarithm.one)
            #expect(cost - expected > -1e-12 && cost - expected < 1.1e-8, "hash \(hash)")
        }
    }
}
