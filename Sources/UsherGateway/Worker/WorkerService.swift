import NIOCore
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherTransport

/// One worker's part of a replicated service: who may be picked, its connections, its queue and its retry budget.
///
/// It is known by its name: a reload changes what it says and whom it knows, and requests go on.
///
/// Confinement: the worker's event loop.
final class WorkerService {
    /// Its place among the worker's services; -1 once the configuration has it no longer.
    private(set) var index: Int
    private(set) var plan: ServicePlan
    private(set) var set = EndpointSet.none
    /// In the order of `set`.
    private(set) var endpoints: [WorkerEndpoint] = []
    private(set) var balancer: Balancer
    let control: ServiceControl
    /// Nil: it has replicas of its own.
    var shards: WorkerShards?
    /// Where each endpoint stands; made when it is asked for.
    private var places: [EndpointID: Int]?
    /// Taken out while requests were with them.
    private var leaving: [EndpointID: WorkerEndpoint] = [:]
    private(set) var availableCount = 0
    /// Too few replicas are ready: all that once were are used.
    private(set) var isPanicking = false
    /// The pools go by an older plan.
    private var poolsAreBehind = false
    private var budget: RetryBudget
    private var queue = CircularBuffer<(exchange: Exchange, ticket: UInt64)>()
    private var isServingAll = false
    /// Requests under way.
    private var exchangeCount = 0
    private unowned let worker: Worker

    init(_ plan: ServicePlan, index: Int, control: ServiceControl, worker: Worker) {
        self.index = index
        self.plan = plan
        self.control = control
        self.worker = worker
        self.balancer = Balancer(
            policy: plan.settings.balance, endpoints: [], slowStart: plan.settings.slowStart)
        self.budget = plan.retryBudget(workers: worker.workerCount, now: worker.loop.now)
    }

    deinit {
        for endpoint in self.endpoints { endpoint.detach() }
        for endpoint in self.leaving.values { endpoint.detach() }
    }

    // MARK: Picking

    enum Choice {
        case endpoint(WorkerEndpoint)
        case noneReady
        case allTried
    }

    /// Chooses a replica for one try.
    ///
    /// - Parameter affinity: nil: whatever the key is, any replica will do.
    func choose(
        excluding tried: TriedEndpoints, session: inout Session?, affinity: KeyAffinity?, now: MonotonicTime,
        random: inout SeededRandom
    ) -> Choice {
        if session != nil, let index = self.follow(&session, excluding: tried) {
            return .endpoint(self.endpoints[index])
        }
        if let affinity, let index = self.home(of: affinity, excluding: tried, random: &random) {
            return .endpoint(self.endpoints[index])
        }
        switch self.balancer.pick(excluding: tried, now: now, random: &random) {
        case .endpoint(let index): return .endpoint(self.endpoints[index])
        case .noneReady: return .noneReady
        case .allTried: return .allTried
        }
    }

    /// The replica that a request would get now; nobody's turn is taken.
    func preview(
        session: inout Session?, affinity: KeyAffinity?, now: MonotonicTime, random: SeededRandom
    ) -> WorkerEndpoint? {
        if session != nil, let index = self.follow(&session, excluding: .init()) { return self.endpoints[index] }
        var random = random
        if let affinity, let index = self.home(of: affinity, excluding: .init(), random: &random) {
            return self.endpoints[index]
        }
        switch self.balancer.preview(excluding: .init(), now: now, random: &random) {
        case .endpoint(let index): return self.endpoints[index]
        case .noneReady, .allTried: return nil
        }
    }

    /// The replica of a session: the one it was with, else the first of its own order that may be picked; nil when
    /// there is none.
    private func follow(_ session: inout Session?, excluding tried: TriedEndpoints) -> Int? {
        func isAvailable(_ index: Int) -> Bool {
            self.balancer.isReady(index) && !tried.contains(self.endpoints[index].id)
        }
        guard let rendezvous = self.set.rendezvous else { return nil }
        if let wanted = session?.wanted, let index = rendezvous.index(of: wanted), isAvailable(index) {
            session?.outcome = .kept
            return index
        }
        guard let key = session?.key else { return nil }
        let bound = self.plan.sessions?.bound
        let picked = rendezvous.pick(key) {
            isAvailable($0)
        } isFull: { index in
            guard let bound else { return false }
            // This worker's share stands for the whole: which worker gets a client's connection is chance.
            return bound.isFull(
                load: self.balancer.inFlight(index), weight: self.set.endpoints[index].weight,
                ofWeights: self.readyWeight, inFlight: self.balancer.inFlightCount)
        }
        guard let picked else { return nil }
        session?.picked(isFirstChoice: picked.isFirstChoice)
        return picked.index
    }

    private var readyWeight = 0

    /// Another replica than this one may take the request.
    func hasAnother(than endpoint: WorkerEndpoint, excluding tried: TriedEndpoints) -> Bool {
        self.endpoints.contains { other in
            other !== endpoint && self.balancer.isReady(other.index) && !tried.contains(other.id)
        }
    }

    /// A ready replica that can take a request at once, so that nobody waits for a busy one beside it.
    func free(besides full: WorkerEndpoint, excluding tried: TriedEndpoints) -> WorkerEndpoint? {
        self.endpoints.first { other in
            other !== full && other.plan.isBackup == full.plan.isBackup && self.balancer.isReady(other.index)
                && !tried.contains(other.id) && other.pool.hasRoom
        }
    }

    // MARK: Tries

    func tryStarted(_ endpoint: WorkerEndpoint, now: MonotonicTime) {
        endpoint.tryStarted()
        self.balancer.requestStarted(endpoint.index, now: now)
    }

    /// - Parameter latencyNanoseconds: to the answer's first byte; nil when that says nothing about the replica.
    func trySucceeded(_ endpoint: WorkerEndpoint, latencyNanoseconds: UInt64?, now: MonotonicTime) {
        if latencyNanoseconds != nil { _ = endpoint.outcomes.record(failed: false, now: now, self.plan.ejection) }
        let isWanted = self.plan.settings.balance == .latency
        let latency = isWanted ? latencyNanoseconds.map { Duration.nanoseconds(Int64(clamping: $0)) } : nil
        self.balancer.requestEnded(endpoint.index, latency: latency, now: now)
        endpoint.tryEnded()
    }

    /// - Parameter isOutcome: it says how the replica answers; a refused connection is judged by itself.
    func tryFailed(_ endpoint: WorkerEndpoint, isOutcome: Bool, now: MonotonicTime) {
        self.balancer.requestFailed(endpoint.index, now: now)
        if isOutcome, let cause = endpoint.outcomes.record(failed: true, now: now, self.plan.ejection) {
            self.control.failuresSeen(endpoint.id, cause)
        }
        endpoint.tryEnded()
    }

    func requestArrived(now: MonotonicTime) {
        self.exchangeCount += 1
        // A sharded service retries nothing itself.
        if self.shards == nil { self.budget.requestArrived(now: now) }
    }

    func requestEnded() {
        self.exchangeCount -= 1
        if self.index < 0 && self.exchangeCount == 0 { self.close() }
    }

    /// As of the last event; `mayRetry` decides.
    var hasRetriesLeft: Bool { self.budget.available > 0 }

    func mayRetry(now: MonotonicTime) -> Bool {
        self.budget.mayRetry(now: now)
    }

    // MARK: Changes

    /// Takes over what a snapshot says of this service; `snapshotIsInForce` follows.
    ///
    /// - Returns: for each endpoint of the new set its place in the old one; nil when the places are as before.
    func update(_ plan: ServicePlan, _ set: EndpointSet, index: Int) -> [Int?]? {
        self.index = index
        let isSamePlan = plan === self.plan
        if !isSamePlan { self.take(plan) }
        guard set !== self.set || !isSamePlan else { return nil }
        let origins = self.take(set)
        self.balancer.replace(
            policy: plan.settings.balance,
            endpoints: set.endpoints.map { .init(id: $0.id, weight: $0.weight, isBackup: $0.isBackup) },
            slowStart: plan.settings.slowStart)
        self.applyAvailability()
        return origins
    }

    private func take(_ plan: ServicePlan) {
        if plan.settings.retries != self.plan.settings.retries {
            self.budget = plan.retryBudget(workers: self.worker.workerCount, now: self.worker.loop.now)
        }
        self.plan = plan
        self.poolsAreBehind = true
    }

    /// The whole snapshot is in force. Only now may anything happen that is counted: before, the places of services and
    /// endpoints were partly the old ones.
    func snapshotIsInForce() {
        if self.poolsAreBehind {
            self.poolsAreBehind = false
            let configuration = self.plan.poolConfiguration(workers: self.worker.workerCount)
            for endpoint in self.endpoints { endpoint.pool.update(configuration) }
        }
        self.serveQueue()
    }

    private func take(_ set: EndpointSet) -> [Int?] {
        let configuration = self.plan.poolConfiguration(workers: self.worker.workerCount)
        let old = self.endpoints
        // Identities only grow, so that what is above all that were there is new without a look.
        let newest = old.lazy.map(\.id.number).max() ?? -1
        var isStaying = [Bool](repeating: false, count: old.count)
        var origins: [Int?] = []
        origins.reserveCapacity(set.endpoints.count)
        let endpoints = set.endpoints.enumerated().map { index, plan in
            let place = plan.id.number <= newest ? self.place(of: plan.id, near: index) : nil
            origins.append(place)
            guard let place else {
                return WorkerEndpoint(plan, index: index, service: self, worker: self.worker, configuration)
            }
            isStaying[place] = true
            old[place].move(to: plan, index: index)
            return old[place]
        }
        for (endpoint, stays) in zip(old, isStaying) where !stays { self.dismiss(endpoint) }
        self.endpoints = endpoints
        self.set = set
        self.places = nil
        // Read after the set is in place: what changes from now on is told to this worker as well.
        for (endpoint, origin) in zip(endpoints, origins) where origin == nil {
            endpoint.take(endpoint.plan.standing.now)
        }
        return origins
    }

    /// Where an endpoint stands now; mostly where it stood before.
    private func place(of id: EndpointID, near index: Int) -> Int? {
        if self.endpoints.indices.contains(index), self.endpoints[index].id == id { return index }
        if let places = self.places { return places[id] }
        let places = Dictionary(
            self.endpoints.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.places = places
        return places[id]
    }

    private func endpoint(_ id: EndpointID) -> WorkerEndpoint? {
        self.place(of: id, near: Int(id.number)).map { self.endpoints[$0] }
    }

    private func dismiss(_ endpoint: WorkerEndpoint) {
        endpoint.leave()
        guard !endpoint.isIdle else { return }
        self.leaving[endpoint.id] = endpoint
        endpoint.whenIdle { [weak self] in self?.leaving[endpoint.id] = nil }
    }

    /// Calls `done` as soon as nothing runs any more at a replica that was taken out.
    func whenDrained(_ id: EndpointID, _ done: @escaping () -> Void) {
        if let endpoint = self.leaving[id] ?? self.endpoint(id) { endpoint.whenIdle(done) } else { done() }
    }

    /// The control plane's verdict on one replica changed.
    ///
    /// - Parameter isLost: it failed its checks: who waits for its answer had better ask another.
    func setAvailability(_ id: EndpointID, _ availability: EndpointAvailability, isLost: Bool) {
        guard let endpoint = self.endpoint(id) else { return }
        let couldBePicked = endpoint.availability.mayBePicked
        guard endpoint.take(availability) else { return }
        if couldBePicked != availability.mayBePicked { self.availableCount += couldBePicked ? -1 : 1 }
        self.applyAvailability(of: endpoint)
        if self.balancer.isReady(endpoint.index) { self.serveQueue() }
        if isLost { endpoint.pool.failWaiting(.init(.takenOut, "the replica was taken out before it answered")) }
    }

    private func applyAvailability(of endpoint: WorkerEndpoint) {
        let panics = self.plan.panic.isPanic(ready: self.availableCount, of: self.endpoints.count)
        guard panics == self.isPanicking else { return self.applyAvailability() }
        let wasReady = self.balancer.isReady(endpoint.index)
        self.setReady(endpoint)
        let isReady = self.balancer.isReady(endpoint.index)
        if isReady != wasReady { self.readyWeight += isReady ? endpoint.plan.weight : -endpoint.plan.weight }
    }

    private func applyAvailability() {
        self.availableCount = self.endpoints.count { $0.availability.mayBePicked }
        self.isPanicking = self.plan.panic.isPanic(ready: self.availableCount, of: self.endpoints.count)
        self.readyWeight = 0
        for endpoint in self.endpoints {
            self.setReady(endpoint)
            if self.balancer.isReady(endpoint.index) { self.readyWeight += endpoint.plan.weight }
        }
    }

    private func setReady(_ endpoint: WorkerEndpoint) {
        let availability = endpoint.availability
        let isReady = availability.mayBePicked || (self.isPanicking && availability.mayBePickedInPanic)
        self.balancer.setReady(endpoint.index, isReady, rampFrom: availability.rampFrom)
    }

    func move(_ id: EndpointID, to address: ReplicaAddress) {
        self.endpoint(id)?.pool.move(to: address)
    }

    /// The configuration has this service no longer: requests that are under way finish.
    func retire() {
        self.index = -1
        if self.exchangeCount == 0 { self.close() }
    }

    /// Closes what is idle; called when nobody needs the service any more.
    func close() {
        for endpoint in self.endpoints { self.dismiss(endpoint) }
        self.worker.isOver(self)
    }

    // MARK: The queue

    /// Lets a request wait for a free connection; false when too many wait already.
    ///
    /// - Parameter isFirst: it has waited before, and found nothing when its turn came.
    func enqueue(_ exchange: Exchange, ticket: UInt64, isFirst: Bool) -> Bool {
        self.dropAbandoned()
        guard isFirst || self.queue.count < self.plan.queuePerWorker else { return false }
        if isFirst && !self.isServingAll {
            self.queue.prepend((exchange, ticket))
        } else {
            self.queue.append((exchange, ticket))
        }
        return true
    }

    /// Connections may be free: those that waited longest try again, until one has to go on waiting.
    func serveQueue() {
        // With sessions, and with keys that have replicas, each waits for one of its own, and one that has to go on
        // holds nobody up.
        if self.plan.sessions != nil || self.plan.isShard { return self.serveAll() }
        while true {
            self.dropAbandoned()
            guard let first = self.queue.popFirst() else { return }
            first.exchange.leaveQueue(first.ticket)
            if let next = self.queue.first, next.exchange === first.exchange { return }
        }
    }

    private func serveAll() {
        guard !self.queue.isEmpty, !self.isServingAll else { return }
        self.isServingAll = true
        defer { self.isServingAll = false }
        var waiting = CircularBuffer<(exchange: Exchange, ticket: UInt64)>()
        swap(&waiting, &self.queue)
        // Who has to go on waiting enters the queue again, in the order in which it is tried here.
        for entry in waiting where entry.exchange.isWaiting(entry.ticket) { entry.exchange.leaveQueue(entry.ticket) }
    }

    private func dropAbandoned() {
        while let first = self.queue.first, !first.exchange.isWaiting(first.ticket) { self.queue.removeFirst() }
    }
}
