import NIOCore

/// Stands in front of a connection that must begin with a PROXY header, and goes away when that is read.
///
/// Nothing else hears of the connection before; it becomes active for the HTTP connection behind it with its header.
///
/// Confinement: the channel's event loop.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let listener: BoundListener
    private let configuration: Listener.Configuration
    private let peer: Peer
    private var reader = ProxyHeaderReader()
    private let timer = DeadlineTimer()
    private var context: ChannelHandlerContext?

    init(listener: BoundListener, configuration: Listener.Configuration, peer: Peer) {
        self.listener = listener
        self.configuration = configuration
        self.peer = peer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.timer.onFire = nil
        self.listener.cancel(self.timer)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.timer.onFire = { [unowned self] _ in
            if let context = self.context { self.refuse(context) }
        }
        self.listener.schedule(self.timer, after: self.configuration.limits.headTime)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Closing may bring what the kernel still had.
        guard self.context != nil else { return }
        var input = self.unwrapInboundIn(data)
        switch self.reader.take(&input) {
        case .needsMore:
            break
        case .malformed:
            self.refuse(context)
        case .complete(let header):
            self.goOn(context, header, input)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Closes without an answer: this peer speaks something else, or came the wrong way.
    private func refuse(_ context: ChannelHandlerContext) {
        self.context = nil
        self.listener.refused(.badProxyHeader)
        context.close(promise: nil)
    }

    private func goOn(_ context: ChannelHandlerContext, _ header: ProxyHeader, _ rest: ByteBuffer) {
        let peer =
            switch header {
            case .local:
                self.peer
            case .proxied(let source, let destination):
                Peer(address: source, destination: destination, trusted: self.configuration.trustedProxies)
            }
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(
                self.listener.connection(for: peer, self.configuration), position: .after(self))
        } catch {
            // Only a pipeline that is going away takes no handlers.
            context.close(promise: nil)
            return
        }
        context.fireChannelActive()
        if rest.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(rest)) }
        pipeline.removeHandler(context: context, promise: nil)
    }
}
