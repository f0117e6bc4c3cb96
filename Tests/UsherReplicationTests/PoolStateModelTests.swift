import Testing
import UsherCore
import UsherReplication

/// What the pool must do, written as simply as can be: lists that are searched.
private struct PoolModel {
    var limit: Int
    let keep: Duration
    var connecting: [ConnectionID] = []
    var busy: [ConnectionID] = []
    /// Oldest first.
    var idle: [(id: ConnectionID, since: MonotonicTime)] = []
    var gone: [ConnectionID] = []
    var isRemoved = false

    var count: Int { connecting.count + busy.count + idle.count }

    mutating func close(_ id: ConnectionID) -> Bool {
        let before = count
        connecting.removeAll { $0 == id }
        busy.removeAll { $0 == id }
        idle.removeAll { $0.id == id }
        if count < before { gone.append(id) }
        return count < before
    }

    func isExpired(_ since: MonotonicTime, now: MonotonicTime) -> Bool { now >= since.advanced(by: keep) }
}

/// Random events, most of them legal, against the pool and the model at once.
private struct PoolRun: ~Copyable {
    var pool: PoolState
    var model: PoolModel
    var random: SeededRandom
    var now = MonotonicTime.start

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        let limit = 1 + random.below(8)
        let keep = Duration.milliseconds(1 + random.below(200))
        pool = PoolState(limit: limit, keep: keep)
        model = PoolModel(limit: limit, keep: keep)
    }

    mutating func anyID() -> ConnectionID {
        let lists = [model.connecting, model.busy, model.idle.map(\.id), Array(model.gone.suffix(5))]
        let list = lists[random.below(4)]
        return list.isEmpty ? ConnectionID(slot: random.below(10) - 1, generation: 7) : list[random.below(list.count)]
    }

    mutating func step() {
        now = now.advanced(by: .milliseconds(random.below(20)))
        switch random.below(20) {
        case 0..<7: acquire(fresh: random.below(5) == 0)
        case 7..<10:
            let id = anyID()
            let isLegal = model.connecting.contains(id)
            let result = pool.connected(id)
            #expect(result == isLegal)
            if isLegal {
                model.connecting.removeAll { $0 == id }
                model.busy.append(id)
            }
        case 10:
            let id = anyID()
            let isLegal = model.connecting.contains(id)
            let result = pool.connectFailed(id)
            #expect(result == isLegal)
            if isLegal { _ = model.close(id) }
        case 11..<16: release(anyID())
        case 16:
            let id = anyID()
            let expected = model.close(id)
            let result = pool.closed(id)
            #expect(result == expected)
        case 17:
            guard random.below(10) == 0 else { return }
            model.limit = 1 + random.below(8)
            pool.limitChanged(to: model.limit)
        default: expire()
        }
    }

    mutating func acquire(fresh: Bool) {
        let action = pool.acquire(fresh: fresh, now: now)
        if model.isRemoved {
            #expect(action == .removed)
            return
        }
        if !fresh, let newest = model.idle.last, !model.isExpired(newest.since, now: now) {
            #expect(action == .use(newest.id))
            model.idle.removeLast()
            model.busy.append(newest.id)
            return
        }
        switch action {
        case .connect(let id):
            let hasPlace = model.count < model.limit
            #expect(hasPlace)
            connecting(id)
        case .replace(let evicted, let id):
            let mustEvict = model.count >= model.limit
            let oldest = model.idle.first?.id
            #expect(mustEvict && evicted == oldest)
            _ = model.close(evicted)
            connecting(id)
        case .full:
            let isFull = model.count >= model.limit && model.idle.isEmpty
            #expect(isFull)
        case .use, .removed:
            Issue.record("\(action)")
        }
    }

    mutating func connecting(_ id: ConnectionID) {
        let live = model.connecting + model.busy + model.idle.map(\.id)
        let isNew = !live.contains { $0.slot == id.slot } && !model.gone.contains(id)
        #expect(isNew)
        model.connecting.append(id)
    }

    mutating func release(_ id: ConnectionID) {
        let action = pool.released(id, now: now)
        guard model.busy.contains(id) else {
            #expect(action == .ignored)
            return
        }
        if model.isRemoved || model.count > model.limit {
            #expect(action == .close)
            _ = model.close(id)
        } else {
            #expect(action == .keep)
            model.busy.removeAll { $0 == id }
            model.idle.append((id, now))
        }
    }

    mutating func expire() {
        let closing = pool.nextExpired(now: now)
        guard let oldest = model.idle.first,
            model.isRemoved || model.count > model.limit || model.isExpired(oldest.since, now: now)
        else {
            #expect(closing == nil)
            return
        }
        #expect(closing == oldest.id)
        _ = model.close(oldest.id)
    }

    func compare() {
        let counts = [pool.connectingCount, pool.busyCount, pool.idleCount]
        let expected = [model.connecting.count, model.busy.count, model.idle.count]
        #expect(counts == expected)
        let expiry = pool.nextExpiry
        let expectedExpiry = model.idle.first?.since.advanced(by: model.keep)
        #expect(expiry == expectedExpiry)
    }
}

@Suite struct PoolStateModelTests {
    @Test("any sequence of events gives what the simple model gives", arguments: 1...20 as ClosedRange<UInt64>)
    func againstModel(seed: UInt64) {
        var run = PoolRun(seed: seed)
        for _ in 0..<3_000 { run.step() }
        run.compare()
        run.model.isRemoved = true
        run.pool.removed()
        for _ in 0..<500 { run.step() }
        run.compare()
    }
}
