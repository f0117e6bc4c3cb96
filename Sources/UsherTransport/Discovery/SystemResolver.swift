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

    private static func text(of path: String) -> String {
        let bytes = (try? SmallFile.bytes(of: path, upTo: self.fileMax)) ?? []
        return String(decoding: bytes.prefix(self.fileMax), as: UTF8.self)
    }
}
