import NIOCore
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherTransport

/// One worker's part of a replicated service: who may be picked, its connections, its queue and its retry budget.
///
/// Confinement: the worker's event loop.
final class WorkerService {
    /// What is known of one replica on this worker.
    private struct ReplicaState {
        /// The control plane's verdict.
        var isReady = false
        /// Was ready once: used again when nothing else is left (`panic`).
        var wasReady = false
        /// Connecting failed here a moment ago; not picked until then.
        var suspendedUntil: UInt64 = 0
        var failedConnects = 0
    }

    let index: Int
    let plan: ServicePlan
    let pools: [UpstreamPool]
    private(set) var balancer: Balancer
    private var replicas: [ReplicaState]
    private var budget: RetryBudget
    private var queue = CircularBuffer<(exchange: Exchange, ticket: UInt64)>()
    private let loop: LoopContext
    private let revival = DeadlineTimer()

    init(_ plan: ServicePlan, loop: LoopContext, workers: Int) {
        self.index = plan.index
        self.plan = plan
        self.loop = loop
        let configuration = plan.poolConfiguration(workers: workers)
        self.pools = plan.replicas.map { UpstreamPool($0.address, configuration, loop: loop) }
        self.balancer = Balancer(
            policy: plan.balance,
            endpoints: plan.replicas.map { .init(weight: $0.weight, isBackup: $0.isBackup) })
        self.replicas = Array(repeating: ReplicaState(), count: plan.replicas.count)
        self.budget = plan.retryBudget(workers: workers, now: loop.now)
        if plan.isReadyAtOnce {
            for index in plan.replicas.indices { self.setReady(index, true) }
        }
        for pool in self.pools { pool.onFree = { [unowned self] in self.serveQueue() } }
        self.revival.onFire = { [unowned self] now in self.revive(now: now) }
    }

    // MARK: Picking

    enum Choice {
        case replica(Int)
        case noneReady
        case allTried
    }

    /// Chooses a replica for one try. When none is ready, one that was ready before is better than nothing: its
    /// readiness check may be what is wrong, and a refused connection costs little.
    func choose(excluding tried: TriedEndpoints, now: MonotonicTime, random: inout SeededRandom) -> Choice {
        switch self.balancer.pick(excluding: tried, now: now, random: &random) {
        case .endpoint(let index): return .replica(index)
        case .allTried: return .allTried
        case .noneReady: break
        }
        let start = random.below(self.replicas.count)
        for offset in self.replicas.indices {
            let index = (start + offset) % self.replicas.count
            if self.replicas[index].wasReady && !tried.contains(index) { return .replica(index) }
        }
        return tried.isEmpty ? .noneReady : .allTried
    }

    func tryStarted(_ replica: Int, now: MonotonicTime) {
        self.balancer.requestStarted(replica, now: now)
    }

    /// - Parameter latencyNanoseconds: to the answer's first byte; nil when that says nothing about the replica.
    func tryEnded(_ replica: Int, latencyNanoseconds: UInt64?, now: MonotonicTime) {
        let isWanted = self.plan.balance == .latency
        let latency = isWanted ? latencyNanoseconds.map { Duration.nanoseconds(Int64(clamping: $0)) } : nil
        self.balancer.requestEnded(replica, latency: latency, now: now)
    }

    func tryFailed(_ replica: Int, now: MonotonicTime) {
        self.balancer.requestFailed(replica, now: now)
    }

    func requestArrived(now: MonotonicTime) {
        self.budget.requestArrived(now: now)
    }

    func mayRetry(now: MonotonicTime) -> Bool {
        self.budget.mayRetry(now: now)
    }

    // MARK: Readiness

    /// The control plane's verdict changed.
    func setReady(_ replica: Int, _ isReady: Bool) {
        guard self.replicas.indices.contains(replica) else { return }
        self.replicas[replica].isReady = isReady
        if isReady {
            self.replicas[replica].wasReady = true
            self.replicas[replica].suspendedUntil = 0
            self.replicas[replica].failedConnects = 0
        }
        self.balancer.setReady(replica, isReady)
        if isReady {
            self.serveQueue()
        } else {
            self.pools[replica].failWaiting(.init(.takenOut, "the replica was taken out before it answered"))
        }
    }

    func move(_ replica: Int, to address: ReplicaAddress) {
        guard self.pools.indices.contains(replica) else { return }
        self.pools[replica].move(to: address)
    }

    /// A replica that refuses connections is not asked again for a moment: 250 ms, doubled up to 8 s.
    func connectFailed(_ replica: Int, now: MonotonicTime) {
        guard self.replicas.indices.contains(replica) else { return }
        let doublings = min(self.replicas[replica].failedConnects, 5)
        self.replicas[replica].failedConnects += 1
        self.replicas[replica].suspendedUntil = now.nanoseconds &+ 250_000_000 << UInt64(doublings)
        self.balancer.setReady(replica, false)
        self.scheduleRevival(now: now)
    }

    func connectSucceeded(_ replica: Int) {
        guard self.replicas.indices.contains(replica) else { return }
        self.replicas[replica].failedConnects = 0
        if self.replicas[replica].suspendedUntil != 0 {
            self.replicas[replica].suspendedUntil = 0
            self.balancer.setReady(replica, self.replicas[replica].isReady)
        }
    }

    private func scheduleRevival(now: MonotonicTime) {
        let next = self.replicas.lazy.map(\.suspendedUntil).filter { $0 != 0 }.min()
        if let next { self.loop.schedule(self.revival, at: next, now: now) }
    }

    private func revive(now: MonotonicTime) {
        for index in self.replicas.indices where self.replicas[index].suspendedUntil != 0 {
            guard self.replicas[index].suspendedUntil <= now.nanoseconds else { continue }
            self.replicas[index].suspendedUntil = 0
            self.balancer.setReady(index, self.replicas[index].isReady)
        }
        self.scheduleRevival(now: now)
        self.serveQueue()
    }

    // MARK: The queue

    /// How many requests may wait on this worker.
    private var queueMax: Int { self.plan.queuePerWorker }

    /// Lets a request wait for a free connection; false when too many wait already.
    ///
    /// - Parameter isFirst: it has waited before, and found nothing when its turn came.
    func enqueue(_ exchange: Exchange, ticket: UInt64, isFirst: Bool) -> Bool {
        self.dropAbandoned()
        guard isFirst || self.queue.count < self.queueMax else { return false }
        if isFirst {
            self.queue.prepend((exchange, ticket))
        } else {
            self.queue.append((exchange, ticket))
        }
        return true
    }

    /// Connections may be free: those that waited longest try again, until one has to go on waiting.
    private func serveQueue() {
        while true {
            self.dropAbandoned()
            guard let first = self.queue.popFirst() else { return }
            first.exchange.leaveQueue(first.ticket)
            if let next = self.queue.first, next.exchange === first.exchange { return }
        }
    }

    private func dropAbandoned() {
        while let first = self.queue.first, !first.exchange.isWaiting(first.ticket) { self.queue.removeFirst() }
    }

    /// Closes what is idle; called when the worker goes.
    func close() {
        self.loop.cancel(self.revival)
        for pool in self.pools {
            pool.onFree = nil
            pool.remove()
        }
    }
}
