package import NIOCore
package import UsherHTTP

/// What names a request over all the services it passes (`X-Request-Id`).
///
/// A readable one that comes with the request is kept, so that a caller finds its own name in our log. Otherwise the
/// trace's 32 digits are the name: one number to look for in logs and traces.
package enum RequestID: Sendable, Hashable {
    /// Bytes of the request's head.
    case received(ByteSlice)
    case trace(TraceContext)

    /// Longest id that is kept. Unit: bytes.
    package static let longest = 128

    /// The id of a request that is traced as `trace`; two fields of the name count as none.
    package init(_ head: RequestHead, trace: TraceContext) {
        guard head.known.contains(.xRequestID), let slice = Self.onlyOne(in: head),
            head.withBytes(slice, { Self.isValid($0) })
        else {
            self = .trace(trace)
            return
        }
        self = .received(slice)
    }

    /// Whether an id may be kept: 1 to 128 visible ASCII characters without quotes, comma and backslash.
    ///
    /// So it can stand in a log line, a header's list or a command line's quotes without being read as something else.
    package static func isValid(_ bytes: Span<UInt8>) -> Bool {
        guard !bytes.isEmpty, bytes.count <= longest else { return false }
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: ","), UInt8(ascii: "\\"): return false
            case 0x21...0x7e: continue
            default: return false
            }
        }
        return true
    }

    /// What the access log needs to know: the slice, or nil when the trace's id is the request's.
    package var slice: ByteSlice? {
        if case .received(let slice) = self { slice } else { nil }
    }

    /// Appends the id, of a request with these head bytes.
    package func write(to writer: inout HeadWriter, head: Span<UInt8>) {
        switch self {
        case .received(let slice):
            writer.write(slice, of: head)
        case .trace(let trace):
            writer.write(hexadecimal: trace.traceHigh)
            writer.write(hexadecimal: trace.traceLow)
        }
    }

    /// The same into a buffer.
    package func write(to buffer: inout ByteBuffer, head: RequestHead) {
        let bytes = head.bytes
        buffer.writeHead(reserving: Self.longest) { writer in
            self.write(to: &writer, head: bytes.readableBytesUInt8Span)
        }
    }

    private static func onlyOne(in head: RequestHead) -> ByteSlice? {
        var found: ByteSlice?
        for field in head.fields where field.id == .xRequestID {
            if found != nil { return nil }
            found = field.value
        }
        return found
    }
}
