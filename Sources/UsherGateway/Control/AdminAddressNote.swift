import FoundationEssentials
import UsherConfiguration
import UsherCore

/// Where this Usher's admin server is, as a file in the state folder: commands find it there while the configuration
/// cannot be read, which is when an operator most wants to look.
struct AdminAddressNote: Sendable {
    private let path: String
    private let address: ListenAddress

    init(_ settings: Settings) {
        self.path = settings.state + "/admin-address"
        self.address = settings.admin.address
    }

    /// A state folder that cannot be written costs a convenience only.
    func write(port: Int) {
        let text =
            switch self.address {
            case .ip(let ip, _):
                "\(ReplicaAddress.ip(ip.isUnspecified ? IPAddress(v4: 0x7f00_0001) : ip, port: port))"
            case .unix(let path): "unix:\(path)"
            }
        try? (text + "\n").write(toFile: self.path, atomically: true, encoding: .utf8)
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: self.path)
    }
}
