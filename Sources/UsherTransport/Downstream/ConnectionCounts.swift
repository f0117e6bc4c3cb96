internal import Synchronization
package import UsherCore
package import UsherQuotas

/// How many connections may be open, in all and from one address, over all workers.
package final class ConnectionCounts: Sendable {
    package struct Limits: Sendable, Hashable {
        /// `limits.connections`. Default: 65,536.
        package var total: Int
        /// `limits.connections-per-client`; an IPv6 client counts by its /64. Default: 256.
        package var perClient: Int
        /// `limits.new-connections-per-client`; an IPv6 client counts by its /64. Nil: any number.
        package var newPerClient: QuotaWindow?

        package init(total: Int = 65536, perClient: Int = 256, newPerClient: QuotaWindow? = nil) {
            self.total = total
            self.perClient = perClient
            self.newPerClient = newPerClient
        }
    }

    /// What becomes of a connection that was accepted; all but the first are closed at once.
    package enum Admission: Sendable {
        case admitted, tooMany, tooManyFromClient, outOfDescriptors
        /// `limits.allow` and `limits.deny` keep this address out.
        case denied
        /// More new connections of one client in a span of time than it may open.
        case tooFast
        /// The process is short of memory.
        case overloaded
        /// The listener takes connections with a PROXY header only, and this peer is not trusted to send one.
        case untrustedProxy
        /// A trusted peer sent no PROXY header, a malformed one, or not all of it within `head-time`.
        case badProxyHeader
    }

    private struct State {
        var limits: Limits
        var total = 0
        var byClient: [IPAddress: Int] = [:]
        var isOverloaded = false
    }

    /// How fast clients come.
    private struct Arrivals: ~Copyable {
        var table: QuotaTable
        let limit: QuotaLimit
        let secret = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

        init?(_ window: QuotaWindow?) {
            guard let window else { return nil }
            self.limit = QuotaLimit(name: "new-connections-per-client", windows: [window])
            self.table = QuotaTable(windows: 1, capacity: 131_072)
        }

        mutating func mayCome(_ client: IPAddress, now: MonotonicTime) -> Bool {
            let key = KeyedHash(value: client.networkBytes.span, secret: self.secret)
            return self.table.take(key, self.limit, cost: 1, now: now).isAllowed
        }
    }

    private let state: Mutex<State>
    private let arrivals: Mutex<Arrivals?>

    package init(_ limits: Limits) {
        self.state = Mutex(State(limits: limits))
        self.arrivals = Mutex(Arrivals(limits.newPerClient))
    }

    /// Replaces the limits; connections that are above the new ones stay.
    package func update(_ limits: Limits) {
        let before = self.state.withLock { state in
            defer { state.limits = limits }
            return state.limits
        }
        if before.newPerClient != limits.newPerClient { self.arrivals.withLock { $0 = Arrivals(limits.newPerClient) } }
    }

    /// From now on no new connections are admitted, or they are again.
    package func overload(_ isOverloaded: Bool) {
        self.state.withLock { $0.isOverloaded = isOverloaded }
    }

    /// Counts a new connection, or says why it may not stay. Trusted peers count only in the total.
    ///
    /// That holds for clients behind a PROXY header too: their address is known only after their connection was
    /// accepted, and the proxy in front has seen all of their connections where we may see a part.
    package func opened(_ peer: Peer, now: MonotonicTime) -> Admission {
        if !peer.isTrusted, let client = peer.address?.clientKey {
            let mayCome = self.arrivals.withLock { $0?.mayCome(client, now: now) ?? true }
            if !mayCome { return .tooFast }
        }
        return self.state.withLock { state in
            if state.isOverloaded { return .overloaded }
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
