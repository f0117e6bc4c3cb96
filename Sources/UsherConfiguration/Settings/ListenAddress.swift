public import UsherCore

/// Where Usher listens; text form `8080`, `127.0.0.1:9900`, `[::]:80`, `unix:/run/usher.sock`.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// Port 0 lets the system choose a free one.
    case ip(IPAddress, port: Int)
    case unix(path: String)

    /// A port alone means every IPv4 address of the machine; a Unix path is taken as written.
    public init(text: String) throws(TextProblem) {
        if text.hasPrefix("unix:") {
            self = .unix(path: try ReplicaAddress.unixPath(text.dropFirst(5)))
            return
        }
        if let port = Self.port(text[...]) {
            self = .ip(.anyV4, port: port)
            return
        }
        guard text.contains(":") else {
            let examples = "8080, 127.0.0.1:8080 or [::1]:8080"
            throw TextProblem("'\(shown(text))' is neither a port from 0 to 65535 nor an address; write \(examples)")
        }
        let (host, portText) = try ReplicaAddress.hostAndPort(text)
        guard let port = Self.port(portText) else {
            throw TextProblem("the port of '\(shown(text))' must be a number from 0 to 65535")
        }
        guard let address = IPAddress(text: host) else {
            let name = shown(String(host))
            let examples = "127.0.0.1 or 0.0.0.0"
            throw TextProblem("'\(name)' is not an address of this machine; write numbers, such as \(examples)")
        }
        self = .ip(address, port: port)
    }

    /// True when only this machine can connect.
    public var isLoopback: Bool {
        switch self {
        case .ip(let address, _): address.isLoopback
        case .unix: true
        }
    }

    /// Nil for a Unix socket.
    public var port: Int? {
        if case .ip(_, let port) = self { port } else { nil }
    }

    /// The same address with the port that the system chose for port 0.
    public func withPort(_ port: Int) -> ListenAddress {
        if case .ip(let address, 0) = self { .ip(address, port: port) } else { self }
    }

    public var description: String {
        switch self {
        case .ip(let address, let port): address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// 0 to 65535, in digits only.
    static func port(_ text: Substring) -> Int? {
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(text) else {
            return nil
        }
        return port <= 65535 ? port : nil
    }
}

/// Addresses that are in use, so that one more is judged without a look at each of them.
struct TakenAddresses {
    private struct Port: Hashable {
        var isV4: Bool
        var number: Int
    }

    private var addresses: Set<ListenAddress> = []
    private var ports: Set<Port> = []
    /// Ports that are taken on every address of their family.
    private var wholePorts: Set<Port> = []

    /// False, with nothing changed, when the system would refuse one more listener here; port 0 is always free.
    mutating func insert(_ address: ListenAddress) -> Bool {
        guard case .ip(let ip, let number) = address else { return addresses.insert(address).inserted }
        guard number != 0 else { return true }
        let port = Port(isV4: ip.isV4, number: number)
        guard !wholePorts.contains(port), !(ip.isUnspecified && ports.contains(port)),
            addresses.insert(address).inserted
        else { return false }
        ports.insert(port)
        if ip.isUnspecified { wholePorts.insert(port) }
        return true
    }
}

extension IPAddress {
    static let anyV4 = IPAddress(v4: 0)
    static let loopbackV4 = IPAddress(v4: 0x7F00_0001)
}
