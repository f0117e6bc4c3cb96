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
    private var isProcessing = false
    /// Others have their turn before the rest of the input is looked at.
    private var isYielding = false
    /// As many as may be open at a time: a client that sends more in one piece makes others wait for it.
    private static let requestsPerTurn = 100
    /// Streams that got a part of their body from the input at hand.
    private var fed: [HTTP2Stream] = []
    /// Streams that are answered and whose clients have not ended them, in this order.
    private var discarding: [HTTP2Stream] = []
    private static let discardingMax = 16

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

    private func receive(_ data: ByteBuffer, at place: Int) {
        guard let stream = self.streams[place] else { return }
        if stream.receive(data), self.fed.last !== stream { self.fed.append(stream) }
    }

    /// The machine has closed a stream before its end.
    private func lost(at place: Int) {
        self.takeStream(at: place)?.wasReset(.aborted)
        self.streamEnded()
    }

    private func receiveEnd(at place: Int, hasTrailers: Bool) {
        guard let stream = self.streams[place] else { return }
        // Whose answer is complete is over with this, in the machine too: nothing is left that could be broken off.
        guard hasTrailers, stream.phase != .discarding else { return stream.receiveEnd(nil) }
        let trailers: Trailers?
        do {
            trailers = try RequestTranslation.trailers(self.loop.fields)
        } catch {
            return stream.breakOff(error)
        }
        stream.receiveEnd(trailers)
    }

    // MARK: Requests

    private func begin(at place: Int, hasBody: Bool, now: MonotonicTime) {
        self.idleSince = nil
        let stream = HTTP2Stream(self, place: place, startedAt: now)
        while self.streams.count <= place { self.streams.append(nil) }
        self.streams[place] = stream
        let isDeaf = self.isDeaf
        guard !isDeaf, !self.isOverloaded else {
            // The client may ask again, here or elsewhere: nothing was done (RFC 9113 §8.7). But refusals are answers
            // too, which one that reads nothing does not get without end.
            self.write { machine, out in
                machine.reset(at: place, .refusedStream, isPeersFault: isDeaf, &out, now: now)
            }
            self.streams[place] = nil
            self.acceptor.requestRefused(Refusal(503, "too much waits for this client already"), on: stream)
            return stream.wasReset(.aborted)
        }
        self.loop.translation.clear()
        switch RequestTranslation.write(self.loop.fields, hasBody: hasBody, to: &self.loop.translation) {
        case .malformed(let reason):
            stream.breakOff(reason)
        case .refused(let refusal):
            stream.refuse(refusal)
        case .translated:
            stream.begin(&self.loop.translation, hasBody: hasBody)
            if stream.phase == .receiving { self.fed.append(stream) }
        }
    }

    /// The memory for what waits is used up, and this client is one of those for whom much does.
    private var isOverloaded: Bool {
        self.heldBytes >= Self.heldMuch && self.loop.heldBytes > self.loop.heldBytesMax
    }

    /// The same by a quarter more: no longer what a moment may bring.
    var isFarOverloaded: Bool {
        self.heldBytes >= Self.heldMuch && self.loop.heldBytes > self.loop.heldBytesMax * 5 / 4
    }

    /// Whoever makes us hold less is no reason for what all of them take. 64 KiB.
    private static let heldMuch = 65_536

    /// What the socket does not take is more than bodies alone can make it, for those stop when it is full: it is
    /// heads, which no window bounds, and for which the client asks without reading them.
    private var isDeaf: Bool {
        if !self.isWritable { self.flush() }
        return !self.isWritable && self.unsentBytes > Self.unsentMax
    }

    /// 256 KiB: what a socket's queue takes before it is full, another buffer of bodies, and a hundred streams' heads.
    private static let unsentMax = 262_144

    /// A stream's place is free again.
    func takeStream(at place: Int) -> HTTP2Stream? {
        guard self.streams.indices.contains(place) else { return nil }
        let stream = self.streams[place]
        self.streams[place] = nil
        return stream
    }

    /// A stream is over; the last one of a connection that drains ends it.
    func streamEnded() {
        guard self.machine.streamCount == 0 else { return }
        if self.streams.count > 8 { self.streams = [] }
        if self.phase == .draining && self.hasRefusedMore {
            self.lingerAndClose()
        } else if !self.isProcessing {
            self.rearm(now: self.loop.now)
        }
    }

    /// A client gets some time to end what is answered, but few streams at a time: they count among those that it may
    /// have.
    func begins(discarding stream: HTTP2Stream) {
        self.discarding.append(stream)
        if self.discarding.count > Self.discardingMax {
            self.discarding[0].resetStream(.noError, isPeersFault: false)
        }
    }

    func ends(discarding stream: HTTP2Stream) {
        self.discarding.removeAll { $0 === stream }
    }

    func endStreams(_ reason: DownstreamEnd) {
        let streams = self.streams
        self.streams = []
        for case let stream? in streams { stream.wasReset(reason) }
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
