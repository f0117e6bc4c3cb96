public import NIOCore

/// A response's head as a service sent it; reused from response to response like `RequestHead`.
public final class ResponseHead: MessageHead {
    public private(set) var bytes = ByteBuffer()
    public private(set) var fields: [HeaderField] = []
    public private(set) var known = HeaderSet()
    public private(set) var version = HTTPVersion.http11
    /// 100 to 999.
    public private(set) var status = 0
    public private(set) var reason = ByteSlice.empty
    public private(set) var framing = BodyFraming.none
    /// Whether the connection may be used again after the body.
    public private(set) var keepAlive = false
    /// What a well-formed 101 switches to: HTTP/1.1, with the connection option, in one line (RFC 9110 §7.8).
    public private(set) var upgrade: ByteSlice?

    private var parser = HeadParser<StatusLine>()
    private var isSettled = false

    public init() {}

    /// Makes ready for the next response.
    public func reset() {
        if bytes.storageCapacity > RequestHead.largestKept {
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
        version = .http11
        status = 0
        reason = .empty
        framing = .none
        keepAlive = false
        upgrade = nil
        parser.reset()
        isSettled = false
    }

    /// Whether nothing was received yet.
    public var isEmpty: Bool { bytes.readableBytes == 0 }

    /// An interim answer (RFC 9110 §15.2), after which another head comes; 101 is final.
    public var isInterim: Bool { status >= 100 && status < 200 && status != 101 }

    /// Takes the head's bytes off the input, as many as there are; what follows a complete head stays.
    public func parse(_ input: inout ByteBuffer, requestMethod: Method, limits: HeadLimits) -> HeadProgress {
        switch parser.take(&input, into: &bytes, fields: &fields, limits: limits) {
        case .needsMore: return .needsMore
        case .refused(let fault): return .refused(fault.refusal)
        case .done: return finish(requestMethod)
        }
    }

    private func finish(_ requestMethod: Method) -> HeadProgress {
        guard !isSettled else { return .complete }
        isSettled = true
        let facts = parser.facts
        known = facts.seen
        version = parser.line.version
        status = parser.line.status
        reason = parser.line.reason
        let hasBody = facts.isChunked || (facts.contentLength ?? 0) > 0
        if status < 200 || status == 204 || (requestMethod == .connect && status < 300) {
            // A body here would be taken for the next response (RFC 9112 §6.3).
            guard !hasBody || requestMethod == .connect else { return parser.refuse(.bodyWhereNoneMayBe) }
            framing = .none
        } else if requestMethod == .head || status == 304 {
            framing = .none
        } else if facts.isChunked {
            framing = .chunked
        } else if let length = facts.contentLength {
            framing = .length(length)
        } else {
            framing = .untilClose
        }
        keepAlive =
            framing != .untilClose && !facts.connection.contains(.close)
            && (version == .http11 || facts.connection.contains(.keepAlive))
        if status == 101, version == .http11, facts.connection.contains(.upgrade) {
            // A local variable, because a span of a property would not outlive its reading.
            let storage = bytes
            upgrade = UpgradeProtocols.value(in: fields, storage.readableBytesUInt8Span)
        }
        return .complete
    }

    /// Copies the field lines that pass on, without the empty line that ends them; see `RequestHead.copyFields`.
    ///
    /// `Content-Length` is left out where it may not be: in 1xx and 204 (RFC 9110 §8.6).
    public func copyFields(to out: inout ByteBuffer, dropping: HeaderSet = [], droppingNames: [[UInt8]] = []) {
        var dropping = dropping
        if status < 200 || status == 204 { dropping.insert(.contentLength) }
        copyLines(to: &out, dropping: dropping, droppingNames: droppingNames)
    }
}
