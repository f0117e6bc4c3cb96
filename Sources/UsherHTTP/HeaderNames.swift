/// Finds a name's id by its length and words, without making a String: a hash of both chooses one candidate.
final class HeaderNames: Sendable {
    /// A name as its length and up to four overlapping words, which together determine it when it is at most 32 long.
    struct Key: Equatable {
        var count = 0
        var first: UInt64 = 0
        var second: UInt64 = 0
        var third: UInt64 = 0
        var last: UInt64 = 0

        @inline(__always)
        var slot: Int {
            let mixed = (first ^ last &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: count)) &* multiplier
            return Int(truncatingIfNeeded: mixed &>> 56)
        }

        /// Chosen by trial so that no two names share a slot; a test holds that. A new name may need another number.
        private var multiplier: UInt64 { 0x1818_E811_892F_902B }
    }

    private struct Entry {
        var key = Key()
        var id = HeaderID.other
    }

    static let shared = HeaderNames()

    private let entries: InlineArray<256, Entry>

    private init() {
        var entries = InlineArray<256, Entry>(repeating: Entry())
        for (id, name) in HeaderID.names {
            let bytes: [UInt8] = name.withUTF8Buffer { unsafe Array($0) }
            let key = Self.key(bytes.span, from: 0, count: bytes.count)
            entries[key.slot] = Entry(key: key, id: id)
        }
        self.entries = entries
    }

    /// The id of the name at a place in a head; the bytes must be those of a token.
    @inline(__always)
    func id(_ bytes: Span<UInt8>, from start: Int, count: Int) -> HeaderID {
        guard count >= 2, count <= 32 else { return Self.prefixed(bytes, from: start, count: count) }
        let key = Self.key(bytes, from: start, count: count)
        let slot = key.slot
        if entries[slot].key == key { return entries[slot].id }
        // Only few families of names are known by their beginning: with u, x and r.
        let initial = UInt8(truncatingIfNeeded: key.first)
        return initial == 0x75 || initial == 0x78 || initial == 0x72
            ? Self.prefixed(bytes, from: start, count: count) : .other
    }

    @inline(never)
    private static func prefixed(_ bytes: Span<UInt8>, from start: Int, count: Int) -> HeaderID {
        // Whatever stands behind the word: some services read every byte but letters and digits as `_`.
        if hasPrefix("usher", bytes, from: start, count: count), count > 5, !Octets.isAlphanumeric(bytes[start + 5]) {
            return .usher
        }
        if hasPrefix("x-forwarded-", bytes, from: start, count: count) { return .xForwardedOther }
        let isRateLimit =
            hasPrefix("x-ratelimit-", bytes, from: start, count: count)
            || hasPrefix("ratelimit", bytes, from: start, count: count) && (count == 9 || bytes[start + 9] == 0x2D)
        return isRateLimit ? .rateLimit : .other
    }

    private static func hasPrefix(_ prefix: StaticString, _ bytes: Span<UInt8>, from start: Int, count: Int) -> Bool {
        guard count >= prefix.utf8CodeUnitCount else { return false }
        for offset in 0..<prefix.utf8CodeUnitCount {
            guard unsafe Octets.folded(bytes[start + offset]) == prefix.utf8Start[offset] else { return false }
        }
        return true
    }

    @inline(__always)
    private static func key(_ bytes: Span<UInt8>, from start: Int, count: Int) -> Key {
        var key = Key()
        key.count = count
        if count >= 8 {
            key.first = folded(Octets.word(bytes, at: start))
            key.last = folded(Octets.word(bytes, at: start &+ count &- 8))
            if count > 16 { key.second = folded(Octets.word(bytes, at: start &+ 8)) }
            if count > 24 { key.third = folded(Octets.word(bytes, at: start &+ 16)) }
        } else if count >= 4 {
            key.first = folded(Octets.halfWord(bytes, at: start))
            key.last = folded(Octets.halfWord(bytes, at: start &+ count &- 4))
        } else {
            for offset in 0..<count {
                key.first |= UInt64(Octets.folded(bytes[start &+ offset])) &<< UInt64(8 &* offset)
            }
        }
        return key
    }

    /// Eight bytes of a token without case and with `_` read as `-`.
    ///
    /// Setting the case bit maps no other token byte onto a letter, digit or `-`, and maps `_` onto 0x7F, which no
    /// token
    /// has.
    @inline(__always)
    private static func folded(_ word: UInt64) -> UInt64 {
        let lower = word | 0x2020_2020_2020_2020
        let rest = (lower & 0x7F7F_7F7F_7F7F_7F7F) ^ 0x7F7F_7F7F_7F7F_7F7F
        let others = (rest &+ 0x7F7F_7F7F_7F7F_7F7F) & 0x8080_8080_8080_8080
        let underscores = (others ^ 0x8080_8080_8080_8080) &>> 7
        return lower ^ (underscores &* (0x7F ^ 0x2D))
    }
}
