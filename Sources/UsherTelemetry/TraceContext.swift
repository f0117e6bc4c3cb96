package import NIOCore
package import UsherCore
package import UsherHTTP

/// Where a request stands in a distributed trace (W3C Trace Context, `traceparent`).
///
/// A valid one from the client is continued with a new span; anything else is forgotten, and its `tracestate` with it.
package struct TraceContext: Sendable, Hashable {
    /// The trace's 16 bytes, read as two big-endian numbers; never both zero.
    package let traceHigh: UInt64
    package let traceLow: UInt64
    /// The span's 8 bytes, read as one big-endian number; never zero.
    package let span: UInt64
    /// Bit 0: sampled; bit 1: the trace's id is random. No others are ever passed on.
    package let flags: UInt8

    /// Bytes of the text form: version, trace, span and flags with three dashes.
    package static let textLength = 55

    /// The header's value, or nil when it must be ignored: version ff, a wrong length, upper case, zero ids.
    ///
    /// Version 00 is exactly 55 bytes. A higher one may go on after another dash; only its first four parts are read.
    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.textLength, let version = Hexadecimal.readByte(bytes, at: 0), version != 0xff else {
            return nil
        }
        let dash = UInt8(ascii: "-")
        guard bytes[2] == dash, bytes[35] == dash, bytes[52] == dash else { return nil }
        if bytes.count > Self.textLength {
            guard version > 0, bytes[55] == dash else { return nil }
        }
        guard let high = Hexadecimal.read(bytes, at: 3), let low = Hexadecimal.read(bytes, at: 19),
            let span = Hexadecimal.read(bytes, at: 36), let flags = Hexadecimal.readByte(bytes, at: 53),
            high | low != 0, span != 0
        else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, flags: flags & 0x03)
    }

    /// The same for bytes in an array.
    package init?(_ bytes: [UInt8]) {
        self.init(bytes.span)
    }

    private init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, flags: UInt8) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.flags = flags
    }

    /// A new trace with its first span, marked as sampled: the access log has every request.
    package static func started(random: inout SeededRandom) -> TraceContext {
        TraceContext(
            traceHigh: random.next(), traceLow: max(random.next(), 1), span: max(random.next(), 1), flags: 0x01)
    }

    /// The same trace with a new span, as the request is sent on.
    package func continued(random: inout SeededRandom) -> TraceContext {
        TraceContext(traceHigh: traceHigh, traceLow: traceLow, span: max(random.next(), 1), flags: flags)
    }

    /// Appends the header's value: 55 bytes, version 00.
    package func write(to buffer: inout ByteBuffer) {
        buffer.writeHead(reserving: Self.textLength) { writer in self.write(to: &writer) }
    }

    /// The same into a head that is being written.
    package func write(to writer: inout HeadWriter) {
        writer.write("00-")
        writer.write(hexadecimal: self.traceHigh)
        writer.write(hexadecimal: self.traceLow)
        writer.write("-")
        writer.write(hexadecimal: self.span)
        // Two bits, so the flags are one digit.
        writer.write("-0")
        writer.write(byte: UInt8(ascii: "0") &+ self.flags)
    }

    /// Writes the trace's 32 digits at an offset; the caller has made sure that there is room.
    func writeTrace(to space: UnsafeMutableRawBufferPointer, at offset: Int) {
        Hexadecimal.write(traceHigh, to: space, at: offset)
        Hexadecimal.write(traceLow, to: space, at: offset + 16)
    }
}
