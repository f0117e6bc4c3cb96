package import NIOCore
package import UsherCore
package import UsherHTTP
package import UsherReplication

/// One HTTP/1.1 connection to a replica: sends a request, reads its answer, and goes back to its pool.
///
/// Phase    | Meaning                                              | Left when
/// ---------|------------------------------------------------------|--------------------------------------
/// idle     | pooled; the peer may close it, and must say nothing  | a request is sent
/// head     | a request was sent, its answer's head is awaited      | the head is complete
/// body     | the answer's body is being read                      | it is complete
/// closed   | of no more use                                       | never
///
/// Confinement: the channel's event loop.
package final class UpstreamConnection: TimedObject, ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum Phase { case idle, head, body, closed }

    /// The time-outs of one try, in nanoseconds, and the exchange's own end on the monotonic clock.
    package struct Deadlines {
        package var response: UInt64
        package var idle: UInt64
        package var total: UInt64

        package init(response: UInt64, idle: UInt64, total: UInt64) {
            self.response = response
            self.idle = idle
            self.total = total
        }
    }

    private let loop: LoopContext
    private let headLimits: HeadLimits
    private weak var pool: UpstreamPool?
    /// Where the pool keeps this connection.
    package let id: ConnectionID
    /// What it is connected to.
    let address: ReplicaAddress
    private var context: ChannelHandlerContext?

    private var phase = Phase.idle
    private var handler: (any UpstreamHandler)?
    private var answer: ResponseHead?
    private var bodyReader = BodyReader(.none, limits: HeadLimits())
    private var method = Method.get
    private var deadlines = Deadlines(response: 0, idle: 0, total: 0)
    private var served = 0
    private var requestIsComplete = true
    private var answerHasBegun = false
    private var isInFirstFlush = false
    private var readsArePaused = false
    package private(set) var isWritable = true
    /// Bytes of the current answer that arrived, head included.
    package private(set) var bytesReceived = 0

    package init(
        id: ConnectionID, loop: LoopContext, address: ReplicaAddress, headLimits: HeadLimits, pool: UpstreamPool
    ) {
        self.id = id
        self.address = address
        self.loop = loop
        self.headLimits = headLimits
        self.pool = pool
    }

    /// Can take a request now.
    package var isUsable: Bool { self.phase == .idle && self.context != nil }

    // MARK: Requests

    /// Sends a request's head, with as much of its body as is there already.
    ///
    /// - Parameter isWhole: nothing of the request will follow.
    package func send(
        _ bytes: ByteBuffer, _ body: ByteBuffer?, method: Method, isWhole: Bool, deadlines: Deadlines,
        now: MonotonicTime, handler: any UpstreamHandler
    ) {
        self.handler = handler
        self.method = method
        self.deadlines = deadlines
        self.phase = .head
        self.requestIsComplete = isWhole
        self.answerHasBegun = false
        self.bytesReceived = 0
        self.bound(by: deadlines.response, now: now)
        self.isInFirstFlush = true
        self.context?.write(self.wrapOutboundOut(bytes), promise: nil)
        if let body { self.context?.write(self.wrapOutboundOut(body), promise: nil) }
        self.context?.flush()
        self.isInFirstFlush = false
    }

    /// Sends more of the request's body; `flush` follows.
    package func sendBody(_ data: ByteBuffer) {
        self.context?.write(self.wrapOutboundOut(data), promise: nil)
        if self.phase == .head { self.bound(by: self.deadlines.response, now: self.loop.now) }
    }

    package func flush() {
        self.context?.flush()
    }

    /// Everything of the request was handed over.
    ///
    /// - Parameter total: when the exchange's own time is over, now that it is no longer the client's that passes.
    package func requestIsSent(total: UInt64) {
        self.requestIsComplete = true
        self.deadlines.total = total
        if self.phase == .head { self.bound(by: self.deadlines.response, now: self.loop.now) }
    }

    /// Gives the try up: nobody waits for its answer any more.
    package func cancel() {
        self.handler = nil
        self.close()
    }

    package func pauseReading() {
        guard !self.readsArePaused else { return }
        self.readsArePaused = true
        self.setReading(false)
    }

    package func resumeReading() {
        guard self.readsArePaused else { return }
        self.readsArePaused = false
        if self.phase == .body { self.bound(by: self.deadlines.idle, now: self.loop.now) }
        self.setReading(true)
    }

    private func setReading(_ isOn: Bool) {
        // Fails only on a channel that is closed already.
        try? self.context?.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }

    package func close() {
        self.context?.close(promise: nil)
    }

    /// The replica was taken out of service while this try waits for an answer.
    package func fail(_ failure: UpstreamFailure) {
        var failure = failure
        failure.wasReused = self.served > 0
        let handler = self.handler
        self.handler = nil
        self.close()
        handler?.upstreamFailed(failure)
    }

    /// A request was sent and no byte of its answer has come.
    package var awaitsAnswer: Bool { self.phase == .head && !self.answerHasBegun }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func channelInactive(context: ChannelHandlerContext) {
        let phase = self.phase
        self.phase = .closed
        self.context = nil
        self.loop.cancel(self)
        self.pool?.connectionClosed(self)
        switch phase {
        case .body where self.bodyReader.endOfInput() == .complete:
            let handler = self.handler
            self.handler = nil
            handler?.upstreamEnded(nil)
        case .body:
            self.failed(.init(.closedInAnswer, "the replica closed the connection inside its answer"))
        case .head:
            var failure = UpstreamFailure(
                self.answerHasBegun ? .closedInAnswer : .closedBeforeAnswer,
                "the replica closed the connection before its answer was there")
            failure.nothingSent = self.isInFirstFlush
            self.failed(failure)
        case .idle, .closed:
            break
        }
        self.giveHeadBack()
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if self.isWritable { self.handler?.upstreamIsWritable() }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        self.bytesReceived += input.readableBytes
        self.loop.turn { self.process(&input) }
        self.loop.receiveBuffers.giveBack(input)
        if self.phase == .body { self.bound(by: self.deadlines.idle, now: self.loop.now) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        self.handler?.upstreamReadComplete()
    }

    // MARK: The answer

    private func process(_ input: inout ByteBuffer) {
        while input.readableBytes > 0 {
            switch self.phase {
            case .idle:
                // Nobody asked: an answer too many, or noise. Such a connection is never used again.
                self.phase = .closed
                self.close()
                return
            case .head:
                guard self.readHead(&input) else { return }
            case .body:
                guard self.readBody(&input) else { return }
            case .closed:
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
            // We never ask for an upgrade.
            self.breakOff("101 without a request to switch protocols")
            return false
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

    /// A body of known length ends with its last byte, not with the next read.
    private func finishWhenComplete(_ input: inout ByteBuffer) {
        if self.phase == .body && self.bodyReader.isComplete { self.finish(nil, hasMore: input.readableBytes > 0) }
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
            self.finish(trailers, hasMore: input.readableBytes > 0)
            return true
        case .refused(let refusal):
            self.breakOff(refusal.reason)
            return false
        }
    }

    /// - Parameter hasMore: bytes follow the answer. They belong to no request of ours, and the next answer on this
    ///   connection could not be told from them, so it is not used again.
    private func finish(_ trailers: Trailers?, hasMore: Bool) {
        let handler = self.handler
        self.handler = nil
        let goesOn = self.requestIsComplete && !hasMore && (self.answer?.keepAlive ?? false)
        self.served += 1
        self.phase = goesOn ? .idle : .closed
        self.giveHeadBackAfter {
            if goesOn {
                self.resumeReading()
                self.pool?.connectionIsFree(self)
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

    private func failed(_ failure: UpstreamFailure) {
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

    private func giveHeadBack() {
        self.giveHeadBackAfter {}
    }

    // MARK: Time

    /// Allows `duration` from now, but never more than the exchange has left.
    private func bound(by duration: UInt64, now: MonotonicTime) {
        self.loop.schedule(self, at: min(now.nanoseconds &+ duration, self.deadlines.total), now: now)
    }

    package override func timerFired(now: MonotonicTime) {
        let isTotal = now.nanoseconds >= self.deadlines.total
        switch self.phase {
        case .idle:
            self.phase = .closed
            self.close()
        case .head:
            self.fail(
                isTotal
                    ? .init(.totalTimedOut, "no answer within the time that the request may take")
                    : .init(.responseTimedOut, "no first byte of an answer in time"))
        case .body where self.readsArePaused:
            // It is the client who does not read; its own time-out holds.
            self.bound(by: self.deadlines.idle, now: now)
        case .body:
            self.fail(.init(.idleTimedOut, "the replica fell silent inside its answer"))
        case .closed:
            self.close()
        }
    }
}
