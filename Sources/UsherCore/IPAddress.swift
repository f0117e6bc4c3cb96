/// An IPv4 or IPv6 address as one 128-bit number; an IPv4 address and its mapped form (`::ffff:a.b.c.d`) are equal.
///
/// Zones (`%eth0`) are not part of it.
public struct IPAddress: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first eight bytes in network order, read as one big-endian number.
    public var high: UInt64
    /// The last eight bytes in network order, read as one big-endian number.
    public var low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// `number` is the address as a big-endian number: 127.0.0.1 is 0x7F000001.
    @inlinable
    public init(v4 number: UInt32) {
        self.init(high: 0, low: 0x0000_FFFF_0000_0000 | UInt64(number))
    }

    /// Nil unless there are 4 or 16 bytes.
    public init?(networkBytes bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = bytes.count == 4 ? 0xFFFF : 0
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        self.init(high: bytes.count == 4 ? 0 : high, low: low)
    }

    @inlinable
    public var isV4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The IPv4 address as a big-endian number, or nil for IPv6.
    @inlinable
    public var v4: UInt32? { isV4 ? UInt32(truncatingIfNeeded: low) : nil }

    /// Sixteen bytes in network order, IPv4 in its mapped form.
    public var networkBytes: [UInt8] {
        (0..<16).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - 8 * (index % 8)))
        }
    }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        isV4 ? low >> 24 & 0xFF == 127 : high == 0 && low == 1
    }

    /// 0.0.0.0 or ::, which stand for every address of the machine.
    public var isUnspecified: Bool {
        high == 0 && (low == 0 || low == 0x0000_FFFF_0000_0000)
    }

    /// The address with all bits after the first `prefix` cleared.
    ///
    /// The prefix is counted in the address's own family and clamped to 0...32 or 0...128.
    @inlinable
    public func masked(prefix: Int) -> IPAddress {
        let bits = isV4 ? 96 + Swift.min(Swift.max(prefix, 0), 32) : Swift.min(Swift.max(prefix, 0), 128)
        let highMask = bits >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(bits))
        let lowMask = bits <= 64 ? 0 : bits >= 128 ? UInt64.max : ~(UInt64.max >> UInt64(bits - 64))
        return IPAddress(high: high & highMask, low: low & lowMask)
    }

    @inlinable
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

/// All addresses that share a prefix (CIDR); text form `10.0.0.0/8`, or one address alone.
public struct IPRange: Sendable, Hashable, CustomStringConvertible {
    /// The first address: bits after the prefix are zero.
    public let first: IPAddress
    /// Counted in the address's own family: 0...32 or 0...128.
    public let prefix: Int

    public init(_ address: IPAddress, prefix: Int) {
        let limit = address.isV4 ? 32 : 128
        self.prefix = min(max(prefix, 0), limit)
        first = address.masked(prefix: self.prefix)
    }

    public init(text: String) throws(TextProblem) {
        try self.init(text: text.utf8Span.span)
    }

    /// The same from bytes.
    public init(text: Span<UInt8>) throws(TextProblem) {
        var slash = 0
        while slash < text.count, text[slash] != UInt8(ascii: "/") { slash += 1 }
        guard let address = IPAddress(text: text.extracting(first: slash)) else {
            throw TextProblem("'\(shown(text))' is not a range of addresses; write it like 10.0.0.0/8 or fd00::/8")
        }
        let limit = address.isV4 ? 32 : 128
        guard slash < text.count else {
            self.init(address, prefix: limit)
            return
        }
        guard let prefix = decimal(text.extracting((slash + 1)...), below: limit + 1) else {
            throw TextProblem("the prefix of '\(shown(text))' must be a number from 0 to \(limit)")
        }
        self.init(address, prefix: prefix)
        guard first == address else {
            throw TextProblem("'\(shown(text))' has bits set behind its prefix; the range is \(self)")
        }
    }

    /// False for an address of the other family, even for ::/0 and 0.0.0.0/0.
    @inlinable
    public func contains(_ address: IPAddress) -> Bool {
        address.isV4 == first.isV4 && address.masked(prefix: prefix) == first
    }

    public var description: String { "\(first)/\(prefix)" }
}
