import NIOCore
import UsherHTTP

/// Reading answers, and what their ends mean for the connection.
extension UpstreamConnection {
    func process(_ input: inout ByteBuffer) {
        while input.readableBytes > 0 {
            switch self.phase {
            case .idle:
                // Nobody asked: an answer too many, or noise. Such a connection is never used again.
                self.phase = .closed
                self.pool?.connectionGotUnasked(bytes: input.readableBytes)
                self.close()
                return
            case .head:
                guard self.readHead(&input) else { return }
            case .body:
                guard self.readBody(&input) else { return }
            case .tunnel:
                guard let data = input.readSlice(length: input.readableBytes) else { return }
                self.handler?.upstreamBody(data)
            case .ending, .closed:
                return
            }
        }
    }

    private func readHead(_ input: inout ByteBuffer) -> Bool {
        self.answerHasBegun = true
        let answer = self.answer ?? self.loop.takeResponseHead()
        self.answer = answer
        switch answer.parse(&input, requestMethod: self.method, limits: self.headLimits) {
        case .needsMore:
            return false
        case .refused(let refusal):
            self.breakOff(refusal.reason)
            return false
        case .complete where answer.status == 101:
            return self.upgrade(answer)
        case .complete where answer.status < 200:
            self.answerHasBegun = false
            self.handler?.upstreamInformational(answer)
            answer.reset()
            return true
        case .complete:
            self.phase = .body
            // `timeouts.total` covers waiting and trying; a long answer may take its time while it flows.
            self.deadlines.total = .max
            self.bodyReader = BodyReader(answer.framing, limits: self.headLimits)
            self.handler?.upstreamHead(answer)
            self.finishWhenComplete(&input)
            return true
        }
    }

    /// False when the connection cannot become a tunnel.
    private func upgrade(_ answer: ResponseHead) -> Bool {
        guard self.wantsUpgrade else {
            self.breakOff("101 without a request to switch protocols")
            return false
        }
        guard answer.upgrade != nil else {
            self.breakOff("101 that does not say what it switches to")
            return false
        }
        self.phase = .tunnel
        self.deadlines.total = .max
        self.handler?.upstreamUpgraded(answer)
        // A tunnel may be silent for days: it keeps nothing of its beginning.
        self.giveHeadBack()
        return true
    }

    /// A body of known length ends with its last byte, not with the next read.
    private func finishWhenComplete(_ input: inout ByteBuffer) {
        if self.phase == .body && self.bodyReader.isComplete { self.finish(nil, unasked: input.readableBytes) }
    }

    /// False when nothing more of the input can be used.
    private func readBody(_ input: inout ByteBuffer) -> Bool {
        switch self.bodyReader.next(&input) {
        case .data(let data):
            self.handler?.upstreamBody(data)
            self.finishWhenComplete(&input)
            return true
        case .needsMore:
            return false
        case .end(let trailers):
            self.finish(trailers, unasked: input.readableBytes)
            return true
        case .refused(let refusal):
            self.breakOff(refusal.reason)
            return false
        }
    }

    /// - Parameter unasked: how many bytes follow the answer. They belong to no request of ours, and the next answer on
    ///   this connection could not be told from them, so it is not used again.
    private func finish(_ trailers: Trailers?, unasked: Int) {
        let handler = self.handler
        self.handler = nil
        let pool = self.pool
        if unasked > 0 { pool?.connectionGotUnasked(bytes: unasked) }
        let goesOn = self.requestIsComplete && unasked == 0 && (self.answer?.keepAlive ?? false) && pool != nil
        self.served += 1
        self.phase = goesOn ? .idle : .closed
        self.giveHeadBackAfter {
            if goesOn {
                self.resumeReading()
                self.release(to: pool)
            } else {
                self.close()
            }
            handler?.upstreamEnded(trailers)
            handler?.upstreamReadComplete()
        }
    }

    private func breakOff(_ reason: String) {
        self.failed(.init(.badAnswer, reason))
        self.close()
    }

    func failed(_ failure: UpstreamFailure) {
        var failure = failure
        failure.wasReused = self.served > 0
        let handler = self.handler
        self.handler = nil
        handler?.upstreamFailed(failure)
    }

    /// The answer's head stays readable while the handler is told of the end.
    private func giveHeadBackAfter(_ body: () -> Void) {
        let answer = self.answer
        self.answer = nil
        body()
        if let answer { self.loop.giveBack(answer) }
    }

    func giveHeadBack() {
        self.giveHeadBackAfter {}
    }
}
