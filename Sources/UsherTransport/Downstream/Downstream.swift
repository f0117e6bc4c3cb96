package import NIOCore
package import UsherCaching
package import UsherCore
package import UsherHTTP
package import UsherQuotas

/// Where one request came in and its answer goes out: an HTTP/1.1 connection during one exchange, or a stream of an
/// HTTP/2 connection.
///
/// The handler calls `sendHead` once, `sendBody` any number of times and `sendEnd` once, then `flush`;
/// or `answer` alone; or `abort` at any moment. After `sendUpgrade` instead of `sendHead` the connection is a tunnel.
package protocol Downstream: AnyObject {
    /// The request's head. Valid until the exchange is over.
    var head: RequestHead { get }
    var peer: Peer { get }
    var listener: ListenerRules { get }
    /// When the head was complete.
    var startedAt: MonotonicTime { get }
    /// Bytes received and sent for this exchange, heads included.
    var bytesReceived: Int { get }
    var bytesSent: Int { get }
    /// False: the client reads more slowly than we write; send no more until `downstreamIsWritable`.
    var isWritable: Bool { get }

    /// A `1xx` head of the replica, passed on before the answer.
    func sendInformational(_ head: ResponseHead)
    func sendHead(_ head: ResponseHead, edits: HeadEdits)
    /// The same with the head of an answer in a cache.
    ///
    /// - Parameter body: a whole body inside `head.bytes`; empty: `sendBody` follows, or there is none.
    func sendStored(_ head: StoredHead, _ status: CacheStatus, edits: HeadEdits, body: Range<Int>)
    /// The replica's 101: from here on bytes pass as they are, both ways, until either side closes.
    ///
    /// What the client sent behind its request goes to `requestBody` before this returns. `sendBody` sends raw bytes,
    /// `sendEnd` sends what waits and then closes; `head` stays valid until then.
    func sendUpgrade(_ head: ResponseHead, edits: HeadEdits)
    func sendBody(_ data: ByteBuffer)
    func sendEnd(_ trailers: Trailers?)
    func flush()

    /// True after `sendHead` while nothing of the answer has left: `answer` would take its place.
    var answerCanBeReplaced: Bool { get }
    /// An answer of Usher's own, whole. Behind an answer that has begun and cannot be replaced any more: `abort`.
    func answer(_ answer: LocalAnswer)
    /// The answer cannot be finished: the client must see that it was cut off.
    func abort()

    /// Reads no more of the request's body, or of the tunnel, until `resumeBody`.
    func pauseBody()
    func resumeBody()
}

/// What follows a request on its way: told everything that happens on the client's side.
package protocol DownstreamHandler: AnyObject {
    /// The connection is ready for whatever the handler does first; always the first call.
    func begin()
    /// Memory of the request's body that is kept until there is an answer.
    var keptBytes: Int { get }
    /// More of the request's body, or what the client sends into its tunnel.
    func requestBody(_ data: ByteBuffer)
    func requestEnd(_ trailers: Trailers?)
    /// No more of the request is there for now: what was gathered may leave.
    func requestReadComplete()
    /// The client takes data again.
    func downstreamIsWritable()
    /// The client is gone or broke the rules before the answer was complete; nothing can be sent any more.
    func downstreamClosed(_ reason: DownstreamEnd)
    /// The answer is complete and handed to the socket. The head is no longer valid afterwards.
    func exchangeEnded()
}

package enum DownstreamEnd: Sendable {
    case aborted
    case timedOut
    /// It does not take its answers, and the memory for those is used up.
    case overloaded
    case refused(Refusal)
    /// The client closed its tunnel, in order or not; all that it sent was handed over.
    case tunnelClosed
}

/// Receives requests: the start of a request's path.
package protocol RequestAcceptor: AnyObject {
    /// A head is complete. Returns who follows the exchange; nothing may be sent before its `begin`.
    func requestArrived(on downstream: any Downstream) -> any DownstreamHandler
    /// A request was refused by the parser or a time-out before it had a handler.
    func requestRefused(_ refusal: Refusal, on downstream: any Downstream)
    func connectionOpened(_ connection: ServerConnection)
    /// A connection that is known goes on as another one: its handshake is over, or it turned out to speak HTTP/2.
    func connection(_ connection: ServerConnection, becomes other: ServerConnection)
    func connectionClosed(_ connection: ServerConnection)
    /// A connection was closed at once.
    func connectionRefused(_ admission: ConnectionCounts.Admission)
    /// A TLS handshake is over, however it ended.
    func handshakeEnded(_ outcome: HandshakeOutcome, with peer: Peer)
    /// An HTTP/2 connection was ended because its client broke a rule, or made too much of us.
    func http2Failed(_ reason: StaticReason, with peer: Peer)
}

/// Changes to a replica's answer on its way to the client.
package struct HeadEdits {
    /// Names to leave out, in lower case.
    package var removedNames: [[UInt8]] = []
    /// Whole lines to add, each ended by CR LF.
    package var addedLines: ByteBuffer?
    /// The route says itself what browsers remember of TLS: nothing of the listener's is added.
    package var decidesTransportSecurity = false
    /// The request's id as the two halves of 32 hexadecimal digits; nil: none is added.
    package var requestID: (high: UInt64, low: UInt64)?
    /// What is left of the caller's quota; a service's own fields of that kind do not pass then.
    package var rateLimit: RateLimitFields?
    /// What a cache had to do with it; nil: the route has none.
    package var cacheStatus: CacheStatus?

    package init() {}

    /// Adds one more line, ended by CR LF.
    package mutating func add(_ line: ByteBuffer) {
        if self.addedLines == nil { self.addedLines = line } else { self.addedLines?.writeImmutableBuffer(line) }
    }

    func writeRequestID(to writer: inout HeadWriter) {
        guard let (high, low) = self.requestID else { return }
        writer.write("X-Request-Id: ")
        writer.write(hexadecimal: high)
        writer.write(hexadecimal: low)
        writer.write("\r\n")
    }
}

/// An answer that Usher gives itself.
package struct LocalAnswer {
    package var status: Int
    package var body: ByteBuffer
    package var contentType: StaticString
    /// Whole lines to add, each ended by CR LF.
    package var addedLines: ByteBuffer?
    /// As in `HeadEdits`.
    package var decidesTransportSecurity = false
    package var rateLimit: RateLimitFields?
    /// Close the connection afterwards: what follows on it cannot be trusted.
    package var closes: Bool

    package init(
        status: Int, body: ByteBuffer, contentType: StaticString = "text/plain; charset=utf-8",
        addedLines: ByteBuffer? = nil, closes: Bool = false
    ) {
        self.status = status
        self.body = body
        self.contentType = contentType
        self.addedLines = addedLines
        self.closes = closes
    }

    /// Says why a request is refused.
    init(_ refusal: Refusal, closes: Bool = false) {
        var body = ByteBufferAllocator().buffer(capacity: 64)
        body.writeString("\(refusal.reason)\n")
        self.init(status: refusal.status, body: body, closes: closes)
    }
}
