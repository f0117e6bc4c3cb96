internal import Synchronization
package import UsherCore

/// How many connections may be open, in all and from one address, over all workers.
package final class ConnectionCounts: Sendable {
    package struct Limits: Sendable, Hashable {
        /// `limits.connections`. Default: 65,536.
        package var total: Int
        /// `limits.connections-per-client`; an IPv6 client counts by its /64. Default: 256.
        package var perClient: Int

        package init(total: Int = 65536, perClient: Int = 256) {
            self.total = total
            self.perClient = perClient
        }
    }

    /// What becomes of a connection that was accepted; all but the first are closed at once.
    package enum Admission: Sendable {
        case admitted, tooMany, tooManyFromClient, outOfDescriptors
        /// The listener takes connections with a PROXY header only, and this peer is not trusted to send one.
        case untrustedProxy
        /// A trusted peer sent no PROXY header, a malformed one, or not all of it within `head-time`.
        case badProxyHeader
    }

    private struct State {
        var limits: Limits
        var total = 0
        var byClient: [IPAddress: Int] = [:]
    }

    private let state: Mutex<State>

    package init(_ limits: Limits) {
        self.state = Mutex(State(limits: limits))
    }

    /// Replaces the limits; connections that are above the new ones stay.
    package func update(_ limits: Limits) {
        self.state.withLock { $0.limits = limits }
    }

    /// Counts a new connection, or says why it may not stay. Trusted peers count only in the total.
    ///
    /// That holds for clients behind a PROXY header too: their address is known only after their connection was
    /// accepted, and the proxy in front has seen all of their connections where we may see a part.
    package func opened(_ peer: Peer) -> Admission {
        self.state.withLock { state in
            if state.total >= state.limits.total { return .tooMany }
            if !peer.isTrusted, let client = peer.address?.clientKey {
                let count = state.byClient[client, default: 0]
                if count >= state.limits.perClient { return .tooManyFromClient }
                state.byClient[client] = count + 1
            }
            state.total += 1
            return .admitted
        }
    }

    package func closed(_ peer: Peer) {
        self.state.withLock { state in
            state.total -= 1
            if !peer.isTrusted, let client = peer.address?.clientKey, let count = state.byClient[client] {
                state.byClient[client] = count > 1 ? count - 1 : nil
            }
        }
    }
}

extension IPAddress {
    /// What counts as one client: an IPv4 address, or an IPv6 /64, which one subscriber usually has whole.
    package var clientKey: IPAddress { self.isV4 ? self : self.masked(prefix: 64) }
}
