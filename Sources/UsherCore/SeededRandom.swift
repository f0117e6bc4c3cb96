/// Random numbers that repeat from the same seed (SplitMix64), so that a failing test can be run again.
///
/// Not for secrets: whoever sees one number knows all that follow.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    @inlinable
    public init(seed: UInt64) {
        state = seed
    }

    /// Every seed gives its own full period of 2⁶⁴ numbers.
    @inlinable
    public mutating func next() -> UInt64 {
        // Arithmetic modulo 2⁶⁴ is the algorithm.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<bound`, or 0 when there is no choice (`bound` is 1 or less).
    ///
    /// One multiplication and no division; a value is at most `bound` / 2⁶⁴ likelier than another.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        guard bound > 1 else { return 0 }
        // The high word of the product is below `bound`, so it fits.
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
