package import NIOCore
package import UsherCore
package import UsherHTTP

/// The other end of a client connection, as the request's path needs it.
package final class Peer: Sendable {
    /// The address the connection comes from, or what a PROXY header says of it; nil for a unix socket.
    package let address: IPAddress?
    /// The address that the client connected to, or what a PROXY header says of it; nil for a unix socket.
    package let destination: IPAddress?
    /// May this peer tell us whose request it forwards (`listeners.trusted-proxies`)?
    package let isTrusted: Bool
    /// Nil: it speaks in the clear.
    package let tls: PeerTLS?
    /// What `X-Forwarded-For` says of it: the address, or `unknown`.
    package let forwardedName: [UInt8]
    /// What tells it from other clients: the address, of an IPv6 address the /64; `unix` for a unix socket.
    private let label: [UInt8]
    /// What `Forwarded` says of it (RFC 7239 §4): `for=192.0.2.1`, an IPv6 address quoted in brackets.
    package let forwardedNode: [UInt8]
    /// One array for all connections of a listener.
    private let trusted: [IPRange]

    package init(address: IPAddress?, destination: IPAddress? = nil, trusted: [IPRange], tls: PeerTLS? = nil) {
        self.address = address
        self.destination = destination
        self.trusted = trusted
        self.tls = tls
        self.isTrusted = address.map { address in trusted.contains { $0.contains(address) } } ?? false
        var name: [UInt8] = []
        name.reserveCapacity(Self.nameCount)
        if let address { address.append(to: &name) } else { name += "unknown".utf8 }
        self.forwardedName = name
        self.label = address.map { $0.isV4 ? name : $0.clientLabel } ?? Array("unix".utf8)
        let isV6 = address.map { !$0.isV4 } ?? false
        var node: [UInt8] = []
        node.reserveCapacity(Self.nameCount + 8)
        node += (isV6 ? "for=\"[" : "for=").utf8
        node += name
        if isV6 { node += "]\"".utf8 }
        self.forwardedNode = node
    }

    /// The same end of the same connection once its TLS handshake is over.
    init(_ peer: Peer, securedBy tls: PeerTLS) {
        self.address = peer.address
        self.destination = peer.destination
        self.trusted = peer.trusted
        self.isTrusted = peer.isTrusted
        self.forwardedName = peer.forwardedName
        self.label = peer.label
        self.forwardedNode = peer.forwardedNode
        self.tls = tls
    }

    /// The longest IPv6 address in bytes.
    private static let nameCount = 39

    /// Who it is, by its certificate; empty: anybody.
    package var identity: [UInt8] { self.tls?.subject ?? [] }

    // MARK: Behind a trusted peer

    /// The client that a request comes from: the peer, or the nearest hop that a trusted peer tells of and that is not
    /// itself trusted.
    ///
    /// When all hops are trusted it is the farthest one; a hop that cannot be read ends the search at the one before.
    package func clientAddress(of head: RequestHead) -> IPAddress? {
        self.isTrusted ? self.client(of: head).address : self.address
    }

    /// What tells the client of a request from others; see `clientAddress`.
    package func clientLabel(of head: RequestHead) -> [UInt8] {
        self.isTrusted ? self.client(of: head).address?.clientLabel ?? self.label : self.label
    }

    /// Did the client's request come over TLS: by this connection, or by the word of a trusted peer?
    ///
    /// Of several values of `X-Forwarded-Proto` the last counts, which is the peer's own.
    package func isSecure(_ head: RequestHead) -> Bool {
        guard self.isTrusted else { return self.tls != nil }
        if let isSecure = self.client(of: head).isSecure { return isSecure }
        return head.lastElement(of: .xForwardedProto).map { head.equalsIgnoringCase($0, "https") } ?? (self.tls != nil)
    }

    private func client(of head: RequestHead) -> ForwardedHop {
        var client = ForwardedHop(address: self.address)
        var hops = ForwardedHops(head)
        while let hop = hops.next() {
            guard let address = hop.address else { break }
            client = hop
            guard self.trusted.contains(where: { $0.contains(address) }) else { break }
        }
        return client
    }
}

/// What a TLS handshake has shown of a client.
package struct PeerTLS: Sendable, Hashable {
    package enum Version: Sendable, Hashable {
        case tls12, tls13

        /// As the access log writes it.
        package var label: StaticString {
            switch self {
            case .tls12: "1.2"
            case .tls13: "1.3"
            }
        }
    }

    package var version: Version
    /// The subject of its certificate, which was verified: an RFC 4514 name in printable ASCII. Empty: it sent none.
    package var subject: [UInt8]

    package init(version: Version, subject: String = "") {
        self.version = version
        self.subject = Array(subject.utf8)
    }
}

extension IPAddress {
    /// `192.0.2.1`, `2001:db8::/64`.
    fileprivate var clientLabel: [UInt8] {
        var text: [UInt8] = []
        self.clientKey.append(to: &text)
        if !self.isV4 { text += "/64".utf8 }
        return text
    }

    /// The address in NIO's form, without its port; nil for a unix socket.
    package init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        // Where it lies in sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).
        switch address {
        case .v4: self.init(v4: address.number(at: 4))
        case .v6: self.init(high: address.number(at: 8), low: address.number(at: 16))
        case .unixDomainSocket: return nil
        }
    }
}

extension SocketAddress {
    /// A number in network order inside the system's form of the address.
    fileprivate func number<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Number {
        self.withSockAddr { pointer, size in
            Number(
                bigEndian: UnsafeRawBufferPointer(start: pointer, count: size)
                    .loadUnaligned(fromByteOffset: offset, as: Number.self))
        }
    }
}
