internal import NIOCore
internal import NIOTLS
internal import UsherHTTP

/// One HTTP/2 connection of a run: several requests at once, each on a stream of its own.
///
/// Phase    | Meaning                                              | Left when
/// ---------|------------------------------------------------------|-------------------------------------
/// opening  | the peer's settings are awaited                      | they have come
/// open     | takes requests                                       | the peer sends GOAWAY, or numbers run out
/// draining | takes none; streams that are there come to an end    | the last one has ended
/// closed   | of no more use                                       | never
///
/// Confinement: the channel's event loop.
final class HTTP2Connection: ChannelInboundHandler, LoadConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase { case opening, open, draining, closed }

    /// A request on its way.
    struct Stream {
        let id: UInt32
        let attempt: Attempt
        var status = 0
        var cache: CacheOutcome?
        /// Received on this stream, heads of frames included.
        var received = 0
        /// Of the body, received and not given back as room yet.
        var uncredited = 0
        /// How much the peer takes on this stream.
        var sendWindow: Int
        /// How much of the request's body was sent.
        var bodySent: Int
    }

    /// What the peer may send on one stream, and on all together, before we say more. 1 MiB, 16 MiB: loads of large
    /// answers should not wait for our frames.
    static let streamWindow = 1 << 20
    static let connectionWindow = 1 << 24
    /// After this stream another connection is opened, long before the numbers run out.
    private static let lastStream: UInt32 = 1 << 30

    let worker: LoadWorker
    let slot: Int
    let requests: PreparedRequests
    private let streamsMax: Int
    private let waitsForTLS: Bool

    var phase = Phase.opening
    var streams: [Stream] = []
    private var nextStream: UInt32 = 1
    /// What the peer allows.
    var peerStreamsMax = Int.max
    var peerStreamWindow = 65_535
    var sendWindow = 65_535
    var uncredited = 0
    var fields = AnswerFields()
    /// The beginning of a header block that is not whole yet, with the flags of its first frame.
    var openBlock: (stream: UInt32, flags: UInt8, bytes: ByteBuffer)?
    private var input = ByteBuffer()
    var output = ByteBuffer()
    private var isReading = false
    private var context: ChannelHandlerContext?

    init(_ worker: LoadWorker, slot: Int, requests: PreparedRequests, streamsMax: Int, waitsForTLS: Bool) {
        self.worker = worker
        self.slot = slot
        self.requests = requests
        self.streamsMax = streamsMax
        self.waitsForTLS = waitsForTLS
    }

    // MARK: Requests

    var room: Int {
        self.phase == .open ? max(0, min(self.streamsMax, self.peerStreamsMax) - self.streams.count) : 0
    }

    func send(_ attempt: Attempt) {
        let request = self.requests.framed[attempt.request]
        let id = self.nextStream
        self.nextStream += 2
        if id >= Self.lastStream { self.phase = .draining }
        let body = self.requests.body
        let pathCount = request.path.count(attempt.number)
        var length = ByteBuffer()
        length.writeHPACKLength(pathCount)
        let count =
            request.prefix.readableBytes + 1 + length.readableBytes + pathCount + request.suffix.readableBytes
        let ends = body?.readableBytes ?? 0 == 0
        self.output.writeFrameHead(
            .headers, flags: ClientFrame.endHeaders | (ends ? ClientFrame.endStream : 0), stream: id, length: count)
        self.output.writeImmutableBuffer(request.prefix)
        // `:path`, without indexing.
        self.output.writeInteger(UInt8(4))
        self.output.writeImmutableBuffer(length)
        request.path.write(attempt.number, to: &self.output)
        self.output.writeImmutableBuffer(request.suffix)
        self.streams.append(
            Stream(id: id, attempt: attempt, sendWindow: self.peerStreamWindow, bodySent: 0))
        if !ends { self.sendBody(self.streams.count - 1) }
        self.flushUnlessReading()
    }

    /// Sends as much of a request's body as the peer takes.
    func sendBody(_ index: Int) {
        guard let body = self.requests.body else { return }
        while self.streams[index].bodySent < body.readableBytes {
            let sent = self.streams[index].bodySent
            let room = min(self.sendWindow, self.streams[index].sendWindow, ClientFrame.largestPayload)
            let count = min(room, body.readableBytes - sent)
            guard count > 0, let piece = body.getSlice(at: body.readerIndex + sent, length: count) else { return }
            let isLast = sent + count == body.readableBytes
            self.output.writeFrameHead(
                .data, flags: isLast ? ClientFrame.endStream : 0, stream: self.streams[index].id, length: count)
            self.output.writeImmutableBuffer(piece)
            self.streams[index].bodySent += count
            self.streams[index].sendWindow -= count
            self.sendWindow -= count
        }
    }

    func expire(startedBy start: UInt64, now: UInt64) {
        let late = self.streams.filter { $0.attempt.start <= start }
        guard !late.isEmpty else { return }
        self.streams.removeAll { $0.attempt.start <= start }
        for stream in late {
            // 8: CANCEL.
            self.output.writeReset(stream: stream.id, code: 8)
            self.worker.failed(stream.attempt, .timeout, "no whole answer in time", now: now)
        }
        self.flush()
        self.afterEnd(now: now)
    }

    /// A stream has ended: there is room for another, or the connection has done its work.
    func afterEnd(now: UInt64) {
        switch self.phase {
        case .open: self.worker.hasRoom(self.slot, now: now)
        case .draining where self.streams.isEmpty:
            self.flush()
            self.end(.reset, "the server takes no more requests")
        case .draining, .opening, .closed: break
        }
    }

    func close() {
        self.context?.close(promise: nil)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if !self.waitsForTLS { self.greet() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated) = event as? TLSUserEvent {
            if negotiated == "h2" {
                self.greet()
            } else {
                self.end(.connect, "the server does not speak HTTP/2; leave --http2 out")
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        if self.input.readableBytes == 0 { self.input = bytes } else { self.input.writeBuffer(&bytes) }
        self.isReading = true
        while self.phase != .closed, let head = self.input.readFrameHead() {
            guard head.length <= ClientFrame.largestPayload, var payload = self.input.readSlice(length: head.length)
            else {
                let isOpening = self.phase == .opening
                self.end(.malformed, isOpening ? "the server does not speak HTTP/2" : "a frame that is too long")
                break
            }
            self.take(head, &payload)
        }
        self.isReading = false
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.flush()
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        self.end(.reset, "the connection was closed before the answer was complete")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end(.reset, LoadWorker.describe(error))
    }

    /// The preface, our settings (nothing is pushed), and more room than there is at the beginning.
    private func greet() {
        self.output.writeStaticString(ClientFrame.preface)
        self.output.writeFrameHead(.settings, stream: 0, length: 12)
        // SETTINGS_ENABLE_PUSH, SETTINGS_INITIAL_WINDOW_SIZE.
        self.output.writeMultipleIntegers(UInt16(2), UInt32(0), UInt16(4), UInt32(Self.streamWindow))
        self.output.writeWindowUpdate(stream: 0, Self.connectionWindow - 65_535)
        self.flush()
    }

    private func flushUnlessReading() {
        if !self.isReading { self.flush() }
    }

    func flush() {
        guard self.output.readableBytes > 0, let context = self.context else { return }
        context.writeAndFlush(self.wrapOutboundOut(self.output), promise: nil)
        self.output = ByteBuffer()
    }

    /// The connection is of no more use: ends its requests.
    func end(_ failure: LoadFailure, _ reason: String) {
        guard self.phase != .closed else { return }
        self.phase = .closed
        let now = LoadWorker.now
        let ended = self.streams
        self.streams = []
        self.close()
        for stream in ended { self.worker.failed(stream.attempt, failure, reason, now: now) }
        self.worker.closed(self.slot, self, reason: reason)
    }
}
