internal import NIOCore
package import UsherCore
package import UsherHTTP
package import UsherReplication

/// One worker's connections to one replica: opens them, hands them out, takes them back.
///
/// The rules (last in first out, bounds, expiry) are `PoolState`'s; this type does what they say.
///
/// Confinement: one event loop.
package final class UpstreamPool {
    package struct Configuration: Sendable, Hashable {
        /// Connections of this worker to this replica at most; the setting's share of one worker.
        package var connectionsMax: Int
        /// How long an unused connection is kept, in nanoseconds.
        package var keep: UInt64
        /// `timeouts.connect`.
        package var connectTimeout: Duration
        package var headLimits: HeadLimits
        /// Nil: in the clear.
        package var tls: UpstreamTLS?

        package init(
            connectionsMax: Int, keep: UInt64, connectTimeout: Duration, headLimits: HeadLimits,
            tls: UpstreamTLS? = nil
        ) {
            self.connectionsMax = connectionsMax
            self.keep = keep
            self.connectTimeout = connectTimeout
            self.headLimits = headLimits
            self.tls = tls
        }
    }

    package enum Acquisition {
        case use(UpstreamConnection)
        /// None is idle and one more may be opened: call `connect` with this identifier.
        case connect(ConnectionID)
        /// All are busy.
        case full
    }

    private let loop: LoopContext
    package private(set) var configuration: Configuration
    package private(set) var address: ReplicaAddress
    /// Told of what happens here. The owner must set it to nil before it goes: a weak reference would slow down every
    /// use of the owner on the request's path (a side table instead of an inline count).
    package unowned(unsafe) var owner: (any UpstreamPoolOwner)?
    private var state: PoolState
    /// By `ConnectionID.slot`.
    private var connections: [UpstreamConnection?] = []

    package init(
        _ address: ReplicaAddress, _ configuration: Configuration, loop: LoopContext,
        owner: (any UpstreamPoolOwner)? = nil
    ) {
        self.address = address
        self.configuration = configuration
        self.loop = loop
        self.owner = owner
        self.state = PoolState(
            limit: configuration.connectionsMax, keep: .nanoseconds(Int64(clamping: configuration.keep)))
    }

    /// Connections in any state.
    package var count: Int { self.state.count }
    package var idleCount: Int { self.state.idleCount }
    /// A request would get a connection without waiting for another request.
    package var hasRoom: Bool {
        !self.state.isRemoved && (self.state.idleCount > 0 || self.state.count < self.state.limit)
    }

    /// - Parameter fresh: an idle connection will not do, because one has just died under the request.
    package func acquire(fresh: Bool = false, now: MonotonicTime) -> Acquisition {
        while true {
            switch self.state.acquire(fresh: fresh, now: now) {
            case .use(let id):
                if let connection = self.connection(id), connection.isUsable { return .use(connection) }
                // It is being closed, and nobody may get it any more.
                self.state.closed(id)
            case .connect(let id):
                return .connect(id)
            case .replace(let old, let id):
                self.connection(old)?.close()
                return .connect(id)
            case .full, .removed:
                return .full
            }
        }
    }

    /// Opens the connection that `acquire` asked for; `completion` is called once, on this loop.
    package func connect(
        _ id: ConnectionID, completion: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void
    ) {
        let connection = UpstreamConnection(
            id: id, loop: self.loop, address: self.address, tls: self.configuration.tls,
            headLimits: self.configuration.headLimits, pool: self)
        let attempt = Connecting.start(
            to: self.address, tls: self.configuration.tls, timeout: self.configuration.connectTimeout, on: self.loop,
            connection: connection)
        attempt.assumeIsolated().whenComplete { result in
            switch result {
            case .success:
                completion(self.established(connection))
            case .failure(let error):
                self.state.connectFailed(id)
                // An attempt may fail while it is made; many such must not pile up on one stack, nor keep the loop from
                // hearing that the replica is out.
                self.loop.eventLoop.assumeIsolated().execute {
                    completion(.failure(Self.failure(of: error)))
                    self.owner?.poolHasRoom(self)
                }
            }
        }
    }

    /// Closes what is idle and lets the rest finish; nobody gets a connection any more.
    package func remove() {
        self.state.removed()
        self.closeExpired(now: self.loop.now)
    }

    /// New limits and time-outs: connections above the limit close when they are idle, and what is open keeps the head
    /// limits it began with.
    package func update(_ configuration: Configuration) {
        guard configuration != self.configuration else { return }
        let hadRoom = self.hasRoom
        let isOtherTLS = configuration.tls != self.configuration.tls
        self.configuration = configuration
        self.state.limitChanged(to: configuration.connectionsMax)
        self.state.keepChanged(to: .nanoseconds(Int64(clamping: configuration.keep)))
        let now = self.loop.now
        self.closeExpired(now: now)
        for case let connection? in self.connections where connection.isUsable {
            // What was agreed on at the handshake holds no more.
            if isOtherTLS { connection.close() }
            // Begins anew with the new time, which is nearly right and needs no memory of when it began.
            self.loop.schedule(connection, after: configuration.keep, now: now)
        }
        if !hadRoom && self.hasRoom { self.owner?.poolHasRoom(self) }
    }

    /// The replica moved: connections to the old place are used no longer.
    package func move(to address: ReplicaAddress) {
        guard address != self.address else { return }
        self.address = address
        for case let connection? in self.connections where connection.isUsable { connection.close() }
    }

    /// Ends the tries that wait for an answer's first byte and can be made elsewhere: the replica was taken out. The
    /// others are better off waiting, for it may be at work on them.
    package func failWaiting(_ failure: UpstreamFailure) {
        for case let connection? in self.connections where connection.awaitsAnswer && connection.wouldTryAnother {
            connection.fail(failure)
        }
    }

    // MARK: Told by the connections

    /// Its exchange ended and left it usable; or it was opened for a request that did not wait.
    package func connectionIsFree(_ connection: UpstreamConnection) {
        let now = self.loop.now
        if connection.address != self.address || connection.tls != self.configuration.tls {
            // The replica moved meanwhile, or is spoken to in another way.
            connection.close()
            return
        }
        switch self.state.released(connection.id, now: now) {
        case .keep:
            self.loop.schedule(connection, after: self.configuration.keep, now: now)
            self.owner?.poolHasRoom(self)
        case .close, .ignored:
            connection.close()
        }
    }

    func connectionClosed(_ connection: UpstreamConnection) {
        let slot = connection.id.slot
        if self.connections.indices.contains(slot), self.connections[slot] === connection {
            self.connections[slot] = nil
            self.owner?.pool(self, connectionIsUp: false)
        }
        if self.state.closed(connection.id) { self.owner?.poolHasRoom(self) }
    }

    func connectionGotUnasked(bytes: Int) {
        self.owner?.pool(self, receivedUnaskedBytes: bytes)
    }

    // MARK: Opening

    private func established(_ connection: UpstreamConnection) -> Result<UpstreamConnection, UpstreamFailure> {
        guard self.state.connected(connection.id), connection.isUsable else {
            self.state.closed(connection.id)
            connection.close()
            return .failure(.init(.connectFailed, "the replica closed the new connection at once"))
        }
        let slot = connection.id.slot
        while self.connections.count <= slot { self.connections.append(nil) }
        self.connections[slot] = connection
        self.owner?.pool(self, connectionIsUp: true)
        return .success(connection)
    }

    private func connection(_ id: ConnectionID) -> UpstreamConnection? {
        guard self.connections.indices.contains(id.slot), let connection = self.connections[id.slot],
            connection.id == id
        else { return nil }
        return connection
    }

    private func closeExpired(now: MonotonicTime) {
        while let id = self.state.nextExpired(now: now) { self.connection(id)?.close() }
    }

    private static func failure(of error: any Error) -> UpstreamFailure {
        if case ChannelError.connectTimeout = error { return .init(.connectTimedOut, "no connection in time") }
        return .init(.connectFailed, "cannot connect: \(HTTPFetch.describe(error))")
    }
}
