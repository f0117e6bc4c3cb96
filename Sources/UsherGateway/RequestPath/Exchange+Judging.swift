import UsherCore
import UsherHTTP

/// What the `judge` phase looks at beside the answer itself.
extension Exchange {
    /// A replica's own 503 is worth more to the client than ours, so it is thrown away only for somebody else's answer.
    var isAnotherReady: Bool {
        guard let endpoint = self.endpoint else { return false }
        return self.service.hasAnother(than: endpoint, excluding: self.tried)
    }

    var wouldTryAnother: Bool {
        self.rule.mayGoOn(self.body.isReplayable) && self.isAnotherReady && self.service.hasRetriesLeft
    }

    /// `Retry-After` (RFC 9110 §10.2.3): the replica says itself when it can take requests again.
    func pauseIfAsked(_ head: ResponseHead) {
        guard let endpoint = self.endpoint, let pause = RetryAfter.seconds(in: head) else { return }
        self.service.control.pauseAsked(endpoint.id, for: .seconds(pause))
    }
}
