package import NIOCore
package import UsherHTTP

/// What follows one try of a request at a replica.
package protocol UpstreamHandler: AnyObject {
    /// An interim answer (`1xx`).
    func upstreamInformational(_ head: ResponseHead)
    /// The answer's head; valid during the call and until `upstreamEnded` or `upstreamFailed`.
    func upstreamHead(_ head: ResponseHead)
    /// The replica switched protocols (101), as it was asked to: the connection is a tunnel now and never pooled again.
    /// The head is valid during the call.
    func upstreamUpgraded(_ head: ResponseHead)
    /// More of the answer's body, or what the replica sends into the tunnel.
    func upstreamBody(_ data: ByteBuffer)
    /// The answer is complete, or the replica closed its tunnel; the connection is no longer this request's.
    func upstreamEnded(_ trailers: Trailers?)
    /// Nothing more has arrived for now: what was gathered may leave.
    func upstreamReadComplete()
    /// The replica takes data again.
    func upstreamIsWritable()
    /// The try is over without a complete answer; the connection is closed.
    func upstreamFailed(_ failure: UpstreamFailure)
    /// Whether another try is better than waiting on for a replica that was taken out before it answered.
    var wouldTryAnother: Bool { get }
}

/// Why a try ended without a complete answer.
package struct UpstreamFailure: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// No connection came about: nobody saw the request.
        case connectFailed
        case connectTimedOut
        /// The connection closed or broke before the answer's first byte.
        case closedBeforeAnswer
        /// No first byte within `timeouts.response`.
        case responseTimedOut
        /// The connection closed or broke inside the answer.
        case closedInAnswer
        /// Silence inside the answer, or in both directions of a tunnel, for longer than `timeouts.idle`.
        case idleTimedOut
        /// The exchange's `timeouts.total` is over.
        case totalTimedOut
        /// What arrived is no HTTP/1.1 answer.
        case badAnswer
        /// The replica was taken out while it had not begun to answer.
        case takenOut
    }

    package var kind: Kind
    /// What a log line says about it.
    package var detail: String
    /// The connection had served a request before, so its death may be an idle close that crossed ours.
    package var wasReused = false
    /// No byte of the request can have reached the replica.
    package var nothingSent = false

    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }
}
