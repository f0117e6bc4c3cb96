import NIOCore
public import UsherCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A loopback port that refuses connections for as long as this object lives: bound, so that nobody else can get it,
/// but never listened on.
public final class RefusingPort: Sendable {
    public let address: ReplicaAddress
    private let descriptor: Int32

    /// - Throws: `TestKitError` when the system gives no port.
    public init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestKitError.ended("no socket: error \(errno)") }
        // Bytes, because from which module the fields of sockaddr_in come depends on what was compiled before.
        var place = [UInt8](repeating: 0, count: 16)
        let result = try SocketAddress(ipAddress: "127.0.0.1", port: 0).withSockAddr { loopback, count in
            place.withUnsafeMutableBytes { bytes in
                var length = socklen_t(bytes.count)
                guard bind(descriptor, loopback, socklen_t(count)) == 0 else { return Int32(-1) }
                return getsockname(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw TestKitError.ended("no port: error \(errno)")
        }
        self.descriptor = descriptor
        self.address = .ip(IPAddress(v4: 0x7f00_0001), port: Int(place[2]) << 8 | Int(place[3]))
    }

    deinit {
        close(self.descriptor)
    }
}
