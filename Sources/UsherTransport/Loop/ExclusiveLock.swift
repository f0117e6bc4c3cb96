#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Keeps a second Usher off an address, or off a state folder.
///
/// With SO_REUSEPORT the kernel would let another process of the same user bind the same port in silence and take half
/// of the connections. An abstract socket (unix(7)) goes away with its process, however that ends.
package struct ExclusiveLock: ~Copyable, Sendable {
    private let descriptor: Int32

    /// Takes the lock of this name in the machine's (network namespace's) abstract sockets; nil when somebody has it.
    ///
    /// - Parameter name: up to 100 bytes count.
    package init?(abstractName name: String) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array("usher:\(name)".utf8.prefix(100))
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            // The first byte stays 0: that is what makes the name abstract.
            for (index, byte) in bytes.enumerated() { path[index + 1] = byte }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + bytes.count)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    /// Locks a file, made when missing; nil when another process has it or it cannot be made.
    package init?(file path: String) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit {
        close(self.descriptor)
    }
}
