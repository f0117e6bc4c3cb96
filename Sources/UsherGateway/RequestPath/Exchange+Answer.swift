import NIOCore
import UsherCaching
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// The `reply` phase: the replica's answer on its way to the client, or one of our own in its place.
extension Exchange {
    func reply(_ head: ResponseHead) {
        self.downstream.sendHead(head, edits: self.edits(of: head))
    }

    private func edits(of head: ResponseHead) -> HeadEdits {
        var edits = HeadEdits()
        switch self.cache {
        case .none: break
        // Each client's answer is edited for itself; the session is of the one whose request it is.
        case .fills:
            if let line = self.sessionLine(head) { edits.add(line) }
            return edits
        case .passes(var status):
            status.forwardStatus = head.status
            edits.cacheStatus = status
        }
        if !self.plan.answerEdits.isEmpty { edits = self.plan.answerHeadEdits(self.downstream, self.admission.caller) }
        edits.rateLimit = self.admission.fields
        if let line = self.sessionLine(head) { edits.add(line) }
        if !head.known.contains(.xRequestID) { self.addRequestID(to: &edits) }
        if self.wantsTiming {
            var line = ByteBuffer()
            ServerTiming.write(self.times.sofar, to: &line)
            edits.add(line)
        }
        return edits
    }

    /// The client learns what its request is called in our log.
    private func addRequestID(to edits: inout HeadEdits) {
        switch self.requestID {
        case .trace(let trace): edits.requestID = (trace.traceHigh, trace.traceLow)
        case .received: edits.add(self.requestIDLine)
        }
    }

    private var requestIDLine: ByteBuffer {
        var line = ByteBuffer(string: "X-Request-Id: ")
        self.requestID.write(to: &line, head: self.head)
        line.writeStaticString("\r\n")
        return line
    }

    /// Only who asks for them learns the times, which tell about the inside.
    var wantsTiming: Bool {
        self.head.known.contains(.usher) && self.head.first(named: "usher-timing") != nil
    }

    func upstreamInformational(_ head: ResponseHead) {
        if head.status == 100, self.hasAskedForBody { return }
        self.downstream.sendInformational(head)
        self.downstream.flush()
        if !self.downstream.isWritable { self.upstream?.pauseReading() }
    }

    func upstreamBody(_ data: ByteBuffer) {
        if self.phase == .tunnel { self.tunnelBytes.toClient += data.readableBytes }
        self.downstream.sendBody(data)
        if !self.downstream.isWritable { self.upstream?.pauseReading() }
    }

    func upstreamReadComplete() {
        if self.phase == .answering || self.phase == .tunnel { self.downstream.flush() }
    }

    func upstreamEnded(_ trailers: Trailers?) {
        if self.phase == .over { return }
        let now = self.worker.loop.now
        let outcome: TryOutcome = self.status < 500 ? .success : .status5xx
        self.tryEnds(outcome, latency: self.times.tryToFirstByte, now: now)
        self.downstream.sendEnd(self.wantsTiming ? self.timed(trailers, now: now) : trailers)
        self.downstream.flush()
    }

    /// How long the answer took to pass is known at its end only; an answer of known length has no place for it.
    private func timed(_ trailers: Trailers?, now: MonotonicTime) -> Trailers {
        var lines = trailers?.bytes ?? ByteBuffer()
        ServerTiming.writeTrailer(self.times.ended(now: now), to: &lines)
        return Trailers(bytes: lines)
    }

    // MARK: Tunnels

    /// The replica switched protocols: from here on it is only bytes.
    func upstreamUpgraded(_ head: ResponseHead) {
        guard self.wasAskedFor(head) else { return self.refuseUpgrade() }
        self.phase = .tunnel
        self.status = head.status
        self.times.answered(now: self.worker.loop.now)
        if let endpoint = self.endpoint {
            self.worker.metrics.tunnelOpened(service: self.service.index, endpoint: endpoint.index)
        }
        self.downstream.sendUpgrade(head, edits: self.edits(of: head))
        self.downstream.flush()
        // It was paused while a connection was sought, and a request without a body needed no resuming.
        self.downstream.resumeBody()
    }

    /// A replica may only switch to a protocol that the client named (RFC 9110 §7.8).
    private func wasAskedFor(_ head: ResponseHead) -> Bool {
        guard let asked = self.head.upgrade, let answered = head.upgrade else { return false }
        let names = Self.protocols(self.head.string(asked))
        return Self.protocols(head.string(answered)).allSatisfy { names.contains($0) }
    }

    private static func protocols(_ list: String) -> [Substring] {
        list.lowercased().split(separator: ",").map {
            $0.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
        }
    }

    private func refuseUpgrade() {
        let failure = UpstreamFailure(.badAnswer, "101 to a protocol that was not asked for")
        self.upstream?.cancel()
        self.tryEnds(.garbage, latency: nil, now: self.worker.loop.now)
        self.end(.tryFailed(failure))
    }

    /// Nothing passed for longer than `timeouts.idle`, which is nobody's fault.
    func tunnelIsSilent() {
        self.tryEnds(.success, latency: nil, now: self.worker.loop.now)
        self.why = "the tunnel was silent for too long"
        self.downstream.abort()
    }

    // MARK: Other ends

    /// Ends the path with an answer of our own.
    func end(_ refusal: PathRefusal) {
        self.stopWaiting()
        var answer = refusal.localAnswer(service: self.service.plan.name, self.requestIDLine)
        self.status = answer.status
        self.why = refusal.answer.why
        self.phase = .answering
        answer.rateLimit = self.admission.fields
        self.downstream.answer(answer)
    }

    /// The replica failed inside its answer: as long as nothing of it has left, the client gets one of ours.
    func breaksOff(_ refusal: PathRefusal) {
        if self.phase == .answering && self.downstream.answerCanBeReplaced {
            self.end(refusal)
        } else {
            self.cutOff(refusal)
        }
    }

    /// Ends an answer of the replica's that flows already: the client sees that it is not whole.
    func cutOff(_ refusal: PathRefusal) {
        self.why = refusal.answer.why
        self.downstream.abort()
    }
}
