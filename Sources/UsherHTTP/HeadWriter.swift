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

    /// Copies a part of some bytes.
    @inlinable @inline(__always)
    public mutating func write(_ bytes: Span<UInt8>, _ range: Range<Int>) {
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
        let value = UInt64(max(number, 0))
        self.count &+= DecimalDigits.count(value)
        if unsafe self.count <= self.space.count {
            unsafe DecimalDigits.write(value, to: self.space, endingAt: self.count)
        }
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
