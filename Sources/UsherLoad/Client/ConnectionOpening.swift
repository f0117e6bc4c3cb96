internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import UsherCore

/// Opening connections to the server of a run.
struct ConnectionOpening: Sendable {
    private let server: LoadServer
    private let timeout: TimeAmount
    private let tls: NIOSSLContext?

    /// - Throws: `NIOSSLError` when the system's authorities cannot be read.
    init(_ plan: LoadPlan) throws {
        server = plan.server
        timeout = .nanoseconds(Int64(clamping: plan.timeout.nanosecondsClamped))
        guard plan.server.isTLS else {
            tls = nil
            return
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = plan.isInsecure ? .none : .fullVerification
        configuration.applicationProtocols = [plan.isHTTP2 ? "h2" : "http/1.1"]
        tls = try NIOSSLContext(configuration: configuration)
    }

    /// Connects; the handler is added to a connection that is there, before anything was read from it.
    ///
    /// - Parameter handler: called on the event loop.
    func open(
        on eventLoop: any EventLoop, _ handler: @escaping @Sendable () -> any ChannelHandler
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            // One read takes an answer; a second one would only learn that there is no more.
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
        return connect(bootstrap, on: eventLoop).flatMap { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                if let tls {
                    try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: server.name))
                }
                try pipeline.addHandler(handler())
                return channel
            }.flatMapErrorThrowing { error in
                channel.close(promise: nil)
                throw error
            }
        }
    }

    private func connect(_ bootstrap: ClientBootstrap, on eventLoop: any EventLoop) -> EventLoopFuture<any Channel> {
        switch server.address {
        case .ip(let ip, let port):
            do {
                return bootstrap.connect(to: try SocketAddress(ipAddress: ip.description, port: port))
            } catch {
                return eventLoop.makeFailedFuture(error)
            }
        case .name(let host, let port): return bootstrap.connect(host: host, port: port)
        case .unix(let path): return bootstrap.connect(unixDomainSocketPath: path)
        }
    }
}
