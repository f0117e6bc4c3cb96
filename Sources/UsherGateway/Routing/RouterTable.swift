/// A hash of bytes that grows byte by byte, so that every prefix of a path costs one more step and not a new pass.
///
/// Keyed, so that nobody outside can prepare names that fall on the same places.
struct RouterHash {
    private var state: UInt64
    private let key: UInt64

    init(seed: UInt64) {
        state = seed ^ 0x6A09_E667_F3BC_C908
        // Odd, as a multiplier must be to lose nothing.
        key = (seed &* 0x9E37_79B9_7F4A_7C15) | 1
    }

    @inline(__always)
    mutating func combine(_ byte: UInt8) {
        // Arithmetic modulo 2⁶⁴.
        state = (state ^ UInt64(byte)) &* key
        state ^= state >> 29
    }

    /// The hash of the bytes so far, within `scope`.
    @inline(__always)
    func value(scope: UInt32) -> UInt64 {
        let product = (state ^ UInt64(scope)).multipliedFullWidth(by: key)
        return product.high ^ product.low
    }
}

@inline(__always)
func asciiLowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// The keys of a router, (scope, bytes) → value: open addressing, at most half full, built once.
struct RouterTable: Sendable {
    private struct Entry {
        var hash: UInt64
        var scope: UInt32
        /// -1 marks an empty place.
        var value: Int32
        var key: Range<Int>
    }

    private var entries: [Entry]
    private var bytes: [UInt8] = []
    private let foldsCase: Bool

    /// `keys` are different from each other, and in lower case when `foldsCase`.
    init(_ keys: [(scope: UInt32, bytes: [UInt8], hash: UInt64, value: Int32)], foldsCase: Bool) {
        self.foldsCase = foldsCase
        var capacity = 2
        while capacity < keys.count * 2 { capacity *= 2 }
        entries = Array(repeating: Entry(hash: 0, scope: 0, value: -1, key: 0..<0), count: capacity)
        for key in keys {
            let start = bytes.count
            bytes.append(contentsOf: key.bytes)
            var place = Int(truncatingIfNeeded: key.hash) & (capacity - 1)
            while entries[place].value >= 0 { place = (place + 1) & (capacity - 1) }
            entries[place] = Entry(hash: key.hash, scope: key.scope, value: key.value, key: start..<bytes.count)
        }
    }

    /// The value of `key`, whose hash within `scope` is `hash`; nil when it is not there.
    func value(of key: Span<UInt8>, hash: UInt64, scope: UInt32) -> Int32? {
        let mask = entries.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        // Half of the places are empty, so this ends.
        while entries[place].value >= 0 {
            if entries[place].hash == hash && entries[place].scope == scope && equals(entries[place].key, key) {
                return entries[place].value
            }
            place = (place + 1) & mask
        }
        return nil
    }

    private func equals(_ range: Range<Int>, _ key: Span<UInt8>) -> Bool {
        guard range.count == key.count else { return false }
        for offset in 0..<key.count {
            let byte = foldsCase ? asciiLowercase(key[offset]) : key[offset]
            if bytes[range.lowerBound + offset] != byte { return false }
        }
        return true
    }
}
