package import NIOCore
package import UsherCore

/// The other end of a client connection, as the request's path needs it.
package struct Peer: Sendable {
    /// The address the connection comes from; nil for a unix socket.
    package var address: IPAddress?
    /// The address as text; empty for a unix socket.
    package var text: [UInt8]
    /// May this peer tell us whose request it forwards (`listeners.trusted-proxies`)?
    package var isTrusted: Bool

    package init(address: IPAddress?, trusted: [IPRange]) {
        self.address = address
        self.text = address.map { Array($0.description.utf8) } ?? []
        self.isTrusted = address.map { address in trusted.contains { $0.contains(address) } } ?? false
    }
}

extension IPAddress {
    /// The address in NIO's form, without its port; nil for a unix socket.
    package init?(_ address: SocketAddress?) {
        guard let text = address?.ipAddress else { return nil }
        self.init(text: text)
    }
}
