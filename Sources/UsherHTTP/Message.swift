/// A request method; names are compared with case (RFC 9110 §9.1).
public enum Method: UInt8, Sendable, Hashable, CaseIterable {
    case get, head, post, put, delete, options, patch, trace, connect
    /// Any other name; `RequestHead.methodSlice` has it.
    case other

    /// Whether sending it twice does what sending it once does (RFC 9110 §9.2.2).
    @inlinable public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// Whether it only reads (RFC 9110 §9.2.1).
    @inlinable public var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .patch, .connect, .other: false
        }
    }
}

/// The versions this codec speaks.
public enum HTTPVersion: UInt8, Sendable, Hashable {
    case http10, http11
    /// A request that came in HTTP/2; its head is written down in HTTP/1.1's form.
    case http2
}

/// How the end of a message's body is found (RFC 9112 §6.3).
public enum BodyFraming: Sendable, Hashable {
    /// There is no body and no length was given.
    case none
    /// As many bytes as Content-Length says, 0 included.
    case length(Int)
    /// Chunks, then trailers.
    case chunked
    /// All bytes until the connection closes; responses only.
    case untilClose
}

/// What a head may cost. Units: bytes, and fields.
public struct HeadLimits: Sendable, Hashable {
    /// Start line, fields and the empty line together. Default: 16,384. Beyond it: 431.
    public var head: Int
    /// The request line without its CRLF. Default: 8,192. Beyond it: 414.
    public var requestLine: Int
    /// Field lines. Default: 100. Beyond it: 431.
    public var fields: Int

    public init(head: Int = 16_384, requestLine: Int = 8_192, fields: Int = 100) {
        self.head = head
        self.requestLine = requestLine
        self.fields = fields
    }

    /// Limits above this do not count, so that every offset fits in a `ByteSlice`. 16 MiB.
    static let largestHead = 1 << 24
}

/// Why a message is not accepted, as the status it is answered with and a short text for the answer's body.
public struct Refusal: Error, Sendable, Hashable {
    /// 400, 413, 414, 417, 431, 501 or 505.
    public var status: Int
    /// A few words, the same for every message with this fault; never holds bytes of the message.
    public var reason: String

    @inline(never)
    public init(_ status: Int, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}

/// How far the reading of a head has come.
public enum HeadProgress: Sendable, Hashable {
    /// All input was taken and the head is not complete.
    case needsMore
    /// The head is complete; what follows it was left in the input.
    case complete
    /// The message is not acceptable and the connection cannot be used any longer.
    case refused(Refusal)
}
