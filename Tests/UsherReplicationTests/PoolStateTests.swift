import Testing
import UsherCore
import UsherReplication

private func seconds(_ seconds: Int) -> MonotonicTime { MonotonicTime.start.advanced(by: .seconds(seconds)) }

extension PoolState {
    /// Establishes a connection and releases it.
    fileprivate mutating func idleConnection(now: MonotonicTime) throws -> ConnectionID {
        var made: ConnectionID?
        if case .connect(let id) = acquire(fresh: true, now: now), connected(id), released(id, now: now) == .keep {
            made = id
        }
        return try #require(made)
    }
}

@Suite struct PoolStateTests {
    @Test("connections are established up to the limit, then the pool is full")
    func limit() {
        var pool = PoolState(limit: 2, keep: .seconds(60))
        let actions = [pool.acquire(now: .start), pool.acquire(now: .start), pool.acquire(now: .start)]
        let ids = [ConnectionID(slot: 0, generation: 0), ConnectionID(slot: 1, generation: 0)]
        #expect(actions == [.connect(ids[0]), .connect(ids[1]), .full])
        let failed = pool.connectFailed(ids[0])
        #expect(failed)
        let again = pool.acquire(now: .start)
        #expect(again == .connect(ConnectionID(slot: 0, generation: 1)))
    }

    @Test("a limit below one counts as one", arguments: [0, -3, .min])
    func leastLimit(limit: Int) {
        var pool = PoolState(limit: limit, keep: .seconds(60))
        let actions = [pool.acquire(now: .start), pool.acquire(now: .start)]
        #expect(actions == [.connect(ConnectionID(slot: 0, generation: 0)), .full])
        pool.limitChanged(to: limit)
        let kept = pool.limit
        #expect(kept == 1)
    }

    @Test("the most recently used idle connection is used first")
    func lastInFirstOut() throws {
        var pool = PoolState(limit: 3, keep: .seconds(60))
        let first = try pool.idleConnection(now: seconds(0))
        let second = try pool.idleConnection(now: seconds(1))
        let third = try pool.idleConnection(now: seconds(2))
        let actions = [pool.acquire(now: seconds(3)), pool.acquire(now: seconds(3)), pool.acquire(now: seconds(3))]
        #expect(actions == [.use(third), .use(second), .use(first)])
    }

    @Test("an idle connection is closed when it was unused for long enough, the oldest first")
    func expiry() throws {
        var pool = PoolState(limit: 3, keep: .seconds(60))
        let first = try pool.idleConnection(now: seconds(0))
        let second = try pool.idleConnection(now: seconds(10))
        let expiry = pool.nextExpiry
        #expect(expiry == seconds(60))
        let early = pool.nextExpired(now: seconds(59))
        #expect(early == nil)
        let due = [pool.nextExpired(now: seconds(60)), pool.nextExpired(now: seconds(60))]
        #expect(due == [first, nil])
        let later = [pool.nextExpired(now: seconds(70)), pool.nextExpired(now: seconds(70))]
        #expect(later == [second, nil])
        let count = pool.count
        #expect(count == 0)
    }

    @Test("an idle connection that outlived its time is not used, even before it is closed")
    func expiredUnused() throws {
        var pool = PoolState(limit: 1, keep: .seconds(60))
        let old = try pool.idleConnection(now: seconds(0))
        let action = pool.acquire(now: seconds(60))
        #expect(action == .replace(close: old, connect: ConnectionID(slot: 0, generation: 1)))
    }

    @Test("who needs a fresh connection does not get an idle one, and at the limit takes its place")
    func fresh() throws {
        var pool = PoolState(limit: 2, keep: .seconds(60))
        let idle = try pool.idleConnection(now: seconds(0))
        let first = pool.acquire(fresh: true, now: seconds(1))
        #expect(first == .connect(ConnectionID(slot: 1, generation: 0)))
        let second = pool.acquire(fresh: true, now: seconds(1))
        #expect(second == .replace(close: idle, connect: ConnectionID(slot: 0, generation: 1)))
        let third = pool.acquire(fresh: true, now: seconds(1))
        #expect(third == .full)
    }

    @Test("late events of a connection that is gone change nothing")
    func stale() throws {
        var pool = PoolState(limit: 1, keep: .seconds(60))
        let gone = try pool.idleConnection(now: .start)
        let closed = [pool.closed(gone), pool.closed(gone)]
        #expect(closed == [true, false])
        guard case .connect(let successor) = pool.acquire(now: .start) else {
            Issue.record("no place")
            return
        }
        #expect(successor.slot == gone.slot)
        let late = [pool.connected(gone), pool.connectFailed(gone), pool.closed(gone)]
        #expect(late == [false, false, false])
        let released = pool.released(gone, now: .start)
        #expect(released == .ignored)
        let connecting = pool.connectingCount
        #expect(connecting == 1)
    }

    @Test("an identifier that was never given out is ignored", arguments: [-1, 0, 5, .max, .min])
    func unknown(slot: Int) {
        var pool = PoolState(limit: 1, keep: .seconds(60))
        let id = ConnectionID(slot: slot, generation: 0)
        let known = [pool.connected(id), pool.connectFailed(id), pool.closed(id)]
        #expect(known == [false, false, false])
        let released = pool.released(id, now: .start)
        #expect(released == .ignored)
    }

    @Test("a removed endpoint gets no requests, lets busy connections end and closes idle ones")
    func removed() throws {
        var pool = PoolState(limit: 3, keep: .seconds(60))
        let idle = try pool.idleConnection(now: .start)
        let busy = pool.acquire(fresh: true, now: .start)
        guard case .connect(let busyID) = busy, pool.connected(busyID) else {
            Issue.record("no connection")
            return
        }
        pool.removed()
        let acquired = pool.acquire(now: .start)
        #expect(acquired == .removed)
        let closing = [pool.nextExpired(now: .start), pool.nextExpired(now: .start)]
        #expect(closing == [idle, nil])
        let released = pool.released(busyID, now: .start)
        #expect(released == .close)
        let count = pool.count
        #expect(count == 0)
    }

    @Test("a lower limit closes idle connections and then those that are released")
    func lowerLimit() throws {
        var pool = PoolState(limit: 3, keep: .seconds(60))
        let idle = try pool.idleConnection(now: .start)
        var busy: [ConnectionID] = []
        for _ in 0..<2 {
            guard case .connect(let id) = pool.acquire(fresh: true, now: .start), pool.connected(id) else { continue }
            busy.append(id)
        }
        pool.limitChanged(to: 1)
        let closing = [pool.nextExpired(now: .start), pool.nextExpired(now: .start)]
        #expect(closing == [idle, nil])
        let released = [pool.released(busy[0], now: .start), pool.released(busy[1], now: .start)]
        #expect(released == [.close, .keep])
    }

    @Test("a changed time to keep counts for connections that are idle already", arguments: [(10, true), (90, false)])
    func keepChanged(seconds keep: Int, isExpired: Bool) throws {
        var pool = PoolState(limit: 2, keep: .seconds(60))
        let idle = try pool.idleConnection(now: seconds(0))
        pool.keepChanged(to: .seconds(keep))
        let expiry = pool.nextExpiry
        #expect(expiry == seconds(keep))
        let found = pool.nextExpired(now: seconds(70))
        #expect(found == (isExpired ? idle : nil))
    }
}
