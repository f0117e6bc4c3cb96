/// SipHash-2-4 (Aumasson and Bernstein, 2012), with 64 or 128 bits, over bytes that come in pieces.
///
/// Pieces are joined as if they were one; who needs to tell them apart puts their lengths between them.
public struct SipHash: Sendable {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    /// Up to seven bytes that do not make a word yet, the first in the lowest bits.
    private var tail: UInt64 = 0
    private var tailBits: UInt64 = 0
    private var count: UInt64 = 0

    /// The key's two words in little-endian order; `isWide` for `finishWide`, which is another function altogether.
    public init(key: (UInt64, UInt64), isWide: Bool = false) {
        v0 = key.0 ^ 0x736F_6D65_7073_6575
        v1 = key.1 ^ 0x646F_7261_6E64_6F6D ^ (isWide ? 0xEE : 0)
        v2 = key.0 ^ 0x6C79_6765_6E65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    public mutating func append(_ bytes: Span<UInt8>) {
        var index = 0
        while bytes.count - index >= 8 {
            // The condition proves that eight bytes are there; any eight are a valid UInt64.
            let word = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            append(word: UInt64(littleEndian: word))
            index += 8
        }
        while index < bytes.count {
            append(byte: bytes[index])
            index += 1
        }
    }

    /// Eight bytes, the lowest first.
    public mutating func append(word: UInt64) {
        count &+= 8
        compress(tail | word &<< tailBits)
        // Without a tail nothing of the word is left over: a smart shift by 64 gives 0.
        tail = word >> (64 - tailBits)
    }

    private mutating func append(byte: UInt8) {
        count &+= 1
        tail |= UInt64(byte) &<< tailBits
        tailBits += 8
        if tailBits == 64 {
            compress(tail)
            tail = 0
            tailBits = 0
        }
    }

    /// The hash in 64 bits.
    public func finish() -> UInt64 {
        var state = self
        state.compress(tail | count &<< 56)
        return state.squeeze(0xFF)
    }

    /// The hash in 128 bits; only of one that was made with `isWide`.
    public func finishWide() -> (UInt64, UInt64) {
        var state = self
        state.compress(tail | count &<< 56)
        let first = state.squeeze(0xEE)
        state.v1 ^= 0xDD
        return (first, state.squeeze(0))
    }

    private mutating func squeeze(_ mark: UInt64) -> UInt64 {
        v2 ^= mark
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    @inline(__always)
    private mutating func compress(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    /// Additions modulo 2⁶⁴ are the algorithm.
    @inline(__always)
    private mutating func round() {
        v0 &+= v1
        v1 = Self.rotate(v1, 13) ^ v0
        v0 = Self.rotate(v0, 32)
        v2 &+= v3
        v3 = Self.rotate(v3, 16) ^ v2
        v0 &+= v3
        v3 = Self.rotate(v3, 21) ^ v0
        v2 &+= v1
        v1 = Self.rotate(v1, 17) ^ v2
        v2 = Self.rotate(v2, 32)
    }

    @inline(__always)
    private static func rotate(_ word: UInt64, _ bits: UInt64) -> UInt64 {
        word &<< bits | word &>> (64 &- bits)
    }
}
