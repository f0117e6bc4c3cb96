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
        let secured = tls == nil ? nil : eventLoop.makePromise(of: Void.self)
        let connected: EventLoopFuture<any Channel>
        do {
            connected =
                try bootstrap
                .connectTimeout(limit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls, let secured {
                            try pipeline.addHandlers(
                                try tls.handler(to: address), HandshakeAwait(tls, to: address, secured))
                        }
                        try addHandlers(pipeline)
                    }
                }
                .connect(to: address)
        } catch {
            secured?.fail(error)
            return eventLoop.makeFailedFuture(error)
        }
        guard let secured else { return connected }
        connected.whenFailure { secured.fail($0) }
        let timer = eventLoop.scheduleTask(in: limit) {
            // Why comes first: the handlers behind see a closed connection only.
            secured.fail(ChannelError.connectTimeout(limit))
            connected.whenSuccess { $0.close(promise: nil) }
        }
        secured.futureResult.whenComplete { _ in timer.cancel() }
        return connected.flatMap { channel in secured.futureResult.map { channel } }
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
