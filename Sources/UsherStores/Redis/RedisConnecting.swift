internal import NIOCore
internal import NIOPosix
internal import UsherCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Opening a connection to a server, over TCP without Nagle's delay or over a unix socket.
enum RedisConnecting {
    /// For looking up the name and connecting, together. 1 s.
    static let timeout = TimeAmount.seconds(1)

    /// A name is looked up each time: after a failover it may stand for another machine.
    static func start(to address: ReplicaAddress, on eventLoop: any EventLoop) -> EventLoopFuture<any Channel> {
        // NIO sets TCP_NODELAY by itself.
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(Self.timeout)
        do {
            switch address {
            case .ip(let ip, let port):
                return bootstrap.connect(to: try SocketAddress(ipAddress: ip.description, port: port))
            case .name(let host, let port):
                return bootstrap.connect(host: host, port: port)
            case .unix(let path):
                return bootstrap.connect(to: try SocketAddress(unixDomainSocketPath: path))
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// As the end of a sentence.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: "no connection in time"
        case SocketAddressError.unknown(let host, _): "no address is known for \(host)"
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first?.error ?? error.dnsAError ?? error.dnsAAAAError {
                Self.describe(first)
            } else {
                "no connection to \(error.host)"
            }
        default: "\(error)"
        }
    }
}
