/// Decimal digits, two at a time.
package enum DecimalDigits {
    /// How many digits a number has: 1...20.
    package static func count(_ value: UInt64) -> Int {
        // log10(2) is a little more than 1233 / 4096: right, or one too few.
        let bits = 64 &- value.leadingZeroBitCount
        let guess = (bits &* 1233) >> 12
        return guess &+ (value >= powers[guess] ? 1 : 0)
    }

    /// Writes a number's digits in front of `end`; the caller has made sure that there is room.
    @unsafe
    package static func write(_ value: UInt64, to space: UnsafeMutableRawBufferPointer, endingAt end: Int) {
        var rest = value
        var place = end
        while rest >= 100 {
            let next = rest / 100
            place &-= 2
            unsafe store(pair: rest &- next &* 100, in: space, at: place)
            rest = next
        }
        if rest >= 10 {
            unsafe store(pair: rest, in: space, at: place &- 2)
        } else {
            unsafe space.storeBytes(
                of: UInt8(truncatingIfNeeded: rest) &+ 0x30, toByteOffset: place &- 1, as: UInt8.self)
        }
    }

    /// Two digits in one store. Below 100, 103 / 1024 is a tenth.
    @inline(__always)
    private static func store(pair: UInt64, in space: UnsafeMutableRawBufferPointer, at place: Int) {
        let tens = (pair &* 103) >> 10
        let digits = (tens | (pair &- tens &* 10) << 8) &+ 0x3030
        unsafe space.storeBytes(
            of: UInt16(truncatingIfNeeded: digits).littleEndian, toByteOffset: place, as: UInt16.self)
    }

    /// 10 to the power of the index, but that 0 has a digit too.
    private static let powers: InlineArray<20, UInt64> = [
        0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
        100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
        10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
    ]
}
