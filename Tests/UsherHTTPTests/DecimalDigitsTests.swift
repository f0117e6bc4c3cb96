import Testing
import UsherCore
import UsherHTTP

@Suite("Decimal digits", .timeLimit(.minutes(1)))
struct DecimalDigitsTests {
    private static func text(_ value: UInt64) -> String {
        let count = DecimalDigits.count(value)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { space, initialized in
            DecimalDigits.write(value, to: UnsafeMutableRawBufferPointer(space), endingAt: count)
            initialized = count
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("every length, and both sides of its bounds")
    func bounds() {
        var values: [UInt64] = [0, .max]
        var power: UInt64 = 1
        for _ in 0..<20 {
            values += [power - 1, power, power + 1]
            power &*= 10
        }
        for bit in 0..<64 { values += [1 << bit, (1 << bit) - 1] }
        for value in values { #expect(Self.text(value) == "\(value)") }
    }

    @Test("any number")
    func random() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<10_000 {
            let value = random.next() >> random.below(64)
            #expect(Self.text(value) == "\(value)", "seed \(seed)")
        }
    }
}
