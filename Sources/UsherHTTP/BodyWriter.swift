public import NIOCore

/// Writes the framing of a chunked body (RFC 9112 §7.1).
public enum BodyWriter {
    /// The line before a chunk's content; `count` is the content's length in bytes and more than 0.
    public static func writeChunkHead(_ count: Int, to out: inout ByteBuffer) {
        var digits = InlineArray<18, UInt8>(repeating: 0x30)
        digits[16] = Octets.carriageReturn
        digits[17] = Octets.lineFeed
        var start = 16
        var rest = UInt(max(0, count))
        repeat {
            start -= 1
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            digits[start] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
            rest &>>= 4
        } while rest != 0 && start > 0
        out.append(digits.span.extracting(start..<18))
    }

    /// The CRLF behind a chunk's content.
    public static func writeChunkEnd(to out: inout ByteBuffer) {
        out.writeStaticString("\r\n")
    }

    /// The last chunk, the trailers and the empty line.
    public static func writeLastChunk(trailers: Trailers?, to out: inout ByteBuffer) {
        out.writeStaticString("0\r\n")
        if let trailers { out.writeImmutableBuffer(trailers.bytes) }
        out.writeStaticString("\r\n")
    }
}
