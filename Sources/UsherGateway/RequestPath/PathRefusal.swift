import NIOCore
import UsherHTTP
import UsherTransport

/// Every reason for which Usher itself ends a request's path, and the one place where it becomes an answer.
enum PathRefusal {
    case malformed(Refusal)
    case noRoute
    case connectRefused
    case traceRefused
    case encodedSlash
    case bodyTooLarge
    case noReplicaReady
    case queueFull
    case queueTimedOut
    case tryFailed(UpstreamFailure)

    /// What the client is told: status, text, and when to come again (seconds; 0: not said).
    var answer: (status: Int, why: StaticString, retryAfter: Int) {
        switch self {
        case .malformed(let refusal): (refusal.status, "the request is malformed", 0)
        case .noRoute: (404, "no route matches this request", 0)
        case .connectRefused: (501, "CONNECT is not offered here", 0)
        case .traceRefused: (405, "TRACE is not offered here", 0)
        case .encodedSlash: (400, "an encoded slash, backslash or NUL in the path can be read two ways", 0)
        case .bodyTooLarge: (413, "the request's body is longer than this route allows", 0)
        case .noReplicaReady: (503, "no replica is ready", 1)
        case .queueFull: (503, "too many requests are waiting for a replica", 1)
        case .queueTimedOut: (503, "no replica became free in time", 1)
        case .tryFailed(let failure): Self.answer(for: failure.kind)
        }
    }

    /// What follows such a request on its connection may not be what its client means: the rest of a body, or the
    /// bytes of a tunnel.
    private var endsConnection: Bool {
        switch self {
        case .malformed, .connectRefused, .encodedSlash, .bodyTooLarge: true
        default: false
        }
    }

    private static func answer(for kind: UpstreamFailure.Kind) -> (status: Int, why: StaticString, retryAfter: Int) {
        switch kind {
        case .connectFailed: (502, "no replica could be reached", 0)
        case .connectTimedOut: (504, "no replica could be reached in time", 0)
        case .closedBeforeAnswer: (502, "the replica closed the connection before it answered", 0)
        case .responseTimedOut: (504, "the replica did not answer in time", 0)
        case .closedInAnswer: (502, "the replica broke off its answer", 0)
        case .idleTimedOut: (504, "the replica fell silent inside its answer", 0)
        case .totalTimedOut: (504, "no answer within the time that the request may take", 0)
        case .badAnswer: (502, "the replica's answer is not valid HTTP", 0)
        case .takenOut: (503, "the replica was taken out of service before it answered", 1)
        }
    }

    /// The answer itself; the service's name helps whoever runs it and tells a stranger nothing new.
    func localAnswer(service: String?, _ requestIDLine: ByteBuffer? = nil) -> LocalAnswer {
        let (status, why, retryAfter) = self.answer
        var body = ByteBufferAllocator().buffer(capacity: 128)
        if let service {
            body.writeString("\(service): ")
        }
        body.writeStaticString(why)
        body.writeStaticString("\n")
        var lines = requestIDLine
        if retryAfter > 0 {
            lines = lines ?? ByteBuffer()
            lines?.writeString("Retry-After: \(retryAfter)\r\n")
        }
        return LocalAnswer(status: status, body: body, addedLines: lines, closes: self.endsConnection)
    }
}
