package import UsherCore

/// Where the admin server listens.
package enum AdminAddress: Sendable, Hashable, CustomStringConvertible {
    /// Port 0 takes a free one.
    case ip(IPAddress, port: Int)
    case unix(path: String)

    /// Whether only this machine can reach it.
    package var isLocal: Bool {
        switch self {
        case .ip(let address, _): address.isLoopback
        case .unix: true
        }
    }

    package var description: String {
        switch self {
        case .ip(let address, let port): address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
