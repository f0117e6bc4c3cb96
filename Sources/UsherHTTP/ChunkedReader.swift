import NIOCore

/// Takes chunks off the front of the input (RFC 9112 §7.1).
///
/// State        | Meaning                              | Left when
/// -------------|--------------------------------------|------------------------------------
/// size         | inside a chunk's size                | `;` or CR comes
/// extension    | behind `;`, until the line's end     | CR comes
/// sizeLineFeed | behind the CR of a size line         | LF comes
/// data         | `remaining` bytes of content to come | they came
/// dataReturn   | behind the content                   | CR comes
/// dataLineFeed | behind the CR after the content      | LF comes
/// trailers     | behind the last chunk                | the empty line comes
struct ChunkedReader: Sendable {
    /// Extensions a message may carry in all, in bytes; nobody uses them, and they are a way to hide things.
    static let mostExtensionBytes = 256
    /// Hexadecimal digits of a size.
    static let mostDigits = 16

    private enum Phase: UInt8, Sendable {
        case size, `extension`, sizeLineFeed, data, dataReturn, dataLineFeed, trailers
    }

    private var phase = Phase.size
    private var digits = 0
    private var remaining = 0
    private var extensionBytes = 0
    private var trailers = TrailerReader()
    private let limits: HeadLimits

    init(limits: HeadLimits) {
        self.limits = limits
    }

    mutating func next(_ input: inout ByteBuffer) -> BodyPiece {
        var position = 0
        if let fault = scan(input.readableBytesUInt8Span, &position) { return .refused(fault.refusal) }
        input.moveReaderIndex(forwardBy: position)
        switch phase {
        case .data:
            guard let piece = input.readSlice(length: min(remaining, input.readableBytes)), piece.readableBytes > 0
            else { return .needsMore }
            remaining -= piece.readableBytes
            if remaining == 0 { phase = .dataReturn }
            return .data(piece)
        case .trailers:
            return trailers.next(&input, limits: limits)
        default:
            return .needsMore
        }
    }

    /// Reads up to the next content or trailers.
    private mutating func scan(_ bytes: Span<UInt8>, _ position: inout Int) -> Fault? {
        while phase != .data, phase != .trailers, position < bytes.count {
            if let fault = step(bytes[position]) { return fault }
            position += 1
        }
        return nil
    }

    private mutating func step(_ byte: UInt8) -> Fault? {
        switch phase {
        case .size:
            return readSize(byte)
        case .extension:
            if byte == Octets.carriageReturn {
                phase = .sizeLineFeed
                return nil
            }
            guard !Octets.isControl(byte) || byte == Octets.tab else { return malformed }
            extensionBytes += 1
            return extensionBytes <= Self.mostExtensionBytes ? nil : .extensionsTooLong
        case .sizeLineFeed:
            guard byte == Octets.lineFeed else { return malformed }
            phase = remaining == 0 ? .trailers : .data
            digits = 0
            return nil
        case .dataReturn:
            guard byte == Octets.carriageReturn else { return malformed }
            phase = .dataLineFeed
            return nil
        case .dataLineFeed:
            guard byte == Octets.lineFeed else { return malformed }
            phase = .size
            return nil
        case .data, .trailers:
            return nil
        }
    }

    private mutating func readSize(_ byte: UInt8) -> Fault? {
        let value = Octets.hexadecimal(byte)
        if value < 16 {
            digits += 1
            guard digits <= Self.mostDigits, remaining <= Int.max &>> 4 else { return .chunkTooLarge }
            remaining = remaining &<< 4 | Int(value)
            return nil
        }
        guard digits > 0 else { return malformed }
        if byte == Octets.carriageReturn {
            phase = .sizeLineFeed
            return nil
        }
        guard byte == 0x3B else { return malformed }
        phase = .extension
        extensionBytes += 1
        return extensionBytes <= Self.mostExtensionBytes ? nil : .extensionsTooLong
    }

    private var malformed: Fault { .malformedChunk }
}
