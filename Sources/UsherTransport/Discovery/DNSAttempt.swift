internal import NIOCore
internal import NIOPosix
internal import UsherCore

/// One query to one server over one transport, on a channel of its own that is gone when the reply is there.
struct DNSAttempt: Sendable {
    enum Transport: Sendable, Hashable {
        case datagram
        /// TCP, where two bytes with the length stand before every message (RFC 7766 §8).
        case stream
    }

    enum Reply: Sendable {
        case message(DNSMessage)
        case failed(String)
        case cancelled
    }

    var server: DNSServer
    var question: DNSQuestion
    /// For everything: connecting, sending, the whole answer.
    var timeout: Duration
    var transport: Transport
    /// Whether the query carries an OPT record.
    var isExtended: Bool

    /// Larger than what is asked for, for servers that do not keep to it. Unit: bytes.
    private static let datagramCapacity = 4096

    /// Returns when the answer is there, or as soon as the task is cancelled; nothing stays open behind it.
    func run(on eventLoop: any EventLoop) async -> Reply {
        guard !Task.isCancelled else { return .cancelled }
        let promise = eventLoop.makePromise(of: Reply.self)
        let connected: EventLoopFuture<any Channel>
        do {
            connected = try self.open(on: eventLoop, promise)
        } catch {
            promise.succeed(.failed(HTTPFetch.describe(error)))
            return .failed(HTTPFetch.describe(error))
        }
        connected.whenFailure { promise.succeed(.failed(HTTPFetch.describe($0))) }
        let reply = await withTaskCancellationHandler {
            try? await promise.futureResult.get()
        } onCancel: {
            promise.succeed(.cancelled)
        }
        if let channel = try? await connected.get() { try? await channel.closeFuture.get() }
        return reply ?? .failed("the event loop has ended")
    }

    fileprivate var timeAmount: TimeAmount { .nanoseconds(Int64(clamping: self.timeout.nanosecondsClamped)) }

    /// Connects, also for UDP: the kernel then takes datagrams from the server's address and port alone, and tells at
    /// once when nobody listens there.
    private func open(
        on eventLoop: any EventLoop, _ promise: EventLoopPromise<Reply>
    ) throws -> EventLoopFuture<any Channel> {
        let address = try SocketAddress(self.server.address, port: self.server.port)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
            return channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                if self.transport == .datagram { try pipeline.addHandler(DatagramUnwrapper()) }
                try pipeline.addHandler(DNSAttemptHandler(self, promise))
            }
        }
        switch self.transport {
        case .datagram:
            return DatagramBootstrap(group: eventLoop)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.datagramCapacity))
                .channelInitializer(initializer)
                .connect(to: address)
        case .stream:
            return ClientBootstrap(group: eventLoop)
                .connectTimeout(self.timeAmount)
                .channelInitializer(initializer)
                .connect(to: address)
        }
    }
}

/// Sends the query when the channel is there, and waits for the message that answers it.
///
/// Confinement: the channel's event loop.
private final class DNSAttemptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let attempt: DNSAttempt
    private let promise: EventLoopPromise<DNSAttempt.Reply>
    private let identifier: UInt16
    /// What was wrong with the last datagram that was not believed.
    private var doubt: DNSMalformed?
    /// What has come over TCP of the length and its message.
    private var received = ByteBuffer()

    init(_ attempt: DNSAttempt, _ promise: EventLoopPromise<DNSAttempt.Reply>) {
        self.attempt = attempt
        self.promise = promise
        var random = SystemRandomNumberGenerator()
        self.identifier = UInt16.random(in: .min ... .max, using: &random)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.attempt.timeAmount) {
            let doubt = self.doubt.map { "; what came was not believed: \($0.rawValue)" } ?? ""
            self.promise.succeed(.failed("no answer within \(self.attempt.timeout)\(doubt)"))
        }
        self.promise.futureResult.whenComplete { _ in timer.cancel() }
    }

    func channelActive(context: ChannelHandlerContext) {
        let query = DNSMessage.query(
            self.attempt.question, identifier: self.identifier, extended: self.attempt.isExtended)
        var bytes = ByteBuffer()
        // Length and message leave in one segment (RFC 7766 §8).
        if self.attempt.transport == .stream { bytes.writeInteger(UInt16(truncatingIfNeeded: query.count)) }
        bytes.writeBytes(query)
        let promise = self.promise
        context.writeAndFlush(self.wrapOutboundOut(bytes)).whenFailure {
            promise.succeed(.failed(HTTPFetch.describe($0)))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.attempt.transport {
        case .datagram: self.datagramArrived(self.unwrapInboundIn(data))
        case .stream: self.bytesArrived(self.unwrapInboundIn(data))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.succeed(.failed("the connection was closed before the answer was complete"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.succeed(.failed(HTTPFetch.describe(error)))
    }

    /// A datagram that does not answer the query may be an attacker's: the server's own may still come.
    private func datagramArrived(_ datagram: ByteBuffer) {
        do {
            self.promise.succeed(.message(try self.read(datagram)))
        } catch {
            self.doubt = error
        }
    }

    private func bytesArrived(_ bytes: ByteBuffer) {
        self.received.writeImmutableBuffer(bytes)
        guard let length = self.received.getInteger(at: self.received.readerIndex, as: UInt16.self),
            let bytes = self.received.getSlice(at: self.received.readerIndex + 2, length: Int(length))
        else { return }
        do {
            self.promise.succeed(.message(try self.read(bytes)))
        } catch {
            self.promise.succeed(.failed(error.rawValue))
        }
    }

    private func read(_ bytes: ByteBuffer) throws(DNSMalformed) -> DNSMessage {
        try DNSMessage(
            Array(bytes.readableBytesView), answering: self.attempt.question, identifier: self.identifier)
    }
}

/// Takes datagrams out of their envelopes: the sender is always the server that the socket is connected to.
private final class DatagramUnwrapper: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias InboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(self.wrapInboundOut(self.unwrapInboundIn(data).data))
    }
}
