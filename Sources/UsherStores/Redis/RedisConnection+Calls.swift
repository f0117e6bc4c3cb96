internal import NIOCore
internal import UsherCore

/// Calls, their answers, and what happens when those do not come.
extension RedisConnection {
    /// What a call costs in words beside its own: command, script, number of keys.
    private static let prefixWordCount = 3

    /// - Parameters:
    ///   - wordCount: of the key, which comes first, and the arguments.
    ///   - write: writes them.
    func evaluate(
        wordCount: Int, _ write: (inout ByteBuffer) -> Void, completion: @escaping RedisCalls.Completion
    ) {
        guard !self.calls.isFull else {
            return self.fail(completion, RedisFailure(.overloaded, "\(RedisCalls.maximum) calls wait already"))
        }
        let deadline = self.now.advanced(by: self.settings.deadline)
        let number = self.calls.add(wordCount: wordCount, deadline: deadline, write, completion: completion)
        self.send(number, wordCount, after: self.evaluateByDigest)
        if !self.isDeadlineSet { self.setDeadline(deadline) }
    }

    private func send(_ number: UInt64, _ wordCount: Int, after prefix: ByteBuffer) {
        self.outgoing.writeCommandStart(wordCount: Self.prefixWordCount + wordCount)
        self.outgoing.writeImmutableBuffer(prefix)
        self.calls.writeWords(of: number, to: &self.outgoing)
        self.calls.noteSent(.call(number))
        self.flushLater()
    }

    /// The server has lost the script: loads it again, for later calls, and sends this one with all of its text.
    private func sendAgain(_ number: UInt64, _ wordCount: Int) {
        if !self.isLoading {
            self.isLoading = true
            self.outgoing.writeCommand(["SCRIPT", "LOAD", self.script])
            self.calls.noteSent(.load)
        }
        self.send(number, wordCount, after: Self.prefix("EVAL", self.script.utf8.span))
    }

    // MARK: Answers

    func answered(_ reply: RESPValue) {
        guard let sent = self.calls.takeSent() else {
            return self.end(RedisFailure(.malformed, "the server answers what nobody asked"))
        }
        if self.silence != nil { self.endSilence() }
        switch (sent, reply) {
        case (.call(let number), .error(let words)):
            self.refused(number, words)
        case (.call(let number), _):
            // None: it was given up, and this comes too late.
            guard let completion = self.calls.end(number) else { return }
            guard completion(.success(reply)) else { return self.mismatched() }
            self.client?.callSucceeded()
        case (.load, .bulk), (.load, .error):
            self.isLoading = false
        case (.ping, .simple("PONG")), (.ping, .error):
            break
        case (.load, _), (.ping, _):
            self.mismatched()
        }
    }

    private func refused(_ number: UInt64, _ words: String) {
        if words.hasPrefix("NOSCRIPT"), let wordCount = self.calls.repeatOnce(number) {
            return self.sendAgain(number, wordCount)
        }
        let failure = RedisFailure.refused(words)
        if failure.concernsAllCalls { self.client?.callsAreRefused(failure) }
        if let completion = self.calls.end(number) { self.fail(completion, failure) }
        if failure.asksForNewConnection { self.end(failure) }
    }

    /// Whether the answers before it were those to their questions, nobody knows.
    private func mismatched() {
        self.end(RedisFailure(.malformed, "the server's answer is none to the question"))
    }

    // MARK: Time

    private func setDeadline(_ deadline: MonotonicTime) {
        self.isDeadlineSet = true
        self.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(deadline.nanoseconds)) {
            self.giveUpDueCalls()
        }
    }

    private func giveUpDueCalls() {
        self.isDeadlineSet = false
        let now = self.now
        if let deadline = self.calls.nextDeadline, deadline <= now { self.beginSilence(now) }
        while let completion = self.calls.endDue(now: now) { self.fail(completion, Self.unanswered) }
        if let deadline = self.calls.nextDeadline { self.setDeadline(deadline) }
    }

    static let unanswered = RedisFailure(.silent, "no answer within its deadline")

    private func beginSilence(_ now: MonotonicTime) {
        guard self.silence == nil else { return }
        self.silence = RedisSilence(since: now)
        self.client?.connectionFellSilent(self)
        self.beatLater()
    }

    private func endSilence() {
        self.silence = nil
        self.beatTimer?.cancel()
        self.client?.connectionAnswersAgain(self)
    }

    private func beatLater() {
        let delay = TimeAmount(RedisSilence.beat)
        self.beatTimer = self.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.beat() }
    }

    private func beat() {
        guard self.phase == .usable, let silence = self.silence else { return }
        switch silence.beat(now: self.now) {
        case .ping:
            self.outgoing.writeCommand(["PING"])
            self.calls.noteSent(.ping)
            self.flushLater()
            self.beatLater()
        case .giveUp:
            self.end(RedisFailure(.silent, "no answer for \(RedisSilence.longest.text)"))
        }
    }
}
