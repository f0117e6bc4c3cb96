import NIOCore
import UsherHTTP

/// How an exchange on a stream ends: in order, for a reason of ours, or because the client or the connection is gone.
extension HTTP2Stream {
    /// The request cannot be understood: its stream ends (RFC 9113 §8.1.1), and the log says why.
    func breakOff(_ reason: StaticReason) {
        let refusal = Refusal(400, reason.description)
        self.resetStream(.protocolError, isPeersFault: true)
        guard self.handler == nil else { return self.end(.refused(refusal)) }
        self.connection.acceptor.requestRefused(refusal, on: self)
        self.giveHeadBack()
    }

    /// The request is refused before anybody follows it.
    func refuse(_ refusal: Refusal) {
        self.write(LocalAnswer(refusal))
        self.connection.acceptor.requestRefused(refusal, on: self)
        self.sendEnd(nil)
        self.giveHeadBack()
    }

    /// The stream is over before its end; its place is free already.
    func wasReset(_ reason: DownstreamEnd) {
        self.leave()
        self.end(reason)
    }

    /// The memory for answers is used up: one that its client does not take is given up for the others' sake.
    func giveUpAnswer() {
        self.resetStream(.enhanceYourCalm, isPeersFault: true)
        self.end(.overloaded)
    }

    package func abort() {
        guard self.phase != .over else { return }
        self.resetStream(.internalError, isPeersFault: false)
        self.end(.aborted)
    }

    func resetStream(_ code: HTTP2ErrorCode, isPeersFault: Bool) {
        guard self.phase != .over else { return }
        let now = self.loop.now
        self.connection.write { machine, out in
            machine.reset(at: self.place, code, isPeersFault: isPeersFault, &out, now: now)
        }
        _ = self.connection.takeStream(at: self.place)
        self.leave()
        self.connection.streamEnded()
    }

    /// What the stream held belongs to nobody any more.
    func leave() {
        if self.phase == .discarding { self.connection.ends(discarding: self) }
        self.phase = .over
        self.loop.cancel(self)
        self.dropHeld()
        if let pending = self.pendingBody.take() {
            self.connection.write { machine, out in machine.consumed(pending.readableBytes, &out) }
        }
    }

    func end(_ reason: DownstreamEnd) {
        let handler = self.handler
        self.handler = nil
        handler?.downstreamClosed(reason)
        self.giveHeadBack()
    }

    /// The answer was handed over whole.
    func answerIsComplete() {
        let handler = self.handler
        self.handler = nil
        handler?.exchangeEnded()
        self.giveHeadBack()
        self.connection.streamEnded()
    }

    func giveHeadBack() {
        guard let head = self.requestHead else { return }
        self.requestHead = nil
        self.connection.heldBytes -= self.requestBytes
        self.requestBytes = 0
        self.loop.giveBack(head)
    }

    func tellWritable() {
        self.handler?.downstreamIsWritable()
    }
}
