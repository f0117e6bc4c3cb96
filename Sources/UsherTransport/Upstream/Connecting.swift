package import NIOCore
internal import NIOPosix
package import UsherCore

/// Opening a connection to a replica: the socket and, where it is wanted, the TLS handshake.
enum Connecting {
    /// The channel once everything can be sent.
    ///
    /// - Parameter timeout: for both together.
    static func start(
        to address: ReplicaAddress, tls: UpstreamTLS?, timeout: Duration, on loop: LoopContext,
        connection: UpstreamConnection
    ) -> EventLoopFuture<any Channel> {
        // The initialiser runs on this loop, where the connection belongs.
        let boxed = NIOLoopBound((loop, connection), eventLoop: loop.eventLoop)
        let bootstrap = ClientBootstrap(group: loop.eventLoop)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: PooledReceiveAllocator(pool: loop.receiveBuffers))
        return self.start(bootstrap, to: address, tls: tls, timeout: timeout, on: loop.eventLoop) { pipeline in
            let (loop, connection) = boxed.value
            if tls != nil {
                let end = SocketEnd(loop)
                connection.socketEnd = end
                try pipeline.addHandler(end, position: .first)
            }
            try pipeline.addHandler(connection)
        }
    }

    /// - Parameter addHandlers: adds what follows TLS.
    static func start(
        _ bootstrap: ClientBootstrap, to address: ReplicaAddress, tls: UpstreamTLS?, timeout: Duration,
        on eventLoop: any EventLoop,
        _ addHandlers: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let limit = TimeAmount.nanoseconds(Int64(clamping: timeout.nanosecondsClamped))
        let deadline = NIODeadline.now() + limit
        do {
            // Handlers come with the connection that is the first to be there: for a name with several addresses there
            // are several attempts. This runs before that connection's first event.
            return try bootstrap.connectTimeout(limit).connect(to: address).flatMap { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let secured = try tls.map { try Self.secure(channel, $0, address, limit, deadline) }
                    try addHandlers(pipeline)
                    return secured
                }.flatMap { (secured: EventLoopFuture<Void>?) in
                    secured?.map { channel } ?? channel.eventLoop.makeSucceededFuture(channel)
                }.flatMapErrorThrowing { error in
                    channel.close(promise: nil)
                    throw error
                }
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// Begins the handshake; the future tells its end.
    private static func secure(
        _ channel: any Channel, _ tls: UpstreamTLS, _ address: ReplicaAddress, _ limit: TimeAmount,
        _ deadline: NIODeadline
    ) throws -> EventLoopFuture<Void> {
        let handler = try tls.handler(to: address)
        let secured = channel.eventLoop.makePromise(of: Void.self)
        do {
            try channel.pipeline.syncOperations.addHandlers(handler, HandshakeAwait(tls, to: address, secured))
        } catch {
            secured.fail(error)
        }
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) {
            // Why comes first: the handlers behind see a closed connection only.
            secured.fail(ChannelError.connectTimeout(limit))
            channel.close(promise: nil)
        }
        secured.futureResult.whenComplete { _ in timer.cancel() }
        return secured.futureResult
    }
}

extension ClientBootstrap {
    /// Connects to a replica's address, whatever its kind.
    func connect(to address: ReplicaAddress) throws -> EventLoopFuture<any Channel> {
        switch address {
        case .ip(let ip, let port):
            self.connect(to: try SocketAddress(ip, port: port))
        case .name(let host, let port):
            self.connect(host: host, port: port)
        case .unix(let path):
            self.connect(to: try SocketAddress(unixDomainSocketPath: path))
        }
    }
}

extension SocketAddress {
    /// - Throws: never for a checked address; NIO parses the text again.
    package init(_ address: IPAddress, port: Int) throws {
        try self.init(ipAddress: address.description, port: port)
    }
}
