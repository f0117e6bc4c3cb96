import UsherCore

/// A name whose DNS records are a service's replicas; text form `cart.internal:9000`, `_http._tcp.cart.internal`.
struct DiscoveredName: Hashable {
    /// As in `DNSSettings.name`.
    var name: String
    /// Nil: SRV records say it.
    var port: Int?

    static let examples = "cart.internal:9000, or _http._tcp.cart.internal for SRV records"

    init(name: String, port: Int?) {
        self.name = name
        self.port = port
    }

    init(text: String) throws(TextProblem) {
        guard !text.hasPrefix("unix:") else {
            throw TextProblem("'\(shown(text))' is not a name to look up; write \(Self.examples)")
        }
        try Self.refuseAddress(text)
        let host: Substring
        (host, port) = try Self.parted(text)
        guard ReplicaAddress.isHostName(host.hasSuffix(".") ? host.dropLast() : host) else {
            throw TextProblem("'\(shown(String(host)))' is not a name to look up; write \(Self.examples)")
        }
        name = host.lowercased()
        let isService = Self.isServiceName(name)
        if isService, port != nil {
            throw TextProblem("SRV records say the port themselves; write \(shown(name)) without one")
        }
        if !isService, port == nil {
            throw TextProblem("'\(shown(text))' needs a port; write \(Self.examples)")
        }
    }

    var description: String { port.map { "\(name):\($0)" } ?? name }

    /// `_service._proto.name` (RFC 2782).
    private static func isServiceName(_ name: String) -> Bool {
        let labels = name.split(separator: ".")
        return labels.count >= 3 && labels.prefix(2).allSatisfy { $0.hasPrefix("_") && $0.utf8.count > 1 }
    }

    private static func parted(_ text: String) throws(TextProblem) -> (host: Substring, port: Int?) {
        guard text.contains(":") else { return (text[...], nil) }
        let (host, portText) = try ReplicaAddress.hostAndPort(text)
        guard let port = ListenAddress.port(portText), port > 0 else {
            throw TextProblem("the port of '\(shown(text))' must be a number from 1 to 65535")
        }
        return (host, port)
    }

    /// An address with or without a port is not looked up: it can stand in the list itself.
    private static func refuseAddress(_ text: String) throws(TextProblem) {
        let isBracketed = text.hasPrefix("[")
        let colon = isBracketed || !text.contains(":") ? nil : text.lastIndex(of: ":")
        let host = isBracketed ? text.dropFirst().prefix { $0 != "]" } : text[..<(colon ?? text.endIndex)]
        guard IPAddress(text: host) != nil || IPAddress(text: text) != nil else { return }
        throw TextProblem("'\(shown(text))' is an address, not a name; write it as replicas: [127.0.0.1:9000]")
    }
}

extension Kind where Value == DiscoveredName {
    static var discoveredName: Kind {
        parsed(pattern: ".+") { text, _ throws(TextProblem) in
            try DiscoveredName(text: text)
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == ReplicaAddress {
    /// A DNS server, which is never a name: nobody could look it up.
    static var nameServer: Kind {
        parsed(pattern: ".+:[0-9]+") { text, _ throws(TextProblem) in
            if let address = IPAddress(text: text) {
                throw TextProblem("needs a port: \(ReplicaAddress.ip(address, port: 53))")
            }
            guard case .ip(let address, let port) = try ReplicaAddress(text: text) else {
                throw TextProblem("'\(shown(text))' is not an address with a port, such as 10.0.0.2:53")
            }
            return .ip(address, port: port)
        } write: {
            $0.description
        }
    }
}
