public import NIOCore

/// Fields that came behind a chunked body, as clean lines that may be sent on.
public struct Trailers: Sendable, Hashable {
    /// `Name: value` lines, each with its CRLF, without the empty line that ends them.
    public var bytes: ByteBuffer

    public init(bytes: ByteBuffer) {
        self.bytes = bytes
    }
}

/// Reads a trailer section (RFC 9112 §7.1.2), and drops fields that may not come there.
struct TrailerReader: Sendable {
    private var received = ByteBuffer()
    private var section = TrailerSection()

    /// Takes the section's bytes off the input, bounded as a head is.
    mutating func next(_ input: inout ByteBuffer, limits: HeadLimits) -> BodyPiece {
        // A local variable, because a span of a property would lock the other properties too.
        var bytes = ByteBuffer()
        swap(&bytes, &received)
        defer { swap(&bytes, &received) }
        while input.readableBytes > 0 {
            let held = section.position
            let portion = min(input.readableBytes, HeadParser<RequestLine>.portion)
            bytes.append(input.readableBytesUInt8Span.extracting(0..<portion))
            let piece = section.scan(bytes.readableBytesUInt8Span, limits)
            bytes.moveWriterIndex(to: bytes.readerIndex + section.position)
            input.moveReaderIndex(forwardBy: section.position - held)
            if let piece { return piece }
        }
        return .needsMore
    }
}

private struct TrailerSection: Sendable {
    /// Bytes that were read.
    private(set) var position = 0
    private var scanner = FieldScanner()
    private var fieldCount = 0
    private var clean = ByteBuffer()

    /// The end or a fault; nil when more bytes are needed.
    mutating func scan(_ bytes: Span<UInt8>, _ limits: HeadLimits) -> BodyPiece? {
        let largest = min(max(0, limits.head), HeadLimits.largestHead)
        let end = min(bytes.count, largest)
        while true {
            switch scanner.next(bytes, &position, end: end) {
            case .field(let field):
                fieldCount += 1
                guard fieldCount <= limits.fields else { return .refused(Fault.tooManyTrailers.refusal) }
                guard !HeaderSet.forbiddenInTrailers.contains(field.id) else { continue }
                clean.append(bytes.extracting(field.line.range(in: bytes.count)))
            case .end:
                return .end(clean.readableBytes == 0 ? nil : Trailers(bytes: clean))
            case .needsMore:
                return position == largest ? .refused(Fault.trailersTooLarge.refusal) : nil
            case .refused(let fault):
                return .refused(fault.refusal)
            }
        }
    }
}
