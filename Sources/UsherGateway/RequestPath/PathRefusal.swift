import NIOCore
import UsherHTTP
import UsherIdentities
import UsherTransport

/// Every reason for which Usher itself ends a request's path, and the one place where it becomes an answer.
enum PathRefusal {
    case malformed(Refusal)
    /// The client's address may not come here; whether it is the peer's own.
    case addressDenied(isPeer: Bool)
    case noRoute
    case credentialRefused(CredentialFault)
    case identityNeeded
    case classNotEnough
    /// Seconds until the request may come again; 0: it never may.
    case quotaExceeded(Int)
    case tooManyInFlight
    case quotaStoreSilent
    /// The process is near the end of its memory, and nobody knows this caller.
    case shed
    case connectRefused
    case traceRefused
    case encodedSlash
    case bodyTooLarge
    /// A reload took the route's service out while the request waited to be admitted.
    case serviceGone
    /// Nobody can say which shard has it (400).
    case keyMissing
    case keyUnlisted
    case bodyTooLargeForKey
    case bodyTooSlowForKey
    /// The memory for bodies that are read for their keys is used up.
    case tooManyBodies
    case noReplicaReady
    case queueFull
    case queueTimedOut
    case tryFailed(UpstreamFailure)
    /// The client wants it from the cache alone (RFC 9111 §5.2.1.7).
    case notCached
    /// Not from one of the cache's `purge-from`.
    case purgeDenied

    /// What the client is told: status, text, and when to come again (seconds; 0: not said).
    var answer: (status: Int, why: StaticString, retryAfter: Int) {
        switch self {
        case .malformed(let refusal): (refusal.status, "the request is malformed", 0)
        case .addressDenied: (403, "this address may not come here", 0)
        case .noRoute: (404, "no route matches this request", 0)
        case .credentialRefused(let fault): Self.answer(for: fault)
        case .identityNeeded: (401, "say who you are", 0)
        case .classNotEnough: (403, "this is for callers of another class", 0)
        case .quotaExceeded(let seconds): (429, "the quota is used up", seconds)
        case .tooManyInFlight: (429, "too many requests of this caller are on their way", 1)
        case .quotaStoreSilent: (503, "quotas cannot be asked at the moment", 1)
        case .shed: (503, "too busy for callers that are not known", 1)
        case .connectRefused: (501, "CONNECT is not offered here", 0)
        case .traceRefused: (405, "TRACE is not offered here", 0)
        case .encodedSlash: (400, "an encoded slash, backslash or NUL in the path can be read two ways", 0)
        case .bodyTooLarge: (413, "the request's body is longer than this route allows", 0)
        case .keyMissing: (400, "the request does not say whose it is: its shard key is missing", 0)
        case .keyUnlisted: (404, "no shard has this key", 0)
        case .bodyTooLargeForKey: (413, "the request's body is longer than is read for its shard key", 0)
        case .bodyTooSlowForKey: (408, "the request's body, in which its shard key lies, took too long", 0)
        case .tooManyBodies: (503, "too many bodies are being read for their shard keys", 1)
        case .serviceGone: (503, "the service is no longer there", 1)
        case .noReplicaReady: (503, "no replica is ready", 1)
        case .queueFull: (503, "too many requests are waiting for a replica", 1)
        case .queueTimedOut: (503, "no replica became free in time", 1)
        case .tryFailed(let failure): Self.answer(for: failure.kind)
        case .purgeDenied: (403, "this address may not purge", 0)
        case .notCached: (504, "the cache has no such answer, and no other was wanted", 0)
        }
    }

    /// What follows such a request on its connection may not be what its client means: the rest of a body, or the
    /// bytes of a tunnel.
    private var endsConnection: Bool {
        switch self {
        case .malformed, .connectRefused, .encodedSlash, .bodyTooLarge, .bodyTooLargeForKey, .bodyTooSlowForKey,
            .tooManyBodies:
            true
        // Whom a proxy brought says nothing of the others that it brings on the same connection.
        case .addressDenied(let isPeer): isPeer
        default: false
        }
    }

    private static func answer(
        for fault: CredentialFault
    ) -> (status: Int, why: StaticString, retryAfter: Int) {
        switch fault {
        case .token, .unknownKey, .wrongPassword, .unreadable: (401, fault.sentence, 0)
        case .tooManyFailures: (429, fault.sentence, 6)
        case .noTokenKeys, .tooBusy: (503, fault.sentence, 1)
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
    ///
    /// - Parameter challenges: `WWW-Authenticate` lines for a 401 (RFC 9110 §11.6.1).
    func localAnswer(
        service: String?, _ requestIDLine: ByteBuffer? = nil, challenges: String = ""
    ) -> LocalAnswer {
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
        if status == 401 {
            lines = lines ?? ByteBuffer()
            lines?.writeString(self.explained(challenges))
        }
        return LocalAnswer(status: status, body: body, addedLines: lines, closes: self.endsConnection)
    }

    /// What is wrong with a token stands in its challenge (RFC 6750 §3).
    private func explained(_ challenges: String) -> String {
        guard case .credentialRefused(.token(let fault)) = self else { return challenges }
        let bearer = "Bearer realm=\"usher\""
        let explained = "\(bearer), error=\"invalid_token\", error_description=\"\(fault.sentence)\""
        return challenges.replacing(bearer, with: explained)
    }
}
