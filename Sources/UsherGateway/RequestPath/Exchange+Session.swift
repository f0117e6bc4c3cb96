import NIOCore
import UsherCore
import UsherHTTP
import UsherReplication
import UsherTelemetry
import UsherTransport

/// The request's session: recognised before `pick`, told to the replica and to the client afterwards.
extension Exchange {
    func recognise(_ sessions: SessionPlan) -> Session? {
        let source = RequestSource(
            self.head, peer: self.peer, caller: self.admission.caller, plan: self.plan, service: self.root.plan)
        return sessions.recognise(
            self.head, source: source, scratch: &self.worker.scratch, nowSeconds: WallClock.seconds,
            now: self.downstream.startedAt)
    }

    /// The replica is not the one that has what the session has left there: it is told so.
    var isMoved: Bool { self.session?.outcome == .moved }

    /// The line that makes the client come back to the replica that answers; nil when it does already.
    func sessionLine(_ head: ResponseHead) -> ByteBuffer? {
        guard let session = self.session, let sessions = self.service.plan.sessions, let endpoint = self.endpoint
        else { return nil }
        sessions.learn(session, from: head, tag: endpoint.plan.tag, now: self.worker.loop.now)
        return sessions.setCookieLine(
            session, tag: endpoint.plan.tag, isSecure: self.peer.isSecure(self.head), nowSeconds: WallClock.seconds)
    }

    func account(_ session: Session, _ entry: inout AccessEntry) {
        guard self.endpoint != nil else { return }
        let outcome: SessionOutcome =
            switch session.outcome {
            // What was ours once and is only too old begins a session like none at all.
            case .new: session.refusal == .forged || session.refusal == .malformed ? .forged : .new
            case .kept: .kept
            case .moved: .moved
            }
        entry.session = outcome
        self.worker.metrics.sessionUsed(service: self.service.index, outcome: outcome)
    }
}

extension Session {
    /// What `usher explain` says of the request's session.
    var description: String {
        let refused = self.refusal.map { "; a cookie was refused as \($0.rawValue)" } ?? ""
        if self.wanted != nil { return "known, with a replica of its own\(refused)" }
        if self.isHashed, let key = self.key { return "hash \(String(key.hash, radix: 16))\(refused)" }
        return (self.key == nil ? "a new one begins" : "not seen before on this gateway") + refused
    }

    /// Why the chosen replica was.
    var verdict: String {
        switch self.outcome {
        case .new: "a new session, which stays there"
        case .kept: "the session belongs there"
        case .moved: "the session's own replica cannot take it; this is its next"
        }
    }
}
