/// Logarithms to base 2 in integer arithmetic: the same on every machine, and never decreasing.
///
/// Fixed point with 56 binary places. Between 4,096 table values it interpolates, so results are at most 1.1 × 10⁻⁸ too
/// small.
package struct BinaryLogarithm: Sendable {
    package static let shared = BinaryLogarithm()

    /// One, in the fixed point of all results.
    package static let one: UInt64 = 1 << 56
    private static let segmentBits: UInt64 = 12

    /// log₂(1 + i ÷ 4,096) for i in 0...4,096.
    private let table: [UInt64]

    private init() {
        let segments = UInt64(1) << Self.segmentBits
        table = (0..<segments).map { Self.fraction(of: 1 << 63 + $0 << (63 - Self.segmentBits)) } + [Self.one]
    }

    /// -log₂(hash ÷ 2⁶⁴): exponentially distributed when the hashes are even. Zero counts as 1. Range: 0...64 × `one`.
    package func cost(of hash: UInt64) -> UInt64 {
        let hash = max(hash, 1)
        let zeros = UInt64(hash.leadingZeroBitCount)
        // The leading one is shifted out, which leaves the part behind the point.
        let mantissa = (hash &<< zeros) &<< 1
        let segment = Int(truncatingIfNeeded: mantissa &>> (64 &- Self.segmentBits))
        // The table has one value more than there are segments, so both indexes are in it.
        let low = table[segment]
        let rise = table[segment &+ 1] &- low
        let along = mantissa &<< Self.segmentBits
        let logarithm = low &+ rise.multipliedFullWidth(by: along).high
        // logarithm < one, because `along` is below a whole segment.
        return (zeros &+ 1) &* Self.one &- logarithm
    }

    /// Binary places of log₂(m ÷ 2⁶³) for m with its highest bit set: squaring doubles the logarithm, whose next place
    /// is then before the point.
    private static func fraction(of mantissa: UInt64) -> UInt64 {
        var mantissa = mantissa
        var result: UInt64 = 0
        for _ in 0..<56 {
            let (high, low) = mantissa.multipliedFullWidth(by: mantissa)
            result &<<= 1
            if high &>> 63 == 1 {
                result |= 1
                mantissa = high
            } else {
                mantissa = high &<< 1 | low &>> 63
            }
        }
        return result
    }
}
