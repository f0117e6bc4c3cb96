public import NIOCore

extension MessageHead {
    /// Appends a slice's bytes.
    @inlinable
    public func copy(_ slice: ByteSlice, to out: inout ByteBuffer) {
        self.withBytes(slice) { span in _ = unsafe out.writeBytes(span.bytes) }
    }
}

/// Numbers in heads.
public enum DecimalText {
    /// Appends a number that is not negative in decimal digits; a negative one as 0.
    @inlinable
    public static func write(_ number: Int, to out: inout ByteBuffer) {
        var rest = UInt64(max(number, 0))
        // As many places as the largest 64-bit number has.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var place = 20
        repeat {
            place -= 1
            digits[place] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
            rest /= 10
        } while rest > 0
        unsafe out.writeBytes(digits.span.extracting(place..<20).bytes)
    }
}
