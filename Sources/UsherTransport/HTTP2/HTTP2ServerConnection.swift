package import NIOCore
package import UsherCore
import UsherHTTP

/// A client's HTTP/2 connection: many exchanges at a time, each on a stream of its own.
///
/// The rules are `HTTP2Machine`'s; this type reads and writes, keeps the streams beside the machine's places, and
/// looks after the time.
///
/// Phase    | Meaning                                                  | Left when
/// ---------|----------------------------------------------------------|------------------------------------------
/// open     | streams come and go                                      | the connection is to end, or has failed
/// draining | the client was asked to open no more streams             | the last one is over, or it has failed
/// closing  | the last bytes are sent, nothing more is read            | the channel closes
///
/// Confinement: the channel's event loop.
package final class HTTP2ServerConnection: ServerConnection, ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum Phase { case open, draining, closing }

    package let peer: Peer
    var context: ChannelHandlerContext?
    var phase = Phase.open
    var machine: HTTP2Machine
    /// By the machine's places.
    var streams: [HTTP2Stream?] = []
    /// The beginning of a frame whose rest has not come.
    private var pendingInput: ByteBuffer?
    var isProcessing = false
    /// Others have their turn before the rest of the input is looked at.
    private var isYielding = false
    /// As many as may be open at a time: a client that sends more in one piece makes others wait for it.
    private static let requestsPerTurn = 100
    /// Streams that got a part of their body from the input at hand.
    var fed: [HTTP2Stream] = []
    /// Streams that are answered and whose clients have not ended them, in this order.
    var discarding: [HTTP2Stream] = []

    // What waits to be sent, all streams' frames together; written by the other half of this type.
    var out: ByteBuffer?
    /// Changes whenever `out` begins anew: places in it mean nothing afterwards.
    var outGeneration = 0
    var isFlushDue = false
    /// Something was handed to the channel since its last flush.
    var hasUnflushed = false

    /// The socket takes more.
    var isWritable = true
    var isMakingUseOfRoom = false
    var hasRoomAgain = false
    /// Windows that the input at hand has opened.
    var newRoom = NewRoom.none
    /// Memory of heads that wait for their answers, and of answers that the client does not take.
    var heldBytes = 0 {
        didSet { self.loop.heldBytes += self.heldBytes - oldValue }
    }
    var stalledBytes = 0
    /// When the socket took no more, or when it was last seen to have taken something since.
    var stalledAt: MonotonicTime?
    var headStartedAt: MonotonicTime?
    private(set) var drainingSince: MonotonicTime?
    /// When the last request was over; nil while there is one, and until there was time to look.
    var idleSince: MonotonicTime?

    package init(
        loop: LoopContext, limits: ConnectionLimits, peer: Peer, acceptor: any RequestAcceptor,
        listener: ListenerRules = ListenerRules(), predecessor: ServerConnection? = nil
    ) {
        self.peer = peer
        var configuration = HTTP2Machine.Configuration()
        configuration.head = limits.head
        self.machine = HTTP2Machine(configuration)
        super.init(
            loop: loop, limits: limits, acceptor: acceptor, listener: listener, predecessor: predecessor)
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func channelActive(context: ChannelHandlerContext) {
        self.loop.http2Connections += 1
        self.write { machine, out in machine.begin(&out) }
        self.enter()
        self.rearm(now: self.loop.now)
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.phase = .closing
        self.loop.http2Connections -= 1
        self.loop.cancel(self)
        self.context = nil
        self.out = nil
        self.pendingInput = nil
        self.endStreams(.aborted)
        self.acceptor.connectionClosed(self)
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Read and write errors (reset by peer, broken pipe) leave nothing to say to this client.
        context.close(promise: nil)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        guard self.phase != .closing else { return self.loop.receiveBuffers.giveBack(input) }
        if var pending = self.pendingInput.take() {
            pending.writeBuffer(&input)
            self.loop.receiveBuffers.giveBack(input)
            input = pending
        }
        if !self.isYielding { self.loop.turn { self.process(&input) } }
        self.keep(input)
    }

    /// Stops for this turn of the loop.
    private func yield() {
        self.isYielding = true
        self.setReading(false)
        self.loop.eventLoop.assumeIsolated().execute {
            self.isYielding = false
            if var input = self.pendingInput.take() {
                self.loop.turn { self.process(&input) }
                self.keep(input)
            }
            if !self.isYielding { self.setReading(true) }
        }
    }

    private func setReading(_ isOn: Bool) {
        // Fails only on a channel that is closed already.
        try? self.context?.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if self.isWritable {
            self.stalledAt = nil
            self.makeUseOfRoom()
        } else {
            self.stalledBytes = self.unsentBytes
            self.stalledAt = self.loop.now
        }
        self.rearm(now: self.loop.now)
    }

    // MARK: Input

    private func process(_ input: inout ByteBuffer) {
        self.isProcessing = true
        let now = self.loop.now
        var requests = 0
        reading: while self.phase != .closing {
            // Nothing is called while the machine is at work, so nothing else can ask for it.
            var out = self.takeOut()
            let event = self.machine.next(&input, &self.loop.fields, &out, now: now)
            self.putBack(out)
            switch event {
            case .needsMore: break reading
            case .request(let place, let hasBody):
                self.headStartedAt = nil
                self.begin(at: place, hasBody: hasBody, now: now)
                requests += 1
                if requests >= Self.requestsPerTurn, input.readableBytes > 0 {
                    self.yield()
                    break reading
                }
            case .body(let place, let data): self.receive(data, at: place)
            case .bodyEnd(let place, let hasTrailers): self.receiveEnd(at: place, hasTrailers: hasTrailers)
            case .reset(let place, _): self.lost(at: place)
            case .windowOpened(let place): self.noteRoom(at: place)
            case .pingAcknowledged: if self.phase == .draining { self.refuseMore() }
            case .failed(_, let reason): self.failed(reason)
            }
        }
        self.isProcessing = false
        self.sendIntoNewRoom()
        for stream in self.fed { stream.readIsComplete() }
        self.fed.removeAll(keepingCapacity: true)
        self.rearm(now: now)
    }

    /// Keeps what there is of a frame whose rest is awaited, in a buffer of its own size.
    private func keep(_ input: ByteBuffer) {
        if input.readableBytes > 0 && self.phase != .closing {
            var copy = ByteBufferAllocator().buffer(capacity: input.readableBytes)
            copy.writeImmutableBuffer(input)
            self.pendingInput = copy
        }
        self.loop.receiveBuffers.giveBack(input)
    }

    // MARK: The end

    /// The client was told which stream is the last one that is taken.
    var hasRefusedMore = false

    package override func drain() {
        guard self.phase == .open else { return }
        self.phase = .draining
        // Whoever has not even said that it speaks HTTP/2 has nothing under way.
        guard self.machine.hasBegun else { return self.refuseMore() }
        self.drainingSince = self.loop.now
        self.write { machine, out in machine.announceEnd(&out) }
        self.flush()
        self.rearm(now: self.loop.now)
    }

    /// The client has heard that it ends, or had time enough.
    func refuseMore() {
        guard !self.hasRefusedMore else { return }
        self.hasRefusedMore = true
        self.write { machine, out in machine.refuseMore(&out) }
        if self.machine.streamCount == 0 { self.lingerAndClose() } else { self.flushLater() }
    }

    private func failed(_ reason: StaticReason) {
        self.acceptor.http2Failed(reason, with: self.peer)
        self.endStreams(.aborted)
        self.lingerAndClose()
    }

    /// Sends what is left, then closes our half and listens a moment, so that the client reads our last words before a
    /// reset throws them away.
    func lingerAndClose() {
        guard self.phase != .closing else { return }
        self.phase = .closing
        self.pendingInput = nil
        self.flush()
        self.endStreams(.aborted)
        guard let context = self.context else { return }
        context.close(mode: .output, promise: nil)
        self.stalledBytes = self.unsentBytes
        let patience = self.stalledBytes > 0 ? self.limits.writeStall : self.limits.linger
        self.loop.schedule(self, after: patience, now: self.loop.now)
    }

    package override func abort() {
        self.phase = .closing
        self.out = nil
        self.context?.close(promise: nil)
    }

    package override func timerFired(now: MonotonicTime) {
        self.timeIsOver(now: now)
    }
}
