package import NIOCore
internal import NIOPosix
package import UsherCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Accepts connections of one listener on one event loop.
package enum Listener {
    /// All of it may change while the listener is open.
    package struct Configuration: Sendable {
        /// Peers whose word on clients' addresses holds. Default: nobody.
        package var trustedProxies: [IPRange] = []
        /// Who may connect, and whose requests a trusted peer may bring.
        package var addresses = AddressRules()
        package var limits = ConnectionLimits()
        /// Every connection begins with a PROXY header, which only a trusted peer may send. Default: false.
        package var proxyProtocol = false
        /// As in `ListenerRules`.
        package var httpsPort: Int?
        package var transportSecurityLine: [UInt8] = []
        /// Connections speak TLS with one of these. Nil: they speak in the clear.
        package var certificates: CertificateSet?

        package init() {}

        /// A trusted peer may always come: its clients are looked at one by one.
        func admits(_ peer: Peer) -> Bool {
            guard !peer.isTrusted, let address = peer.address else { return true }
            return self.addresses.admits(address)
        }
    }

    /// Acknowledges at once what has come so far, and not with what is sent next (tcp(7)).
    static let quickAcknowledgement = ChannelOptions.socket(
        SocketOptionLevel(IPPROTO_TCP), SocketOptionName(TCP_QUICKACK))
    /// Connections that the kernel may hold ready for us.
    private static let backlog: Int32 = 1024

    /// Binds with SO_REUSEPORT, so that each loop accepts for itself and the kernel spreads the connections.
    ///
    /// - Parameter id: the owner's own number for the listener; its connections carry it.
    package static func bind(
        _ configuration: Configuration, to address: SocketAddress, id: Int, on loop: LoopContext,
        counts: ConnectionCounts, acceptor: any RequestAcceptor
    ) -> EventLoopFuture<BoundListener> {
        let isIP = address.protocol != .unix
        let listener = BoundListener(
            configuration, id: id, isIP: isIP, loop: loop, counts: counts, acceptor: acceptor)
        // Called on this loop, where the acceptor belongs.
        let onPause = NIOLoopBound({ acceptor.connectionRefused(.outOfDescriptors) }, eventLoop: loop.eventLoop)
        var bootstrap = ServerBootstrap(group: loop.eventLoop)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(onPause: onPause.value))
                }
            }
        if isIP {
            bootstrap =
                bootstrap
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                // What is accepted inherits it, which saves two system calls a connection.
                .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .serverChannelOption(ChannelOptions.socket(SocketOptionLevel(SOL_SOCKET), SO_REUSEPORT), value: 1)
        }
        return
            bootstrap
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try listener.accepted(channel) }
            }
            .bind(to: address)
            .map { channel in
                listener.isBound(channel)
                return listener
            }
    }
}

/// A listener that is open on one event loop.
///
/// Confinement: its event loop; `@unchecked Sendable` so that it can travel there and back in futures.
package final class BoundListener: @unchecked Sendable {
    /// For connections that are accepted from now on; `rules` of it for those that are open, too.
    package var configuration: Listener.Configuration {
        didSet { self.rules.follow(self.configuration) }
    }
    private let rules: ListenerRules
    private let isIP: Bool
    /// Where it listens: with the port that the system chose.
    package private(set) var address: SocketAddress?
    private var channel: (any Channel)?
    private let loop: LoopContext
    private let counts: ConnectionCounts
    private let acceptor: any RequestAcceptor

    init(
        _ configuration: Listener.Configuration, id: Int, isIP: Bool, loop: LoopContext, counts: ConnectionCounts,
        acceptor: any RequestAcceptor
    ) {
        self.configuration = configuration
        self.rules = ListenerRules(id: id)
        self.rules.follow(configuration)
        self.isIP = isIP
        self.loop = loop
        self.counts = counts
        self.acceptor = acceptor
    }

    /// Accepts nobody any more; connections that are there stay.
    package func close() -> EventLoopFuture<Void> {
        guard let channel = self.channel else { return self.loop.eventLoop.makeSucceededVoidFuture() }
        return channel.close().flatMapError { error in
            // Closing twice is fine.
            error as? ChannelError == .alreadyClosed
                ? channel.eventLoop.makeSucceededVoidFuture() : channel.eventLoop.makeFailedFuture(error)
        }
    }

    func isBound(_ channel: any Channel) {
        self.channel = channel
        self.address = channel.localAddress
    }

    /// Counts a new connection and gives it its handlers; throwing closes it.
    func accepted(_ channel: any Channel) throws {
        let configuration = self.configuration
        let peer = Peer(
            address: IPAddress(channel.remoteAddress), destination: IPAddress(channel.localAddress),
            trusted: configuration.trustedProxies)
        if peer.address == nil && self.isIP {
            // Reset before it was accepted: nobody is there who could be refused.
            throw ChannelError.connectPending
        }
        if configuration.proxyProtocol && !peer.isTrusted {
            self.acceptor.connectionRefused(.untrustedProxy)
            throw ChannelError.connectPending
        }
        let counts = self.counts
        let isDenied = !configuration.addresses.isEmpty && !configuration.admits(peer)
        let admission = isDenied ? .denied : counts.opened(peer, now: self.loop.now)
        guard admission == .admitted else {
            self.acceptor.connectionRefused(admission)
            throw ChannelError.connectPending
        }
        channel.closeFuture.whenComplete { _ in counts.closed(peer) }
        try self.setOptions(of: channel)
        let pipeline = channel.pipeline.syncOperations
        if configuration.proxyProtocol || configuration.certificates != nil {
            try pipeline.addHandler(
                ConnectionOpening(
                    loop: self.loop, configuration: configuration, peer: peer, acceptor: self.acceptor,
                    listener: self.rules))
        } else {
            try pipeline.addHandler(
                HTTP1ServerConnection(
                    loop: self.loop, limits: configuration.limits, peer: peer, acceptor: self.acceptor,
                    listener: self.rules))
        }
    }

    /// Done here and not by the bootstrap, which takes futures for it.
    private func setOptions(of channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.maxMessagesPerRead, value: 1)
        let firstRead =
            self.configuration.certificates == nil
            ? PooledReceiveAllocator.firstRead : PooledReceiveAllocator.firstTLSRead
        try options.setOption(
            .recvAllocator, value: PooledReceiveAllocator(pool: self.loop.receiveBuffers, firstRead: firstRead))
    }
}
