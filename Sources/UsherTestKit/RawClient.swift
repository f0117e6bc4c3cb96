import NIOCore
import NIOPosix
public import UsherCore

/// Opens connections of a test's client.
public enum RawClient {
    /// - Parameter receiveBuffer: bytes that the kernel holds for a client that reads slowly; nil: the system's choice.
    public static func connect(to address: ReplicaAddress, receiveBuffer: Int? = nil) async throws -> RawConnection {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let place: SocketAddress
        switch address {
        case .ip(let ip, let port):
            place = try SocketAddress(ipAddress: "\(ip)", port: port)
            bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        case .name(let name, let port):
            place = try SocketAddress.makeAddressResolvingHost(name, port: port)
        case .unix(let path):
            place = try SocketAddress(unixDomainSocketPath: path)
        }
        return try await bootstrap.connect(to: place) { channel in
            channel.eventLoop.makeCompletedFuture {
                let inbox = Inbox()
                try channel.pipeline.syncOperations.addHandler(inbox)
                return RawConnection(channel, NIOLoopBound(inbox, eventLoop: channel.eventLoop))
            }
        }
    }

    /// Connects to a port of this machine's IPv4 loopback address.
    public static func connect(port: Int, receiveBuffer: Int? = nil) async throws -> RawConnection {
        try await self.connect(to: .ip(IPAddress(v4: 0x7f00_0001), port: port), receiveBuffer: receiveBuffer)
    }
}
