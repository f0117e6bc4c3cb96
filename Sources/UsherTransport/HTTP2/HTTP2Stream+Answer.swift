package import NIOCore
internal import UsherCaching
import UsherCore
package import UsherHTTP
internal import UsherQuotas

/// Writing answers as frames.
extension HTTP2Stream {
    /// Fields of a replica's answer that are written anew, or are ours to say.
    private static var framingFields: HeaderSet { HeaderSet().with(.contentLength).with(.usher) }
    private static var ownFields: HeaderSet { HeaderSet().with(.usher) }
    /// How long a client may leave no room for what waits for it. 10 s.
    private static let blockedTime: UInt64 = 10_000_000_000

    package var isWritable: Bool { self.isOpen && !self.holds && self.connection.isWritable }
    /// An answer may still be given.
    var isOpen: Bool { self.phase == .receiving || self.phase == .answering }
    /// A part of the answer waits for the client to make room.
    var holds: Bool { !self.held.isEmpty || self.isEndHeld }

    package func sendInformational(_ head: ResponseHead) {
        guard self.isOpen, !self.answerIsStarted else { return }
        self.writeBlock { out in
            ResponseTranslation.write(head, dropping: Self.framingFields, droppingNames: [], to: &out)
        }
        if head.status == 100 { self.bodyWasAskedFor() }
    }

    package func sendHead(_ head: ResponseHead, edits: HeadEdits) {
        guard self.isOpen, !self.answerIsStarted else { return }
        self.answerIsStarted = true
        self.answerHasBody = head.framing != .none
        let keepsLength = head.status != 204 && head.framing != .chunked && head.framing != .untilClose
        var dropped = keepsLength ? Self.ownFields : Self.framingFields
        let security = edits.decidesTransportSecurity ? [] : self.listener.transportSecurityLine
        if !security.isEmpty { dropped.insert(.strictTransportSecurity) }
        if edits.rateLimit != nil { dropped.insert(.rateLimit) }
        self.beginAnswer()
        self.writeBlock { out in
            ResponseTranslation.write(head, dropping: dropped, droppingNames: edits.removedNames, to: &out)
            if !head.known.contains(.date) { self.loop.writeDate(to: &out) }
            if let (high, low) = edits.requestID {
                ResponseTranslation.write(.xRequestID, "x-request-id", hexadecimal: high, low, to: &out)
            }
            self.writeOwnFields(security, edits.addedLines, edits.rateLimit, to: &out)
            if let status = edits.cacheStatus {
                var line = self.loop.writeBuffers.take()
                line.writeHead(reserving: 128) { status.write(to: &$0) }
                ResponseTranslation.write(lines: line, to: &out)
                self.loop.writeBuffers.giveBack(line)
            }
        }
        self.countRequest()
    }

    /// HTTP/2 has no upgrades, and a replica is never asked for one.
    package func sendUpgrade(_ head: ResponseHead, edits: HeadEdits) { self.abort() }

    package func sendBody(_ data: ByteBuffer) {
        guard self.isOpen, self.answerHasBody, data.readableBytes > 0 else { return }
        var data = data
        if !self.holds && self.connection.isWritable { self.writeData(&data) }
        if data.readableBytes > 0 { self.hold(data) }
        self.connection.limitOut()
        // Many may have asked before the first answer came: then refusing more of them is not enough.
        if self.holds && self.connection.isFarOverloaded { self.giveUpAnswer() }
    }

    package func sendEnd(_ trailers: Trailers?) {
        guard self.isOpen else { return }
        if self.held.isEmpty {
            self.finish(trailers: trailers)
            self.answerIsComplete()
            self.connection.limitOut()
        } else {
            self.isEndHeld = true
            self.heldTrailers = trailers
        }
    }

    package func flush() { self.connection.flushLater() }

    // MARK: Our own answers

    package func answer(_ answer: LocalAnswer) {
        guard self.isOpen else { return }
        if self.answerIsStarted {
            guard self.answerCanBeReplaced else { return self.abort() }
            self.takeAnswerBack()
        }
        self.write(answer)
        self.sendEnd(nil)
    }

    /// Writes an answer up to its end, for which `sendEnd` is.
    func write(_ answer: LocalAnswer) {
        self.answerIsStarted = true
        self.answerHasBody = true
        self.beginAnswer()
        let hasBody = answer.status != 204 && answer.status != 304
        self.writeBlock { out in
            ResponseTranslation.write(status: answer.status, to: &out)
            self.loop.writeDate(to: &out)
            if hasBody {
                ResponseTranslation.write(
                    .contentLength, "content-length", decimal: answer.body.readableBytes, to: &out)
                if answer.body.readableBytes > 0 {
                    ResponseTranslation.write(.contentType, "content-type", answer.contentType, to: &out)
                }
            }
            let security = answer.decidesTransportSecurity ? [] : self.listener.transportSecurityLine
            self.writeOwnFields(security, answer.addedLines, answer.rateLimit, to: &out)
        }
        guard hasBody, self.head.method != .head, answer.body.readableBytes > 0 else { return }
        var body = answer.body
        if self.connection.isWritable { self.writeData(&body) }
        if body.readableBytes > 0 { self.hold(body) }
    }

    func writeOwnFields(
        _ security: [UInt8], _ lines: ByteBuffer?, _ rateLimit: RateLimitFields?, to out: inout ByteBuffer
    ) {
        if !security.isEmpty { ResponseTranslation.write(lines: ByteBuffer(bytes: security), to: &out) }
        if let rateLimit {
            var written = self.loop.writeBuffers.take()
            written.writeHead(reserving: rateLimit.count) { rateLimit.write(to: &$0) }
            ResponseTranslation.write(lines: written, to: &out)
            self.loop.writeBuffers.giveBack(written)
        }
        if let lines { ResponseTranslation.write(lines: lines, to: &out) }
    }

    // MARK: Frames

    func beginAnswer() {
        self.wroteFirstBlock = !self.connection.machine.hasWrittenBlock
        self.dataBytes = 0
        self.lastFrame = -1
        self.answerOffset = self.connection.out?.writerIndex ?? 0
        self.generation = self.connection.outGeneration
    }

    func writeBlock(_ body: (inout ByteBuffer) -> Void) {
        self.connection.write { machine, out in
            let start = machine.beginBlock(at: self.place, &out)
            body(&out)
            machine.endBlock(start, at: self.place, &out)
            self.note(start, out.writerIndex - start, end: out.writerIndex)
        }
    }

    private func writeData(_ data: inout ByteBuffer) {
        self.connection.write { machine, out in
            let before = (data.readableBytes, out.writerIndex)
            guard let last = machine.write(&data, at: self.place, &out) else { return }
            self.dataBytes += before.0 - data.readableBytes
            self.note(last, out.writerIndex - before.1, end: out.writerIndex)
        }
    }

    private func note(_ frame: Int, _ count: Int, end: Int) {
        // Frames of other streams are in between: what is ours cannot be taken back alone.
        if self.lastFrame >= 0, end - count != self.answerEnd { self.answerOffset = -1 }
        self.lastFrame = frame
        self.answerEnd = end
        self.bytesSent += count
        if self.generation != self.connection.outGeneration {
            self.generation = self.connection.outGeneration
            self.answerOffset = -1
        }
    }

    /// Marks the end of the answer. The stream is over with it, unless its request is not.
    func finish(trailers: Trailers?) {
        if let trailers {
            self.writeBlock { out in ResponseTranslation.write(lines: trailers.bytes, to: &out) }
        }
        let isStillThere = self.generation == self.connection.outGeneration && self.lastFrame >= 0
        let isOver = self.connection.write { machine, out in
            machine.endStream(at: self.place, lastFrame: isStillThere ? self.lastFrame : nil, &out)
        }
        if isOver { _ = self.connection.takeStream(at: self.place) }
        self.leave()
        guard !isOver else { return }
        self.phase = .discarding
        self.loop.schedule(self, after: self.connection.limits.bodyGrace, now: self.loop.now)
        self.connection.begins(discarding: self)
    }

    // MARK: Taking an answer back

    package var answerCanBeReplaced: Bool {
        // Frames of other streams behind ours cannot be moved.
        self.answerIsStarted && self.isOpen && !self.holds && self.answerOffset >= 0
            && self.generation == self.connection.outGeneration && self.answerEnd == self.connection.out?.writerIndex
    }

    private func takeAnswerBack() {
        self.connection.write { machine, out in
            self.bytesSent -= out.writerIndex - self.answerOffset
            out.moveWriterIndex(to: self.answerOffset)
            machine.unwrite(self.dataBytes, at: self.place, withFirstBlock: self.wroteFirstBlock)
        }
        self.lastFrame = -1
    }

    // MARK: Waiting for room

    /// Keeps what cannot be sent now; whoever gives it looks at `isWritable`.
    private func hold(_ data: ByteBuffer) {
        // A slice holds the whole buffer that it lies in.
        var data = data
        if data.readableBytes < data.storageCapacity / 2 {
            var copy = ByteBufferAllocator().buffer(capacity: data.readableBytes)
            copy.writeBuffer(&data)
            data = copy
        }
        if self.held.isEmpty {
            let now = self.loop.now
            self.blockedSince = now
            self.blockedBytes = self.dataBytes
            self.loop.schedule(self, after: Self.blockedTime, now: now)
        }
        self.held.append(data)
        self.count(data.storageCapacity)
    }

    /// Memory that is held, or no longer.
    private func count(_ bytes: Int) {
        self.heldBytes += bytes
        self.connection.heldBytes += bytes
    }

    /// Sends what there is room for; true when that was something.
    @discardableResult
    func sendHeld(atMost limit: Int) -> Bool {
        guard self.isOpen, self.holds, self.connection.isWritable, self.connection.machine.room(at: self.place) > 0
        else { return false }
        let sent = self.connection.write { machine, out in
            let start = out.writerIndex
            guard let (last, count) = machine.write(&self.held, atMost: limit, at: self.place, &out) else { return 0 }
            self.dataBytes += count
            self.note(last, out.writerIndex - start, end: out.writerIndex)
            return count
        }
        self.count(self.held.reduce(0) { $0 + $1.storageCapacity } - self.heldBytes)
        guard self.held.isEmpty else { return sent > 0 }
        self.blockedSince = nil
        if self.isEndHeld {
            self.isEndHeld = false
            self.finish(trailers: self.heldTrailers)
            self.answerIsComplete()
        } else if self.connection.isWritable {
            self.tellWritable()
        }
        return sent > 0
    }

    func dropHeld() {
        self.connection.heldBytes -= self.heldBytes
        self.heldBytes = 0
        self.held.removeAll()
        self.isEndHeld = false
    }

    /// There was room for next to nothing for as long as a client may leave us without, and not because its socket was
    /// full. A byte now and then is no sign of life: a replica's connection waits for it.
    func isBlockedTooLong(now: MonotonicTime) -> Bool {
        guard let since = self.blockedSince, now.nanoseconds(since: since) >= Self.blockedTime else { return false }
        let least = self.connection.limits.bodyRate * Int(Self.blockedTime / 1_000_000_000)
        guard self.dataBytes - self.blockedBytes < max(1, least), self.connection.isWritable else {
            self.blockedSince = now
            self.blockedBytes = self.dataBytes
            return false
        }
        return true
    }
}
