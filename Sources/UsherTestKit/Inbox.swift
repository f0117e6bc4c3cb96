import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How a connection ended, as its other side saw it.
public enum ConnectionEnd: Sendable, Hashable {
    /// The peer sent its last byte and closed in order.
    case closed
    /// The connection was reset.
    case reset
}

/// Reads from a channel only when somebody asks, so that a test decides when its end of a connection is slow.
///
/// Confinement: the channel's event loop.
final class Inbox: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    enum Delivery: Sendable {
        case bytes(ByteBuffer)
        case end(ConnectionEnd)
    }

    private var unread = ByteBuffer()
    private var end: ConnectionEnd?
    private var waiter: EventLoopPromise<Delivery>?
    private var context: ChannelHandlerContext?
    private let onActive: () -> Void

    init(onActive: @escaping () -> Void = {}) {
        self.onActive = onActive
    }

    /// What has come since the last call, or whatever comes next. One call at a time.
    func next(_ promise: EventLoopPromise<Delivery>) {
        self.waiter?.fail(TestKitError.timedOut("another read took its place"))
        self.waiter = promise
        self.deliver()
        if self.waiter != nil { self.context?.read() }
    }

    private func deliver() {
        guard let waiter = self.waiter else { return }
        if self.unread.readableBytes > 0 {
            let bytes = self.unread
            self.unread = ByteBuffer()
            self.waiter = nil
            waiter.succeed(.bytes(bytes))
        } else if let end = self.end {
            self.waiter = nil
            waiter.succeed(.end(end))
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        self.onActive()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.unread.writeBuffer(&bytes)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.deliver()
        // Inside TLS a read may bring half a record, which is nothing yet.
        if self.waiter != nil { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The peer closed its half; ours can still send.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { self.ended(.closed) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isReset = (error as? IOError).map { $0.errnoCode == ECONNRESET || $0.errnoCode == EPIPE } ?? false
        self.ended(isReset ? .reset : .closed)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        self.ended(.closed)
        context.fireChannelInactive()
    }

    private func ended(_ end: ConnectionEnd) {
        if self.end == nil { self.end = end }
        self.deliver()
    }
}
