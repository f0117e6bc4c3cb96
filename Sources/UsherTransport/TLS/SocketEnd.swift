import NIOCore

/// Stands between a socket and its TLS handler: gives the loop its read buffers back, which that one only looks
/// through, notes whether there may be more to read, and joins a connection's last words to one write.
///
/// Confinement: the channel's event loop.
final class SocketEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let loop: LoopContext
    private var context: ChannelHandlerContext?
    /// The last read filled its buffer, so that the kernel may hold more.
    private(set) var mayHoldMore = false
    private var isHolding = false
    private var owesFlush = false

    init(_ loop: LoopContext) {
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = self.unwrapInboundIn(data)
        self.mayHoldMore = input.writableBytes == 0
        context.fireChannelRead(data)
        self.loop.receiveBuffers.giveBack(input)
    }

    // MARK: Writes

    /// What is written in `body` leaves in one piece: TLS flushes each of an answer and its close_notify.
    func joiningWrites(_ body: () -> Void) {
        self.isHolding = true
        body()
        self.isHolding = false
        if self.owesFlush, let context = self.context { self.payFlush(context) }
    }

    /// Closes the socket without the end of TLS, so that the other side sees that something is missing (RFC 9112 §9.8).
    func cut() { self.context?.close(promise: nil) }

    func flush(context: ChannelHandlerContext) {
        if self.isHolding { self.owesFlush = true } else { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if self.owesFlush { self.payFlush(context) }
        context.close(mode: mode, promise: promise)
    }

    private func payFlush(_ context: ChannelHandlerContext) {
        self.owesFlush = false
        context.flush()
    }
}
