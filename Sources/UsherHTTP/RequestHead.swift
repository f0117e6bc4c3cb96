public import NIOCore

/// A request's head: the bytes as received, with places in them for what the gateway asks about.
///
/// One object is reused for all requests of a connection; once warm, reading a request allocates nothing. Its slices
/// are valid until `reset`.
public final class RequestHead: MessageHead {
    /// Storage above this is given back by `reset`, so that one large head does not stay with an idle connection.
    static let largestKept = 16_384
    /// Empty lines before a request line that are skipped (RFC 9112 §2.2).
    static let mostLeadingLines = 4

    /// The head as received; behind it lies the canonical target when that differs from the received one.
    public private(set) var bytes = ByteBuffer()
    public private(set) var fields: [HeaderField] = []
    public private(set) var known = HeaderSet()
    public private(set) var method = Method.other
    public private(set) var methodSlice = ByteSlice.empty
    public private(set) var version = HTTPVersion.http11
    /// Host and port, from the target when it is a URI, else from `Host`; empty only in HTTP/1.0 without `Host`, and
    /// before the head is complete. May differ from the `Host` line, so services get this and not that line.
    public private(set) var authority = ByteSlice.empty
    /// Canonical: see `CanonicalPath`. Begins with `/`, is `*` for the server as a whole, and empty for CONNECT.
    public private(set) var path = ByteSlice.empty
    /// Canonical, without `?`.
    public private(set) var query = ByteSlice.empty
    /// Whether there was a `?`, with or without a query behind it.
    public private(set) var hasQuery = false
    /// Whether the path has `%2F` or `%5C`, which only routes that say so let through.
    public private(set) var hasEncodedSlash = false
    public private(set) var framing = BodyFraming.none
    /// Whether the client wants the connection to stay.
    public private(set) var keepAlive = false
    /// Whether the client waits for 100 before it sends the body.
    public private(set) var expectsContinue = false
    /// What the client asks for by `Upgrade`, when a service may be asked for it: in HTTP/1.1, with its connection
    /// option, in one line, without a body, and not for another form of HTTP. Else the field means nothing.
    public private(set) var upgrade: ByteSlice?

    private var parser = HeadParser<RequestLine>()
    /// What the parser found was given out; once a head.
    private var isDescribed = false
    private var leadingLines = 0
    private var isAfterLeadingReturn = false

    public init() {}

    /// Makes ready for the next request.
    public func reset() {
        if bytes.storageCapacity > Self.largestKept {
            bytes = ByteBuffer()
        } else {
            bytes.clear()
        }
        if fields.capacity > 512 {
            fields = []
        } else {
            fields.removeAll(keepingCapacity: true)
        }
        known = HeaderSet()
        method = .other
        methodSlice = .empty
        version = .http11
        authority = .empty
        path = .empty
        query = .empty
        hasQuery = false
        hasEncodedSlash = false
        framing = .none
        keepAlive = false
        expectsContinue = false
        upgrade = nil
        parser.reset()
        isDescribed = false
        leadingLines = 0
        isAfterLeadingReturn = false
    }

    /// Whether nothing of a request was received yet, empty lines aside.
    public var isEmpty: Bool { bytes.readableBytes == 0 }

    /// Path, `?` and query, as they are sent to a service in one piece.
    public var target: ByteSlice {
        hasQuery ? ByteSlice(start: path.start, count: path.count + 1 + query.count) : path
    }

    /// Bytes that scanning looked at since the object was made.
    package var examinedBytes: Int { parser.examined }

    /// Takes the head's bytes off the input, as many as there are; what follows a complete head stays.
    public func parse(_ input: inout ByteBuffer, limits: HeadLimits) -> HeadProgress {
        if bytes.readableBytes == 0, let refused = skipLeadingLines(&input) { return refused }
        switch parser.take(&input, into: &bytes, fields: &fields, limits: limits) {
        case .needsMore: return .needsMore
        case .done: return finish()
        case .refused(let fault):
            describe()
            return .refused(fault.refusal)
        }
    }

    /// Takes a whole head that came in HTTP/2, written down in HTTP/1.1's form by `RequestTranslation`.
    ///
    /// - Parameter hasBody: the stream goes on behind it; its length may not have been said.
    package func take(translated bytes: inout ByteBuffer, hasBody: Bool, limits: HeadLimits) -> HeadProgress {
        let progress = parse(&bytes, limits: limits)
        version = .http2
        guard progress == .complete else { return progress }
        // What ends the connection in HTTP/1.1 says nothing here; expectations are met the same way.
        keepAlive = true
        if hasBody, framing == .none { framing = .chunked }
        return .complete
    }

    /// The body goes on in chunks when its head announces trailers (RFC 9110 §6.6.2), whatever its length: nothing else
    /// can carry them in HTTP/1.1.
    package func makeRoomForTrailers() {
        if slice(of: .trailer) != nil { framing = .chunked }
    }

    private func skipLeadingLines(_ input: inout ByteBuffer) -> HeadProgress? {
        if case .refused(let fault) = parser.outcome { return .refused(fault.refusal) }
        while let byte = input.getInteger(at: input.readerIndex, as: UInt8.self) {
            if isAfterLeadingReturn {
                guard byte == Octets.lineFeed else { return parser.refuse(.bareReturn) }
                isAfterLeadingReturn = false
            } else {
                guard byte == Octets.carriageReturn else { return nil }
                leadingLines += 1
                guard leadingLines <= Self.mostLeadingLines else { return parser.refuse(.emptyLines) }
                isAfterLeadingReturn = true
            }
            input.moveReaderIndex(forwardBy: 1)
        }
        return nil
    }

    private func finish() -> HeadProgress {
        guard !isDescribed else { return .complete }
        let facts = parser.facts
        describe()
        guard let host = parser.line.target.authority ?? facts.host ?? (version == .http10 ? .empty : nil),
            version == .http10 || facts.host != nil
        else {
            return parser.refuse(.noHost)
        }
        authority = host
        if facts.isChunked {
            framing = .chunked
        } else if let length = facts.contentLength {
            framing = .length(length)
        }
        keepAlive =
            !facts.connection.contains(.close) && (version == .http11 || facts.connection.contains(.keepAlive))
        expectsContinue = facts.expectsContinue
        if facts.connection.contains(.upgrade), facts.seen.contains(.upgrade) { findUpgrade() }
        return .complete
    }

    @inline(never)
    private func findUpgrade() {
        guard version == .http11, framing == .none || framing == .length(0) else { return }
        // A local variable, because a span of a property would not outlive its reading.
        let storage = bytes
        upgrade = UpgradeProtocols.value(in: fields, storage.readableBytesUInt8Span)
    }

    /// Gives out what was understood, also of a head that was refused further on.
    private func describe() {
        guard !isDescribed else { return }
        isDescribed = true
        method = parser.line.method
        methodSlice = parser.line.methodSlice
        version = parser.line.version
        known = parser.facts.seen
        path = parser.line.target.path
        hasEncodedSlash = parser.line.target.hasEncodedSlash
        hasQuery = parser.line.target.query != nil
        query = parser.line.target.query ?? .empty
        if parser.line.target.isRewritten {
            let offset = UInt32(truncatingIfNeeded: bytes.readableBytes)
            bytes.writeBytes(parser.line.canonical)
            path.start += offset
            query.start += offset
        }
    }

    /// Copies the field lines that pass on, without the empty line that ends them.
    ///
    /// Left out: hop-by-hop fields, fields that `Connection` names, `dropping`, and names in `droppingNames`, which are
    /// in lower case. The caller writes `Host`, its own fields, and `Transfer-Encoding` when the body goes out in
    /// chunks.
    public func copyFields(to out: inout ByteBuffer, dropping: HeaderSet = [], droppingNames: [[UInt8]] = []) {
        copyLines(to: &out, dropping: dropping, droppingNames: droppingNames)
    }
}
