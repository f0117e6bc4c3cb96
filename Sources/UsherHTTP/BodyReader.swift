public import NIOCore

/// What came off the front of a body.
public enum BodyPiece: Sendable {
    /// Content; shares its storage with the input.
    case data(ByteBuffer)
    /// All input was taken and the body is not complete.
    case needsMore
    /// The body is complete; what follows it was left in the input.
    case end(Trailers?)
    /// The body is malformed and the connection cannot be used any longer.
    case refused(Refusal)
}

/// What the end of the input means for a body.
public enum BodyEnding: Sendable, Hashable {
    case complete, truncated
}

/// Takes one message's body off the front of what was received, without copying it (RFC 9112 §6, §7).
public struct BodyReader: Sendable {
    private enum State: Sendable {
        case length(remaining: Int)
        case chunked(ChunkedReader)
        case untilClose
        case complete
        case refused(Refusal)
    }

    private var state: State

    /// Nothing to read: complete at once.
    public init() {
        state = .complete
    }

    /// `limits` bound the trailers.
    public init(_ framing: BodyFraming, limits: HeadLimits) {
        switch framing {
        case .none, .length(...0): state = .complete
        case .length(let count): state = .length(remaining: count)
        case .chunked: state = .chunked(ChunkedReader(limits: limits))
        case .untilClose: state = .untilClose
        }
    }

    public var isComplete: Bool {
        if case .complete = state { return true }
        return false
    }

    /// Takes the next piece; call again until it says anything but `data`.
    public mutating func next(_ input: inout ByteBuffer) -> BodyPiece {
        switch state {
        case .length(let remaining):
            guard let piece = input.readSlice(length: min(remaining, input.readableBytes)), piece.readableBytes > 0
            else { return .needsMore }
            let rest = remaining - piece.readableBytes
            state = rest == 0 ? .complete : .length(remaining: rest)
            return .data(piece)
        case .chunked(var reader):
            state = .complete
            let piece = reader.next(&input)
            switch piece {
            case .data, .needsMore: state = .chunked(reader)
            case .end: break
            case .refused(let refusal): state = .refused(refusal)
            }
            return piece
        case .untilClose:
            guard let piece = input.readSlice(length: input.readableBytes), piece.readableBytes > 0
            else { return .needsMore }
            return .data(piece)
        case .complete:
            return .end(nil)
        case .refused(let refusal):
            return .refused(refusal)
        }
    }

    /// The other side will send nothing more.
    public mutating func endOfInput() -> BodyEnding {
        switch state {
        case .untilClose, .complete:
            state = .complete
            return .complete
        case .length, .chunked, .refused:
            return .truncated
        }
    }
}
