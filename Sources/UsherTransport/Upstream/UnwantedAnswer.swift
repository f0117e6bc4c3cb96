import NIOCore
package import UsherHTTP

/// Takes the rest of an answer that nobody wants any more, so that its connection can be used again.
final class UnwantedAnswer: UpstreamHandler, Sendable {
    static let rest = UnwantedAnswer()

    /// Longer ones are cheaper to break off. Unit: bytes.
    static let lengthMax = 65_536

    func upstreamInformational(_ head: ResponseHead) {}
    func upstreamHead(_ head: ResponseHead) {}
    func upstreamUpgraded(_ head: ResponseHead) {}
    func upstreamBody(_ data: ByteBuffer) {}
    func upstreamEnded(_ trailers: Trailers?) {}
    func upstreamReadComplete() {}
    func upstreamIsWritable() {}
    func upstreamFailed(_ failure: UpstreamFailure) {}
    var wouldTryAnother: Bool { false }
}

extension UpstreamConnection {
    /// The answer whose head has just come is not wanted. The handler hears no more of it; the connection goes back to
    /// its pool at the answer's end when that is near, and is closed otherwise.
    package func discardAnswer(_ head: ResponseHead) {
        switch head.framing {
        case .none: self.handler = UnwantedAnswer.rest
        case .length(let length) where length <= UnwantedAnswer.lengthMax: self.handler = UnwantedAnswer.rest
        case .length, .chunked, .untilClose: self.cancel()
        }
    }
}
