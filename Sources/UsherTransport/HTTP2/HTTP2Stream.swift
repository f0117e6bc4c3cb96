import NIOCore
package import UsherCore
package import UsherHTTP

/// One exchange on an HTTP/2 connection: where its request comes in and its answer goes out.
///
/// Phase      | Meaning                                              | Left when
/// -----------|------------------------------------------------------|---------------------------------------------
/// receiving  | the request's body comes                             | it is complete
/// answering  | the request is complete, its answer is not           | the answer is complete
/// discarding | answered; the rest of the body is thrown away        | it is complete, or has been long enough
/// over       | ended, reset, or gone with its connection            | never
///
/// Confinement: the channel's event loop.
package final class HTTP2Stream: TimedObject, Downstream {
    enum Phase { case receiving, answering, discarding, over }

    let connection: HTTP2ServerConnection
    /// Where the connection and its machine keep the stream; only while it is not over.
    let place: Int
    package let startedAt: MonotonicTime
    var phase = Phase.answering
    var requestHead: RequestHead?
    var handler: (any DownstreamHandler)?

    /// What an answered request may go on to send. 1 MiB.
    private static let discardedMax = 1 << 20

    // The body.
    package private(set) var bytesReceived = 0
    private var isPaused = false
    /// Received, and not passed on while its replica takes nothing; bounded by the stream's window.
    var pendingBody: ByteBuffer?
    private var isWholeBodyHere = false
    private var pendingTrailers: Trailers?
    private var bodyBytes = 0
    private var bodyClock: MonotonicTime?

    // The answer; written by the other half of this type.
    package var bytesSent = 0
    var answerIsStarted = false
    var answerHasBody = true
    /// Where the answer and its last frame begin in the connection's buffer, while all of it is there.
    var answerOffset = -1
    var lastFrame = -1
    var answerEnd = -1
    var generation = 0
    /// Bytes of the answer's body that were written, which count against the windows.
    var dataBytes = 0
    var wroteFirstBlock = false
    /// What the client's windows, or its socket, have no room for.
    var held = CircularBuffer<ByteBuffer>(initialCapacity: 0)
    /// The memory that this takes.
    var heldBytes = 0
    /// What the request's head, and what its handler keeps of its body, take until they are given back.
    var requestBytes = 0
    var isEndHeld = false
    var heldTrailers: Trailers?
    var blockedBytes = 0
    var blockedSince: MonotonicTime?

    init(_ connection: HTTP2ServerConnection, place: Int, startedAt: MonotonicTime) {
        self.connection = connection
        self.place = place
        self.startedAt = startedAt
    }

    package var peer: Peer { self.connection.peer }
    package var listener: ListenerRules { self.connection.listener }
    var loop: LoopContext { self.connection.loop }

    package var head: RequestHead {
        if let head = self.requestHead { return head }
        let head = self.loop.takeRequestHead()
        self.requestHead = head
        return head
    }

    // MARK: The request

    /// - Parameter text: the head in HTTP/1.1's form.
    func begin(_ text: inout ByteBuffer, hasBody: Bool) {
        self.bytesReceived = text.readableBytes
        switch self.head.take(translated: &text, hasBody: hasBody, limits: self.connection.limits.head) {
        case .needsMore:
            return self.breakOff("a head that is not complete")
        case .refused(let refusal):
            return self.refuse(refusal)
        case .complete:
            break
        }
        if case .length(let length) = self.head.framing {
            guard hasBody || length == 0 else { return self.breakOff("a content-length without a body") }
            if hasBody {
                self.connection.machine.expect(length, at: self.place)
                self.head.makeRoomForTrailers()
            }
        }
        if hasBody {
            self.phase = .receiving
            // A client that waits for `100 Continue` is not slow: its clock starts with the first byte.
            if !self.head.expectsContinue { self.startBodyClock(self.startedAt) }
        }
        // A few bytes that refer to a large field make a large head, and each waits with its request.
        let handler = self.connection.acceptor.requestArrived(on: self)
        self.handler = handler
        self.countRequest()
        handler.begin()
        if !hasBody && self.handler === handler { handler.requestEnd(nil) }
    }

    /// Takes a part of the body. True when it was passed on.
    func receive(_ data: ByteBuffer) -> Bool {
        self.bytesReceived += data.readableBytes
        guard self.phase == .receiving else {
            self.discard(data)
            return false
        }
        if self.bodyBytes == 0 { self.startBodyClock(self.loop.now) }
        self.bodyBytes += data.readableBytes
        guard !self.isPaused else {
            // A copy of its own size: the buffer that it lies in is the whole read's.
            if self.pendingBody == nil { self.pendingBody = ByteBufferAllocator().buffer(capacity: data.readableBytes) }
            self.pendingBody?.writeImmutableBuffer(data)
            return false
        }
        self.pass(data)
        return true
    }

    /// A client may go on sending after its answer is there, for a while: some take a reset for a failure, whatever its
    /// code says (RFC 9113 §8.1).
    private func discard(_ data: ByteBuffer) {
        self.bodyBytes += data.readableBytes
        self.connection.write { machine, out in
            if self.phase == .discarding {
                machine.consumed(data.readableBytes, at: self.place, &out)
            } else {
                machine.consumed(data.readableBytes, &out)
            }
        }
        if self.bodyBytes > Self.discardedMax { self.resetStream(.noError, isPeersFault: false) }
    }

    /// Counts what waits with the request.
    func countRequest() {
        let bytes = self.handler.map { self.head.bytes.readableBytes + $0.keptBytes } ?? 0
        self.connection.heldBytes += bytes - self.requestBytes
        self.requestBytes = bytes
    }

    private func pass(_ data: ByteBuffer) {
        self.handler?.requestBody(data)
        self.countRequest()
        self.connection.write { machine, out in
            if self.phase == .over {
                machine.consumed(data.readableBytes, &out)
            } else {
                machine.consumed(data.readableBytes, at: self.place, &out)
            }
        }
    }

    func receiveEnd(_ trailers: Trailers?) {
        if self.phase == .discarding {
            _ = self.connection.takeStream(at: self.place)
            self.leave()
            return self.connection.streamEnded()
        }
        guard self.phase == .receiving else { return }
        self.bodyClock = nil
        if self.pendingBody != nil {
            self.isWholeBodyHere = true
            self.pendingTrailers = trailers
            return
        }
        self.phase = .answering
        self.handler?.requestEnd(trailers)
    }

    /// No more of the body is there for now.
    func readIsComplete() {
        if self.phase == .receiving { self.handler?.requestReadComplete() }
    }

    package func pauseBody() {
        self.isPaused = true
    }

    package func resumeBody() {
        guard self.isPaused else { return }
        self.isPaused = false
        guard self.phase == .receiving else { return }
        if self.bodyClock != nil {
            // Time under our own back-pressure is not the client's fault.
            self.bodyBytes = 0
            self.startBodyClock(self.loop.now)
        }
        guard let data = self.pendingBody.take() else { return }
        self.pass(data)
        guard self.phase == .receiving else { return }
        if self.isWholeBodyHere && self.pendingBody == nil {
            self.phase = .answering
            self.handler?.requestEnd(self.pendingTrailers)
        } else {
            self.handler?.requestReadComplete()
        }
    }

    // MARK: Time

    /// A client that has been told to go on with its body is slow when it does not.
    func bodyWasAskedFor() {
        if self.phase == .receiving, self.bodyBytes == 0 { self.startBodyClock(self.loop.now) }
    }

    private func startBodyClock(_ now: MonotonicTime) {
        self.bodyClock = now
        self.loop.schedule(self, after: self.connection.limits.bodyGrace, now: now)
    }

    package override func timerFired(now: MonotonicTime) {
        if self.phase == .over { return }
        if self.phase == .discarding { return self.resetStream(.noError, isPeersFault: false) }
        if self.holds, self.isBlockedTooLong(now: now) {
            self.resetStream(.enhanceYourCalm, isPeersFault: true)
            return self.end(.timedOut)
        }
        if self.phase == .receiving, let start = self.bodyClock, !self.isPaused,
            self.connection.limits.isTooSlow(self.bodyBytes, since: start, now: now)
        {
            // Other streams' back-pressure is not this one's fault either.
            guard !self.connection.machine.isWindowUsedUp else {
                self.bodyBytes = 0
                return self.startBodyClock(now)
            }
            let refusal = Refusal(408, "the request's body came too slowly")
            let isStarted = self.answerIsStarted
            let handler = self.handler
            self.handler = nil
            handler?.downstreamClosed(.refused(refusal))
            if isStarted {
                self.resetStream(.cancel, isPeersFault: true)
            } else {
                self.write(LocalAnswer(refusal))
                self.sendEnd(nil)
            }
            return self.giveHeadBack()
        }
        if self.bodyClock != nil || self.holds { self.loop.schedule(self, after: 1_000_000_000, now: now) }
    }
}
