/// A place in a head's bytes, in bytes from the head's first one; 8 bytes large, so that tables of them stay small.
public struct ByteSlice: Sendable, Hashable {
    /// Offset of the first byte.
    public var start: UInt32
    /// Length in bytes.
    public var count: UInt32

    @inlinable
    public init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    /// No bytes at all, at the head's beginning.
    public static let empty = ByteSlice(start: 0, count: 0)

    @inlinable public var isEmpty: Bool { count == 0 }

    /// Offset behind the last byte.
    @inlinable public var end: Int { Int(start) + Int(count) }

    /// From one offset to another; heads are bounded by `HeadLimits.largestHead`, so both fit in 32 bits.
    @inlinable
    init(from start: Int, to end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: max(0, end - start))
    }

    /// The part of the slice that lies in `count` bytes, so that a slice of an earlier head cannot reach outside.
    @inlinable
    func range(in count: Int) -> Range<Int> {
        let lower = min(Int(start), count)
        return lower..<max(lower, min(end, count))
    }
}
