import NIOCore
import UsherHTTP

/// Endings that are not the ordinary one: refusals, connections that are not used any more, answers that are cut off.
extension HTTP1ServerConnection {
    /// The client broke a rule in the middle of an exchange: it gets the refusal when nothing was answered yet.
    func endEarly(_ reason: DownstreamEnd, _ refusal: Refusal) {
        let isStarted = self.answerIsStarted
        self.endHandler(reason)
        if isStarted { self.abort() } else { self.sendRefusal(refusal) }
    }

    func refuse(_ refusal: Refusal) {
        self.bytesSent = 0
        self.answerIsStarted = false
        self.sendRefusal(refusal)
        self.acceptor.requestRefused(refusal, on: self)
        self.giveHeadBack()
    }

    private func sendRefusal(_ refusal: Refusal) {
        var body = ByteBufferAllocator().buffer(capacity: 64)
        body.writeString("\(refusal.reason)\n")
        self.phase = .closing
        self.answer(LocalAnswer(status: refusal.status, body: body, closes: true))
        self.lingerAndClose()
    }

    /// Sends what is left, then closes our half and listens a moment, so that the client reads the answer before
    /// a reset throws it away (RFC 9112 §9.6).
    func lingerAndClose() {
        self.phase = .closing
        self.pendingInput = nil
        guard let context = self.context else { return }
        self.flush()
        context.close(mode: .output, promise: nil)
        // What waits in the channel is sent first, as slowly as the client takes it.
        self.stalledBytes = self.unsentBytes(context)
        let patience = self.stalledBytes > 0 ? self.limits.writeStall : self.limits.linger
        self.loop.schedule(self, after: patience, now: self.loop.now)
        self.adjustReading()
    }

    package func abort() {
        self.phase = .closing
        self.out = nil
        self.context?.close(promise: nil)
    }
}
