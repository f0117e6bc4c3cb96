import NIOCore

/// A client's connection, whatever it speaks at the moment: known to its acceptor from the first byte to its close.
///
/// Confinement: the channel's event loop.
package class ServerConnection: TimedObject {
    package final let loop: LoopContext
    final let limits: ConnectionLimits
    package final let acceptor: any RequestAcceptor
    package final let listener: ListenerRules
    /// Where this connection stands in its owner's list of connections.
    package final var registryIndex = -1
    /// What the connection was before, until its acceptor knows it as this one.
    private final var predecessor: ServerConnection?

    init(
        loop: LoopContext, limits: ConnectionLimits, acceptor: any RequestAcceptor, listener: ListenerRules,
        predecessor: ServerConnection? = nil
    ) {
        self.loop = loop
        self.limits = limits
        self.acceptor = acceptor
        self.listener = listener
        self.predecessor = predecessor
    }

    /// Tells the acceptor of this connection, or that one it knows goes on as this one.
    final func enter() {
        guard let predecessor = self.predecessor else { return self.acceptor.connectionOpened(self) }
        self.predecessor = nil
        self.acceptor.connection(predecessor, becomes: self)
    }

    /// Puts what the connection becomes behind this handler, gives it what was received for it, and takes this one out.
    final func handOver(
        to successor: any ChannelHandler, in context: ChannelHandlerContext, rest: ByteBuffer? = nil
    ) {
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(successor, position: .after(context.handler))
        } catch {
            // Only a pipeline that is going away takes no handlers.
            return self.abort()
        }
        context.fireChannelActive()
        if let rest, rest.readableBytes > 0 { context.fireChannelRead(NIOAny(rest)) }
        pipeline.removeHandler(context: context, promise: nil)
    }

    /// Lets what is under way finish, then closes.
    package func drain() {}

    /// Closes at once; an answer under way is cut off.
    package func abort() {}
}
