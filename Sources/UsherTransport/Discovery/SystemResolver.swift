#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The machine's own files about names, read anew for every resolution so that changes count at once.
package struct SystemResolver: Sendable, Hashable {
    package var settingsPath = "/etc/resolv.conf"
    package var hostsPath = "/etc/hosts"
    /// Of the servers, which the file names without ports. Default: 53.
    package var serverPort = DNSServer.standardPort

    /// Of a longer file the rest is not read. 1 MiB.
    private static let fileMax = 1 << 20

    package init() {}

    package init(settingsPath: String, hostsPath: String, serverPort: Int = DNSServer.standardPort) {
        self.settingsPath = settingsPath
        self.hostsPath = hostsPath
        self.serverPort = serverPort
    }

    /// A missing file says nothing.
    package func settings() -> ResolverSettings {
        ResolverSettings(text: Self.text(of: self.settingsPath), serverPort: self.serverPort)
    }

    package func hosts() -> HostsFile {
        HostsFile(text: Self.text(of: self.hostsPath))
    }

    /// Not for pipes and devices: what is no plain file is not waited for.
    private static func text(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < self.fileMax {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk.prefix(count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
