internal import UsherCore

/// Hashes of values: what the advisor keeps instead of the values themselves.
enum FieldHash {
    /// What a missing value has.
    static let none: UInt64 = 0

    /// The same in every run, so that a report can be made again.
    @inline(__always)
    static func of(_ bytes: [UInt8], _ place: Range<Int>) -> UInt64 {
        guard !place.isEmpty else { return none }
        var hash = SipHash(key: (0x7573_6865_7221, 0x6164_7669_7365))
        hash.append(bytes.span.extracting(place))
        // Zero means that there is no value.
        return hash.finish() | 1
    }

    @inline(__always)
    static func of(_ address: IPAddress) -> UInt64 {
        joined(joined(1, address.high), address.low) | 1
    }

    /// A hash of two values in this order.
    @inline(__always)
    static func joined(_ left: UInt64, _ right: UInt64) -> UInt64 {
        // One step of the generator is a bijection that mixes every bit into every other.
        var mix = SeededRandom(seed: left &* 0x9FB2_1C65_1E98_DF25 ^ right)
        return mix.next()
    }
}
