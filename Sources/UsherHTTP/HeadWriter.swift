public import NIOCore

/// Writes a head piece by piece into room that was reserved once: a bounds check and a copy each, no buffer
/// bookkeeping in between.
///
/// What does not fit is counted and left out; `ByteBuffer.writeHead` then makes the room and writes everything anew.
/// It is made only there, where the room is valid, and writes only inside it.
@safe
public struct HeadWriter: ~Copyable {
    @usableFromInline let space: UnsafeMutableRawBufferPointer
    /// Bytes wanted so far, in and beyond the room.
    @usableFromInline var count = 0

    @inlinable
    init(_ space: UnsafeMutableRawBufferPointer) {
        unsafe self.space = space
    }

    @inlinable @inline(__always)
    public mutating func write(_ text: StaticString) {
        unsafe self.copy(UnsafeRawPointer(text.utf8Start), text.utf8CodeUnitCount)
    }

    @inlinable @inline(__always)
    public mutating func write(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { source in
            if let base = source.baseAddress { unsafe self.copy(base, source.count) }
        }
    }

    /// Copies a slice of a head's bytes.
    @inlinable @inline(__always)
    public mutating func write(_ slice: ByteSlice, of bytes: Span<UInt8>) {
        self.write(bytes, slice.range(in: bytes.count))
    }

    @inlinable @inline(__always)
    mutating func write(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        unsafe bytes.extracting(range).withUnsafeBytes { source in
            if let base = source.baseAddress { unsafe self.copy(base, source.count) }
        }
    }

    @inlinable @inline(__always)
    public mutating func write(byte: UInt8) {
        if unsafe self.count < self.space.count { unsafe self.space[self.count] = byte }
        self.count &+= 1
    }

    /// Appends a number that is not negative in decimal digits; a negative one as 0.
    public mutating func write(decimal number: Int) {
        var rest = UInt64(max(number, 0))
        var width = 1
        var bound: UInt64 = 10
        // 20 digits hold every 64-bit number; the 20th would overflow the bound.
        while width < 19 && rest >= bound {
            bound &*= 10
            width &+= 1
        }
        if width == 19 && rest >= bound { width = 20 }
        let end = self.count &+ width
        guard unsafe end <= self.space.count else {
            self.count = end
            return
        }
        var place = end
        // Two digits at a time.
        while rest >= 100 {
            let pair = Int(truncatingIfNeeded: rest % 100)
            rest /= 100
            place &-= 2
            unsafe self.space[place] = Self.pairs.utf8Start[2 &* pair]
            unsafe self.space[place &+ 1] = Self.pairs.utf8Start[2 &* pair &+ 1]
        }
        if rest >= 10 {
            unsafe self.space[place &- 2] = Self.pairs.utf8Start[2 &* Int(truncatingIfNeeded: rest)]
            unsafe self.space[place &- 1] = Self.pairs.utf8Start[2 &* Int(truncatingIfNeeded: rest) &+ 1]
        } else {
            unsafe self.space[place &- 1] = UInt8(truncatingIfNeeded: rest) &+ 0x30
        }
        self.count = end
    }

    /// `00` to `99`.
    private static var pairs: StaticString {
        """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """
    }

    /// Appends 16 hexadecimal digits, in lower case.
    public mutating func write(hexadecimal number: UInt64) {
        let end = self.count &+ 16
        if unsafe end <= self.space.count {
            unsafe Hexadecimal.write(number, to: self.space, at: self.count)
        }
        self.count = end
    }

    @inlinable @inline(__always)
    mutating func copy(_ source: UnsafeRawPointer, _ length: Int) {
        // Lengths are those of buffers in memory: their sum does not overflow.
        let end = self.count &+ length
        if unsafe end <= self.space.count, let base = unsafe self.space.baseAddress {
            unsafe (base + self.count).copyMemory(from: source, byteCount: length)
        }
        self.count = end
    }
}

extension ByteBuffer {
    /// Appends what `body` writes; called again with more room when `reserving` was too little.
    @inlinable @inline(__always)
    public mutating func writeHead(reserving bytes: Int, _ body: (inout HeadWriter) -> Void) {
        var room = bytes
        while true {
            var wanted = 0
            var fits = false
            unsafe self.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                var writer = unsafe HeadWriter(space)
                body(&writer)
                wanted = writer.count
                fits = wanted <= space.count
                return fits ? wanted : 0
            }
            if fits { return }
            room = wanted
        }
    }
}
