package import NIOCore
internal import NIOPosix
internal import Synchronization
package import UsherCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How many connections may be open, in all and from one address, over all workers.
package final class ConnectionCounts: Sendable {
    package struct Limits: Sendable, Hashable {
        /// `limits.connections`. Default: 65,536.
        package var total: Int
        /// `limits.connections-per-client`; an IPv6 client counts by its /64. Default: 256.
        package var perClient: Int

        package init(total: Int = 65536, perClient: Int = 256) {
            self.total = total
            self.perClient = perClient
        }
    }

    package enum Admission: Sendable { case admitted, tooMany, tooManyFromClient, outOfDescriptors }

    private struct State {
        var total = 0
        var byClient: [IPAddress: Int] = [:]
    }

    private let limits: Limits
    private let state = Mutex(State())

    package init(_ limits: Limits) {
        self.limits = limits
    }

    /// Counts a new connection, or says why it may not stay. Trusted peers count only in the total.
    package func opened(_ peer: Peer) -> Admission {
        self.state.withLock { state in
            if state.total >= self.limits.total { return .tooMany }
            if !peer.isTrusted, let client = peer.address?.clientKey {
                let count = state.byClient[client, default: 0]
                if count >= self.limits.perClient { return .tooManyFromClient }
                state.byClient[client] = count + 1
            }
            state.total += 1
            return .admitted
        }
    }

    package func closed(_ peer: Peer) {
        self.state.withLock { state in
            state.total -= 1
            if !peer.isTrusted, let client = peer.address?.clientKey, let count = state.byClient[client] {
                state.byClient[client] = count > 1 ? count - 1 : nil
            }
        }
    }
}

extension IPAddress {
    /// What counts as one client: an IPv4 address, or an IPv6 /64, which one subscriber usually has whole.
    package var clientKey: IPAddress { self.isV4 ? self : self.masked(prefix: 64) }
}

/// Accepts connections of one listener on one event loop.
package enum Listener {
    package struct Configuration: Sendable {
        package var address: SocketAddress
        package var trustedProxies: [IPRange]
        package var limits: ConnectionLimits
        /// Connections that the kernel may hold ready for us. Default: 1,024.
        package var backlog = 1024

        package init(address: SocketAddress, trustedProxies: [IPRange], limits: ConnectionLimits) {
            self.address = address
            self.trustedProxies = trustedProxies
            self.limits = limits
        }
    }

    /// Binds with SO_REUSEPORT, so that each loop accepts for itself and the kernel spreads the connections.
    ///
    /// - Parameter onRefused: called on the loop for every connection that a limit closes at once.
    package static func bind(
        _ configuration: Configuration, on loop: LoopContext, counts: ConnectionCounts, acceptor: any RequestAcceptor,
        onRefused: @escaping (ConnectionCounts.Admission) -> Void
    ) -> EventLoopFuture<any Channel> {
        let bound = LoopBound(acceptor: acceptor, onRefused: onRefused)
        let isIP = configuration.address.protocol != .unix
        var bootstrap = ServerBootstrap(group: loop.eventLoop)
            .serverChannelOption(.backlog, value: Int32(clamping: configuration.backlog))
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pause = AcceptPause { bound.onRefused(.outOfDescriptors) }
                    try channel.pipeline.syncOperations.addHandler(pause)
                }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: PooledReceiveAllocator(pool: loop.receiveBuffers))
        if isIP {
            bootstrap =
                bootstrap
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(ChannelOptions.socket(SocketOptionLevel(SOL_SOCKET), SO_REUSEPORT), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        return
            bootstrap
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let peer = Peer(address: IPAddress(channel.remoteAddress), trusted: configuration.trustedProxies)
                    let admission = counts.opened(peer)
                    guard admission == .admitted else {
                        bound.onRefused(admission)
                        throw ChannelError.connectPending
                    }
                    channel.closeFuture.whenComplete { _ in counts.closed(peer) }
                    let connection = HTTP1ServerConnection(
                        loop: loop, limits: configuration.limits, peer: peer, acceptor: bound.acceptor)
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .bind(to: configuration.address)
    }

    /// Travels into the initialiser, which runs on the loop that both values belong to.
    private struct LoopBound: @unchecked Sendable {
        let acceptor: any RequestAcceptor
        let onRefused: (ConnectionCounts.Admission) -> Void
    }
}
