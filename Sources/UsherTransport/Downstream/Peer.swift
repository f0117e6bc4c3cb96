package import NIOCore
package import UsherCore

/// The other end of a client connection, as the request's path needs it.
package final class Peer: Sendable {
    /// The address the connection comes from; nil for a unix socket.
    package let address: IPAddress?
    /// May this peer tell us whose request it forwards (`listeners.trusted-proxies`)?
    package let isTrusted: Bool
    /// What `X-Forwarded-For` says of it: the address, or `unknown`.
    package let forwardedName: [UInt8]
    /// What `Forwarded` says of it (RFC 7239 §4): `for=192.0.2.1;proto=http`, an IPv6 address quoted in brackets.
    package let forwardedElement: [UInt8]

    package init(address: IPAddress?, trusted: [IPRange]) {
        self.address = address
        self.isTrusted = address.map { address in trusted.contains { $0.contains(address) } } ?? false
        let name = address?.description ?? "unknown"
        self.forwardedName = Array(name.utf8)
        let isV6 = address.map { !$0.isV4 } ?? false
        self.forwardedElement = Array((isV6 ? "for=\"[\(name)]\";proto=http" : "for=\(name);proto=http").utf8)
    }
}

extension IPAddress {
    /// The address in NIO's form, without its port; nil for a unix socket.
    package init?(_ address: SocketAddress?) {
        guard let text = address?.ipAddress else { return nil }
        self.init(text: text)
    }
}
