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
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                bind(descriptor, general, length) == 0 ? getsockname(descriptor, general, &length) : -1
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw TestKitError.ended("no port: error \(errno)")
        }
        self.descriptor = descriptor
        self.address = .ip(IPAddress(v4: 0x7f00_0001), port: Int(UInt16(bigEndian: place.sin_port)))
    }

    deinit {
        close(self.descriptor)
    }
}
