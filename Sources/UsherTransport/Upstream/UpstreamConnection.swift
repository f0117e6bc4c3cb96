package import NIOCore
package import UsherCore
package import UsherHTTP
package import UsherReplication

/// One HTTP/1.1 connection to a replica: sends a request, reads its answer, and goes back to its pool.
///
/// Phase    | Meaning                                              | Left when
/// ---------|------------------------------------------------------|--------------------------------------
/// idle     | pooled; the peer may close it, and must say nothing  | a request is sent
/// head     | a request was sent, its answer's head is awaited     | the head is complete
/// body     | the answer's body is being read                      | it is complete
/// tunnel   | upgraded: bytes pass as they are                     | either side closes, or both are silent
/// ending   | a tunnel's last bytes are sent, nothing is read      | they are sent, or the replica takes none
/// closed   | of no more use                                       | never
///
/// Confinement: the channel's event loop.
package final class UpstreamConnection: TimedObject, ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum Phase { case idle, head, body, tunnel, ending, closed }

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

    let loop: LoopContext
    let headLimits: HeadLimits
    private(set) weak var pool: UpstreamPool?
    /// Where the pool keeps this connection.
    package let id: ConnectionID
    /// What it is connected to.
    let address: ReplicaAddress
    /// Nil: in the clear.
    let tls: UpstreamTLS?
    /// What reads the socket in front of TLS.
    var socketEnd: SocketEnd?
    private(set) var context: ChannelHandlerContext?

    var phase = Phase.idle
    var handler: (any UpstreamHandler)?
    var answer: ResponseHead?
    var bodyReader = BodyReader(.none, limits: HeadLimits())
    private(set) var method = Method.get
    var deadlines = Deadlines(response: 0, idle: 0, total: 0)
    var served = 0
    private(set) var requestIsComplete = true
    private(set) var wantsUpgrade = false
    var answerHasBegun = false
    private var isInFirstFlush = false
    private var readsArePaused = false
    /// The last read filled its buffer, so that the kernel may hold more.
    private var mayHoldMore = false
    /// The connection did not end in order, so its end is not that of an answer either (RFC 9112 §9.8).
    private var isCutOff = false
    /// What TLS said of our certificate, when there should have been an answer.
    private var refusal: String?
    /// What waited to be sent when the end of a tunnel was last looked at.
    private var unsentAtEnd = 0
    /// How long a replica may go on listening to the end of a tunnel. 2 s.
    private static let linger: UInt64 = 2_000_000_000
    private(set) var channelIsWritable = true
    /// Small pieces of the request's body that leave together.
    var gathered = ByteBuffer()
    /// How many lots of them the channel has and the socket has not taken.
    var unsentLots = 0
    /// Bytes of the current answer that arrived, head included.
    package private(set) var bytesReceived = 0

    package init(
        id: ConnectionID, loop: LoopContext, address: ReplicaAddress, tls: UpstreamTLS? = nil, headLimits: HeadLimits,
        pool: UpstreamPool
    ) {
        self.id = id
        self.address = address
        self.tls = tls
        self.loop = loop
        self.headLimits = headLimits
        self.pool = pool
    }

    /// Can take a request now.
    package var isUsable: Bool { self.phase == .idle && self.context != nil }

    // MARK: Requests

    /// Sends a request's head, with as much of its body as is there already.
    ///
    /// - Parameters:
    ///   - isWhole: nothing of the request will follow.
    ///   - wantsUpgrade: the head asks to switch protocols, so that 101 is an answer.
    package func send(
        _ bytes: ByteBuffer, _ body: ByteBuffer?, method: Method, isWhole: Bool, wantsUpgrade: Bool = false,
        deadlines: Deadlines, now: MonotonicTime, handler: any UpstreamHandler
    ) {
        self.handler = handler
        self.wantsUpgrade = wantsUpgrade
        self.method = method
        self.deadlines = deadlines
        self.phase = .head
        self.requestIsComplete = isWhole
        self.answerHasBegun = false
        self.bytesReceived = 0
        self.bound(by: deadlines.response, now: now)
        self.isInFirstFlush = true
        // What is left of a request that was answered before the replica had taken all of it.
        self.writeGathered()
        self.context?.write(self.wrapOutboundOut(bytes), promise: nil)
        if let body { self.context?.write(self.wrapOutboundOut(body), promise: nil) }
        self.context?.flush()
        self.isInFirstFlush = false
    }

    /// Everything of the request was handed over.
    ///
    /// - Parameter total: when the exchange's own time is over, now that it is no longer the client's that passes.
    package func requestIsSent(total: UInt64) {
        self.requestIsComplete = true
        self.deadlines.total = total
        if self.phase == .head { self.bound(by: self.deadlines.response, now: self.loop.now) }
    }

    /// Ends a tunnel because the client did: what waits is sent, then the connection closes. Its handler hears no more.
    package func closeWhenSent() {
        self.handler = nil
        guard self.phase == .tunnel, let context = self.context else { return self.close() }
        self.phase = .ending
        self.resumeReading()
        self.writeGathered()
        context.flush()
        context.close(mode: .output, promise: nil)
        self.checkEnd(now: self.loop.now, isFirst: true)
    }

    /// Waits as long as the replica takes what is left, and a moment for its own end.
    private func checkEnd(now: MonotonicTime, isFirst: Bool) {
        let unsent = self.context?.unsentBytes ?? 0
        guard isFirst || unsent < self.unsentAtEnd else { return self.close() }
        self.unsentAtEnd = unsent
        self.bound(by: unsent > 0 ? self.deadlines.idle : Self.linger, now: now)
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
        if self.phase == .body || self.phase == .tunnel { self.bound(by: self.deadlines.idle, now: self.loop.now) }
        self.setReading(true)
    }

    private func setReading(_ isOn: Bool) {
        // Fails only on a channel that is closed already.
        try? self.context?.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }

    package func close() {
        // TLS may take a while to end; nobody gets the connection meanwhile.
        if self.phase == .idle { self.phase = .closed }
        self.context?.close(promise: nil)
    }

    /// Its exchange ended well: the next request may have it.
    ///
    /// An answer that ends exactly where a read did may be followed by bytes that nobody asked for. They are found by
    /// the next read, which comes before the next request, so that it does not take them for its answer.
    func release(to pool: UpstreamPool?) {
        guard self.mayHoldMore else {
            pool?.connectionIsFree(self)
            return
        }
        self.loop.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(1)) {
            guard self.isUsable else { return }
            guard let pool = self.pool else { return self.close() }
            pool.connectionIsFree(self)
        }
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

    var wouldTryAnother: Bool { self.handler?.wouldTryAnother ?? false }

    /// A request was sent and no byte of its answer has come.
    package var awaitsAnswer: Bool { self.phase == .head && !self.answerHasBegun }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.ended()
        context.fireChannelInactive()
    }

    /// A channel that is closed in the middle of becoming active is never told that it is inactive.
    package func handlerRemoved(context: ChannelHandlerContext) {
        self.ended()
    }

    private func ended() {
        guard self.context != nil else { return }
        let phase = self.phase
        self.phase = .closed
        self.context = nil
        self.loop.cancel(self)
        self.pool?.connectionClosed(self)
        switch phase {
        case .body where !self.isCutOff && self.bodyReader.endOfInput() == .complete:
            let handler = self.handler
            self.handler = nil
            handler?.upstreamEnded(nil)
        case .body:
            self.failed(.init(.closedInAnswer, "the replica closed the connection inside its answer"))
        case .head where self.refusal != nil && !self.answerHasBegun:
            // Whoever is not let in has not been heard either.
            self.failed(.init(.connectFailed, "TLS: \(self.refusal ?? "")"))
        case .head:
            var failure = UpstreamFailure(
                self.answerHasBegun ? .closedInAnswer : .closedBeforeAnswer,
                "the replica closed the connection before its answer was there")
            failure.nothingSent = self.isInFirstFlush
            self.failed(failure)
        case .tunnel:
            // However it closed: a tunnel has no end of its own that could be missing.
            let handler = self.handler
            self.handler = nil
            handler?.upstreamEnded(nil)
        case .idle, .ending, .closed:
            break
        }
        self.giveHeadBack()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or the end of the socket before that of TLS.
        self.isCutOff = true
        self.refusal = TLSReason.ofRefusal(error)
        context.close(promise: nil)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.channelIsWritable = context.channel.isWritable
        if self.isWritable { self.handler?.upstreamIsWritable() }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        self.bytesReceived += input.readableBytes
        self.mayHoldMore = self.socketEnd?.mayHoldMore ?? (input.writableBytes == 0)
        self.loop.turn { self.process(&input) }
        self.loop.receiveBuffers.giveBack(input)
        if self.phase == .body || self.phase == .tunnel { self.bound(by: self.deadlines.idle, now: self.loop.now) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        self.handler?.upstreamReadComplete()
    }

    // MARK: Time

    /// Allows `duration` from now, but never more than the exchange has left.
    func bound(by duration: UInt64, now: MonotonicTime) {
        // A quarter of the clock's range is never; so the sum does not wrap.
        let deadline = now.nanoseconds &+ min(duration, UInt64.max / 4)
        self.loop.schedule(self, at: min(deadline, self.deadlines.total), now: now)
    }

    package override func timerFired(now: MonotonicTime) {
        let isTotal = now.nanoseconds >= self.deadlines.total
        switch self.phase {
        case .idle:
            self.close()
        case .head:
            self.fail(
                isTotal
                    ? .init(.totalTimedOut, "no answer within the time that the request may take")
                    : .init(.responseTimedOut, "no first byte of an answer in time"))
        case .body where self.readsArePaused, .tunnel where self.readsArePaused:
            // It is the client who does not read; its own time-out holds.
            self.bound(by: self.deadlines.idle, now: now)
        case .body:
            self.fail(.init(.idleTimedOut, "the replica fell silent inside its answer"))
        case .tunnel:
            self.fail(.init(.idleTimedOut, "both sides of the tunnel were silent"))
        case .ending:
            self.checkEnd(now: now, isFirst: false)
        case .closed:
            self.close()
        }
    }
}
