import NIOCore
import UsherHTTP

/// The ordinary end of an exchange.
extension HTTP1ServerConnection {
    /// The answer has been sent whole.
    func answerIsComplete() {
        switch self.phase {
        case .answering, .tunnel:
            self.exchangeIsOver()
        case .body:
            self.endHandler()
            if self.closesAfterAnswer {
                self.lingerAndClose()
            } else {
                self.phase = .discarding
                self.loop.schedule(self, after: self.limits.bodyGrace, now: self.loop.now)
                self.resumeInput()
            }
        case .head, .discarding, .closing:
            break
        }
    }

    /// May an answer that is sent before the body was read leave the connection usable?
    var canDiscardBody: Bool {
        guard let head = self.requestHead, case .length(let length) = head.framing else { return self.phase != .body }
        return !head.expectsContinue && length <= self.limits.discardMax
    }

    private func endHandler() {
        let handler = self.handler
        self.handler = nil
        handler?.exchangeEnded()
    }

    func exchangeIsOver() {
        self.endHandler()
        self.giveHeadBack()
        if self.closesAfterAnswer {
            self.lingerAndClose()
            return
        }
        self.phase = .head
        self.loop.schedule(self, after: self.limits.idle, now: self.loop.now)
        self.resumeInput()
    }

    func giveHeadBack() {
        guard let head = self.requestHead else { return }
        self.requestHead = nil
        self.loop.giveBack(head)
    }

    func endHandler(_ reason: DownstreamEnd) {
        let handler = self.handler
        self.handler = nil
        handler?.downstreamClosed(reason)
    }
}

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
        self.phase = .closing
        self.answer(LocalAnswer(refusal, closes: true))
        self.lingerAndClose()
    }

    /// Sends what is left, then closes our half and listens a moment, so that the client reads the answer before
    /// a reset throws it away (RFC 9112 §9.6).
    func lingerAndClose() {
        self.phase = .closing
        self.pendingInput = nil
        guard let context = self.context else { return }
        if let end = self.socketEnd {
            end.joiningWrites { self.sayGoodbye(context) }
        } else {
            self.sayGoodbye(context)
        }
        // What waits in the channel is sent first, as slowly as the client takes it.
        self.stalledBytes = context.unsentBytes
        let patience = self.stalledBytes > 0 ? self.limits.writeStall : self.limits.linger
        self.loop.schedule(self, after: patience, now: self.loop.now)
        self.adjustReading()
    }

    private func sayGoodbye(_ context: ChannelHandlerContext) {
        self.flush()
        context.close(mode: .output, promise: nil)
    }
}
