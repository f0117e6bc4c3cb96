/// Sixteen lanes of sixteen bits, and what is true of each of them, in four words.
///
/// A mask has a lane's highest bit set or clear, and the other bits clear. SIMD vectors would do the same, but cost a
/// hundred times as much where nothing is optimised, which is where tests run.
struct Lanes: Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    static let count = 16
    private static let high: UInt64 = 0x8000_8000_8000_8000

    /// No lane.
    static let none = Lanes()
    /// Every lane.
    static let all = Lanes(high, high, high, high)

    init() {}

    @inline(__always)
    private init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
        words = (first, second, third, fourth)
    }

    subscript(lane: Int) -> UInt16 {
        get { UInt16(truncatingIfNeeded: word(lane / 4) &>> UInt64(lane % 4 * 16)) }
        set {
            let change = UInt64(self[lane] ^ newValue) &<< UInt64(lane % 4 * 16)
            switch lane / 4 {
            case 0: words.0 ^= change
            case 1: words.1 ^= change
            case 2: words.2 ^= change
            default: words.3 ^= change
            }
        }
    }

    @inline(__always)
    private func word(_ index: Int) -> UInt64 {
        switch index {
        case 0: words.0
        case 1: words.1
        case 2: words.2
        default: words.3
        }
    }

    /// The mask of lanes that have equal values.
    @inline(__always)
    func isEqual(_ other: Lanes) -> Lanes {
        Lanes(
            Self.zeros(words.0 ^ other.words.0), Self.zeros(words.1 ^ other.words.1),
            Self.zeros(words.2 ^ other.words.2), Self.zeros(words.3 ^ other.words.3))
    }

    /// The highest bit of each lane that is zero.
    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 {
        // Adding carries into a lane's highest bit when any other is set, and never beyond it.
        ~(((word & ~high) &+ ~high) | word | ~high)
    }

    @inline(__always)
    static func & (left: Lanes, right: Lanes) -> Lanes {
        Lanes(
            left.words.0 & right.words.0, left.words.1 & right.words.1, left.words.2 & right.words.2,
            left.words.3 & right.words.3)
    }

    @inline(__always)
    static func | (left: Lanes, right: Lanes) -> Lanes {
        Lanes(
            left.words.0 | right.words.0, left.words.1 | right.words.1, left.words.2 | right.words.2,
            left.words.3 | right.words.3)
    }

    /// Of masks: the lanes of `left` that `right` does not have.
    @inline(__always)
    static func - (left: Lanes, right: Lanes) -> Lanes {
        Lanes(
            left.words.0 & ~right.words.0, left.words.1 & ~right.words.1, left.words.2 & ~right.words.2,
            left.words.3 & ~right.words.3)
    }

    /// Adds one to the counter of each lane of the mask.
    @inline(__always)
    func count(in counters: inout [Int]) {
        for index in 0..<4 {
            var rest = word(index)
            while rest != 0 {
                counters[index * 4 + rest.trailingZeroBitCount / 16] += 1
                rest &= rest &- 1
            }
        }
    }
}
