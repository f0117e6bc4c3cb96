public import UsherCore

/// Names one upstream connection of one pool: a place in the pool, and which of its successive holders is meant.
public struct ConnectionID: Sendable, Hashable {
    /// The place, dense from 0, so that the owner can keep its connections in an array.
    public let slot: Int
    /// Changes whenever the place is given to a new connection, so that late events of an old one are recognised.
    public let generation: UInt32

    @inlinable
    public init(slot: Int, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// Who may use which upstream connection: one worker's connections to one endpoint.
///
/// State      | Meaning                               | Left by
/// -----------|---------------------------------------|----------------------------------------------------------
/// connecting | counted, being established            | `connected` → busy, `connectFailed` or `closed` → gone
/// busy       | carries an exchange                   | `released` → idle, `closed` → gone
/// idle       | kept for the next request             | `acquire` → busy; `closed`, `nextExpired`, eviction → gone
///
/// The most recently used idle connection is used first, so that the surplus ages and goes. An event that does not fit
/// the state, or is about a connection that is gone, changes nothing and says so. Every event costs constant time and
/// allocates only when there are more connections at once than ever before. An identifier that is handed out to be
/// closed is already forgotten: it frees its place at once.
///
/// Confinement: owned by one event loop. Never reads a clock.
public struct PoolState: ~Copyable, Sendable {
    /// What a request that needs a connection does.
    public enum AcquireAction: Sendable, Hashable {
        /// Use this established connection; it is busy now.
        case use(ConnectionID)
        /// Establish a connection under this identifier; it is counted as connecting.
        case connect(ConnectionID)
        /// The same, after closing an idle connection that must not be used and whose place is needed.
        case replace(close: ConnectionID, connect: ConnectionID)
        /// Wait or try another endpoint: every place is taken by a connection in use.
        case full
        /// Try another endpoint: this one was removed.
        case removed
    }

    /// What happens to a connection whose exchange has ended.
    public enum ReleaseAction: Sendable, Hashable {
        /// It stays open for the next request.
        case keep
        /// Close it: the pool has forgotten it.
        case close
        /// Nothing: it was not busy, or is gone.
        case ignored
    }

    /// The most connections at once, in whatever state; at least 1.
    public private(set) var limit: Int
    public private(set) var connectingCount = 0
    public private(set) var busyCount = 0
    public private(set) var idleCount = 0
    public private(set) var isRemoved = false

    private enum Phase: UInt8 { case free, connecting, busy, idle }

    private struct Slot {
        var phase: Phase
        var generation: UInt32
        /// Idle: the next more recently used one. -1: none.
        var newer: Int32 = -1
        /// Idle: the next less recently used one; free: the next free place. -1: none.
        var older: Int32 = -1
        var idleSince = MonotonicTime.start
    }

    private var keepNanoseconds: UInt64
    private var slots: [Slot] = []
    private var firstFree: Int32 = -1
    private var newestIdle: Int32 = -1
    private var oldestIdle: Int32 = -1

    /// `limit` connections at most (at least 1); an idle one is kept for `keep`.
    public init(limit: Int, keep: Duration) {
        self.limit = min(max(limit, 1), Int(Int32.max))
        keepNanoseconds = keep.nanosecondsClamped
    }

    /// Connections in any state.
    public var count: Int { connectingCount + busyCount + idleCount }

    /// A request needs a connection. With `fresh` an idle one will not do: a reused one has just died under it.
    public mutating func acquire(fresh: Bool = false, now: MonotonicTime) -> AcquireAction {
        guard !isRemoved else { return .removed }
        if let newest = slot(newestIdle), !fresh, !isExpired(newest, now: now) {
            unlink(newest)
            slots[newest].phase = .busy
            idleCount -= 1
            busyCount += 1
            return .use(identifier(of: newest))
        }
        if count < limit { return .connect(reserve()) }
        guard let oldest = slot(oldestIdle) else { return .full }
        let evicted = forget(oldest)
        return .replace(close: evicted, connect: reserve())
    }

    /// A connection was established and is busy from now on; false when nobody was waiting for it: close it.
    public mutating func connected(_ id: ConnectionID) -> Bool {
        guard let index = known(id), slots[index].phase == .connecting else { return false }
        slots[index].phase = .busy
        connectingCount -= 1
        busyCount += 1
        return true
    }

    /// A connection could not be established; false when it was not being established.
    @discardableResult
    public mutating func connectFailed(_ id: ConnectionID) -> Bool {
        guard let index = known(id), slots[index].phase == .connecting else { return false }
        forget(index)
        return true
    }

    /// The exchange on a connection ended and left it usable; one that cannot be reused is `closed` instead.
    public mutating func released(_ id: ConnectionID, now: MonotonicTime) -> ReleaseAction {
        guard let index = known(id), slots[index].phase == .busy else { return .ignored }
        guard !isRemoved, count <= limit else {
            forget(index)
            return .close
        }
        busyCount -= 1
        idleCount += 1
        slots[index].phase = .idle
        slots[index].idleSince = now
        slots[index].newer = -1
        slots[index].older = newestIdle
        if let previous = slot(newestIdle) { slots[previous].newer = Int32(index) }
        newestIdle = Int32(index)
        if oldestIdle < 0 { oldestIdle = Int32(index) }
        return .keep
    }

    /// A connection is gone, in whatever state it was; false when the pool did not know it any more.
    @discardableResult
    public mutating func closed(_ id: ConnectionID) -> Bool {
        guard let index = known(id) else { return false }
        forget(index)
        return true
    }

    /// An idle connection to close because it was unused for `keep`, because the limit sank or because the endpoint was
    /// removed; nil when there is no more.
    public mutating func nextExpired(now: MonotonicTime) -> ConnectionID? {
        guard let oldest = slot(oldestIdle) else { return nil }
        guard isRemoved || count > limit || isExpired(oldest, now: now) else { return nil }
        return forget(oldest)
    }

    /// When `nextExpired` will next have something to say; nil without idle connections.
    public var nextExpiry: MonotonicTime? {
        slot(oldestIdle).map { slots[$0].idleSince.advanced(by: .nanoseconds(Int64(clamping: keepNanoseconds))) }
    }

    /// The endpoint left the configuration: idle connections are for `nextExpired` to close, busy ones end their
    /// exchange, nobody gets one any more.
    public mutating func removed() {
        isRemoved = true
    }

    /// A reload changed the limit (at least 1); surplus idle connections are for `nextExpired` to close.
    public mutating func limitChanged(to limit: Int) {
        self.limit = min(max(limit, 1), Int(Int32.max))
    }

    /// A reload changed how long an idle connection is kept; it counts for those that are idle now, too.
    public mutating func keepChanged(to keep: Duration) {
        keepNanoseconds = keep.nanosecondsClamped
    }
}

extension PoolState {
    private func slot(_ index: Int32) -> Int? {
        index < 0 ? nil : Int(index)
    }

    private func identifier(of index: Int) -> ConnectionID {
        ConnectionID(slot: index, generation: slots[index].generation)
    }

    private func known(_ id: ConnectionID) -> Int? {
        guard slots.indices.contains(id.slot), slots[id.slot].generation == id.generation else { return nil }
        return slots[id.slot].phase == .free ? nil : id.slot
    }

    private func isExpired(_ index: Int, now: MonotonicTime) -> Bool {
        now.nanoseconds(since: slots[index].idleSince) >= keepNanoseconds
    }

    /// Takes a place for a connection that is to be established.
    private mutating func reserve() -> ConnectionID {
        connectingCount += 1
        guard let index = slot(firstFree) else {
            slots.append(Slot(phase: .connecting, generation: 0))
            return identifier(of: slots.count - 1)
        }
        firstFree = slots[index].older
        slots[index].phase = .connecting
        return identifier(of: index)
    }

    /// Frees the place of a connection and returns the identifier it had.
    @discardableResult
    private mutating func forget(_ index: Int) -> ConnectionID {
        let id = identifier(of: index)
        switch slots[index].phase {
        case .free: return id
        case .connecting: connectingCount -= 1
        case .busy: busyCount -= 1
        case .idle:
            unlink(index)
            idleCount -= 1
        }
        slots[index].phase = .free
        // Wraps after 2³² holders of one place; by then no event of the first one is still on its way.
        slots[index].generation &+= 1
        slots[index].older = firstFree
        firstFree = Int32(index)
        return id
    }

    /// Takes an idle connection out of the list by age.
    private mutating func unlink(_ index: Int) {
        let newer = slots[index].newer
        let older = slots[index].older
        if let newer = slot(newer) {
            slots[newer].older = older
        } else {
            newestIdle = older
        }
        if let older = slot(older) {
            slots[older].newer = newer
        } else {
            oldestIdle = newer
        }
        slots[index].newer = -1
        slots[index].older = -1
    }
}
