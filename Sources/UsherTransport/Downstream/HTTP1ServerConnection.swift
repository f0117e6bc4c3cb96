package import NIOCore
package import UsherCore
package import UsherHTTP

/// A client's HTTP/1.1 connection: reads heads and bodies, one exchange at a time, and writes the answers.
///
/// Phase      | Meaning                                                    | Left when
/// -----------|------------------------------------------------------------|------------------------------------
/// head       | waiting for a request's head, or in the middle of one      | the head is complete or refused
/// body       | an exchange runs and its request body is being read        | the body is complete
/// answering  | the request is complete, its answer is not                 | the answer is complete
/// discarding | answered; the rest of a short body is read and thrown away | the body is complete
/// tunnel     | upgraded: bytes pass as they are                           | either side closes
/// closing    | nothing more is read as a request                          | the channel closes
///
/// Confinement: the channel's event loop.
package final class HTTP1ServerConnection: ServerConnection, ChannelInboundHandler, RemovableChannelHandler, Downstream
{
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum Phase { case head, body, answering, discarding, tunnel, closing }

    var context: ChannelHandlerContext?
    package let peer: Peer
    /// Inside TLS.
    var socketEnd: SocketEnd?
    var phase = Phase.head
    var requestHead: RequestHead?
    var handler: (any DownstreamHandler)?
    private var bodyReader = BodyReader(.none, limits: HeadLimits())
    /// Received but not yet looked at: the rest of a body under back-pressure, or pipelined requests.
    var pendingInput: ByteBuffer?
    private var isProcessing = false
    var bodyIsPaused = false
    /// Nothing was received that could not be the beginning of HTTP/2; inside TLS it is agreed on before.
    var mayBeHTTP2: Bool
    /// First bytes that may be those of either.
    var undecidedInput: ByteBuffer?
    /// The channel reads as its socket becomes readable.
    private var isReading = true
    var isDraining = false

    // The answer; written by the other half of this type.
    var out: ByteBuffer?
    /// Something was handed to the channel since its last flush.
    var hasUnflushed = false
    var answerFraming = BodyFraming.none
    var answerIsStarted = false
    /// Where the answer begins in `out`; -1 when a part of it has left, so that it cannot be taken back.
    var answerOffset = -1
    var closesAfterAnswer = false

    package var startedAt = MonotonicTime.start
    var headStartedAt = MonotonicTime.start
    var bodyBytes = 0
    package private(set) var bytesReceived = 0
    package var bytesSent = 0
    package var isWritable = true
    var stalledBytes = 0

    package init(
        loop: LoopContext, limits: ConnectionLimits, peer: Peer, acceptor: any RequestAcceptor,
        listener: ListenerRules = ListenerRules(), predecessor: ServerConnection? = nil
    ) {
        self.peer = peer
        self.mayBeHTTP2 = peer.tls == nil
        super.init(
            loop: loop, limits: limits, acceptor: acceptor, listener: listener, predecessor: predecessor)
    }

    /// The request's head while an exchange runs.
    package var head: RequestHead {
        if let head = self.requestHead { return head }
        // Nobody may ask outside an exchange; an empty head is the harmless answer when somebody does.
        let head = self.loop.takeRequestHead()
        self.requestHead = head
        return head
    }

    /// No request is under way.
    package var isIdle: Bool { self.phase == .head && (self.requestHead?.isEmpty ?? true) }

    /// Lets the exchange under way finish, then closes; an idle connection closes at once, a tunnel lives on.
    package override func drain() {
        self.isDraining = true
        if self.isIdle {
            self.phase = .closing
            self.context?.close(promise: nil)
        } else {
            self.closesAfterAnswer = true
        }
    }

    package override func abort() {
        let cutsAnswer = self.answerIsStarted && self.phase != .head
        self.phase = .closing
        self.out = nil
        if cutsAnswer, let end = self.socketEnd { end.cut() } else { self.context?.close(promise: nil) }
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func channelActive(context: ChannelHandlerContext) {
        self.enter()
        self.loop.schedule(self, after: self.limits.idle, now: self.loop.now)
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        let isTunnel = self.phase == .tunnel
        self.phase = .closing
        self.loop.cancel(self)
        self.context = nil
        self.out = nil
        let input = self.pendingInput.take()
        // The replica gets what the client sent before it closed.
        if isTunnel, let input { self.handler?.requestBody(input) }
        self.endHandler(isTunnel ? .tunnelClosed : .aborted)
        self.giveHeadBack()
        self.acceptor.connectionClosed(self)
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Read and write errors (reset by peer, broken pipe) leave nothing to say to this client.
        context.close(promise: nil)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        self.bytesReceived += input.readableBytes
        if self.phase == .closing {
            // Only listening for the client's end: whatever else it says is not kept.
            self.loop.receiveBuffers.giveBack(input)
            return
        }
        if self.pendingInput != nil {
            self.pendingInput?.writeBuffer(&input)
            self.loop.receiveBuffers.giveBack(input)
            self.adjustReading()
            return
        }
        if self.mayBeHTTP2, !self.isHTTP1(&input) { return }
        self.loop.turn { self.process(&input) }
        if input.readableBytes > 0 {
            self.keep(input)
        } else {
            self.loop.receiveBuffers.giveBack(input)
            self.adjustReading()
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if self.isWritable {
            self.handler?.downstreamIsWritable()
            self.flush()
            self.resumeInput()
        } else {
            self.stalledBytes = context.unsentBytes
            self.loop.schedule(self, after: self.limits.writeStall, now: self.loop.now)
        }
    }

    // MARK: Input

    /// Takes off the input what the current phase can use.
    private func process(_ input: inout ByteBuffer) {
        self.isProcessing = true
        defer { self.isProcessing = false }
        var goesOn = true
        while goesOn && input.readableBytes > 0 {
            switch self.phase {
            case .head:
                // The answers to pipelined requests wait in memory: no more of them than the client takes.
                if !self.isWritable { self.flush() }
                goesOn = self.isWritable && self.readHead(&input)
            case .body:
                // Sending what was gathered may make room at once, and then nobody else tells us to go on.
                if self.bodyIsPaused { self.handler?.requestReadComplete() }
                goesOn = !self.bodyIsPaused && (self.phase != .body || self.readBody(&input))
            case .discarding:
                goesOn = self.readBody(&input)
            case .answering:
                goesOn = false
            case .tunnel:
                if self.bodyIsPaused { self.handler?.requestReadComplete() }
                goesOn = !self.bodyIsPaused && self.passOn(&input)
            case .closing:
                input.moveReaderIndex(forwardBy: input.readableBytes)
            }
        }
        if self.phase == .body || self.phase == .tunnel { self.handler?.requestReadComplete() }
        self.flush()
    }

    private func readHead(_ input: inout ByteBuffer) -> Bool {
        let head = self.head
        let isFirst = head.isEmpty
        let available = input.readableBytes
        switch head.parse(&input, limits: self.limits.head) {
        case .needsMore:
            if isFirst && !head.isEmpty {
                self.headStartedAt = self.loop.now
                self.bytesReceived = available
                self.loop.schedule(self, after: self.limits.headTime, now: self.headStartedAt)
            }
            return false
        case .refused(let refusal):
            self.startedAt = self.loop.now
            self.refuse(refusal)
            return true
        case .complete:
            self.startedAt = self.loop.now
            if isFirst { self.bytesReceived = available }
            self.beginExchange(head)
            return true
        }
    }

    private func beginExchange(_ head: RequestHead) {
        self.bytesSent = 0
        self.answerIsStarted = false
        self.closesAfterAnswer = self.isDraining || !head.keepAlive
        self.bodyIsPaused = false
        self.isBodyClockRunning = false
        self.bodyBytes = 0
        self.bodyReader = BodyReader(head.framing, limits: self.limits.head)
        if self.bodyReader.isComplete {
            self.phase = .answering
        } else {
            self.phase = .body
            // A client that waits for `100 Continue` is not slow: its clock starts with the first byte.
            if !head.expectsContinue { self.startBodyClock(self.startedAt) }
        }
        // The timer of a request without body stays where it is: whoever follows the exchange bounds its time.
        let handler = self.acceptor.requestArrived(on: self)
        self.handler = handler
        handler.begin()
        if self.handler === handler && self.phase == .answering { handler.requestEnd(nil) }
    }

    /// Hands one piece of the request's body on. False when more input is needed.
    private func readBody(_ input: inout ByteBuffer) -> Bool {
        switch self.bodyReader.next(&input) {
        case .data(let data):
            if self.bodyBytes == 0 && self.phase == .body { self.startBodyClock(self.loop.now) }
            self.bodyBytes += data.readableBytes
            if self.phase == .body { self.handler?.requestBody(data) }
            // A body of known length ends with its last byte, not with the next read.
            if self.bodyReader.isComplete { self.bodyIsComplete(nil) }
            return true
        case .needsMore:
            return false
        case .end(let trailers):
            self.bodyIsComplete(trailers)
            return true
        case .refused(let refusal):
            self.endEarly(.refused(refusal), refusal)
            return true
        }
    }

    private func bodyIsComplete(_ trailers: Trailers?) {
        switch self.phase {
        case .body:
            self.phase = .answering
            self.handler?.requestEnd(trailers)
        case .discarding:
            self.exchangeIsOver()
        case .head, .answering, .tunnel, .closing:
            // The exchange ended over the last piece.
            break
        }
    }

    /// Input that the current phase cannot use stays, in a buffer of its own size when it is small.
    private func keep(_ input: ByteBuffer) {
        guard self.context != nil else { return }
        if input.readableBytes < self.loop.receiveBuffers.capacity / 4 {
            var copy = ByteBufferAllocator().buffer(capacity: input.readableBytes)
            copy.writeImmutableBuffer(input)
            self.pendingInput = copy
            self.loop.receiveBuffers.giveBack(input)
        } else {
            self.pendingInput = input
        }
        self.adjustReading()
    }

    /// Goes on with input that waited, and reads again when that was held back.
    func resumeInput() {
        guard !self.isProcessing else { return }
        if var input = self.pendingInput {
            self.pendingInput = nil
            self.process(&input)
            if input.readableBytes > 0 && self.context != nil { self.pendingInput = input }
        }
        self.adjustReading()
    }

    /// Takes the socket out of the loop's interest while nothing that it could bring can be used, and back in.
    func adjustReading() {
        guard self.isReading == self.holdsReads, let context = self.context else { return }
        self.isReading.toggle()
        // Fails only on a channel that is closed already.
        try? context.channel.syncOptions?.setOption(.autoRead, value: self.isReading)
    }

    /// While an exchange runs we read on, to notice a client that leaves; input that cannot be used stops that.
    private var holdsReads: Bool {
        self.phase != .closing
            && (self.pendingInput != nil || (self.bodyIsPaused && (self.phase == .body || self.phase == .tunnel)))
    }

    package func pauseBody() {
        self.bodyIsPaused = true
        // Whoever processes input looks at this at its end: often there is room again by then.
        if !self.isProcessing { self.adjustReading() }
    }

    package func resumeBody() {
        guard self.bodyIsPaused else { return }
        self.bodyIsPaused = false
        // A client that waits for `100 Continue` still does.
        if self.phase == .body && self.isBodyClockRunning {
            // Time under our own back-pressure is not the client's fault.
            self.bodyBytes = 0
            self.startBodyClock(self.loop.now)
        }
        self.resumeInput()
    }

    var bodyClockStart = MonotonicTime.start
    /// The client has begun with its body, or should have.
    private var isBodyClockRunning = false

    /// A client that has been told to go on with its body is slow when it does not.
    func bodyWasAskedFor() {
        if self.phase == .body, !self.isBodyClockRunning { self.startBodyClock(self.loop.now) }
    }

    private func startBodyClock(_ now: MonotonicTime) {
        self.bodyClockStart = now
        self.isBodyClockRunning = true
        self.loop.schedule(self, after: self.limits.bodyGrace, now: now)
    }

    package override func timerFired(now: MonotonicTime) {
        self.timeIsOver(now: now)
    }
}
