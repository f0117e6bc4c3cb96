import UsherCore
import UsherReplication
import UsherTelemetry
import UsherTransport

/// One replica on one worker: its connections, and what this worker has seen of it.
///
/// It outlives its place in the service when a reload takes the replica out while requests are still with it.
///
/// Confinement: the worker's event loop.
final class WorkerEndpoint: UpstreamPoolOwner {
    private(set) var plan: EndpointPlan
    let pool: UpstreamPool
    private unowned let worker: Worker
    /// Nil once the service is gone, which says so itself: a weak reference would slow down its use on the request's
    /// path.
    private unowned(unsafe) var service: WorkerService?
    /// Its place in the service's balancer and metrics; -1 once it was taken out.
    private(set) var index: Int
    /// The control plane's verdict.
    private(set) var availability = EndpointAvailability()
    /// How tries at it ended lately.
    var outcomes = OutcomeWindow()
    /// Tries and tunnels under way.
    private var openTries = 0
    private var onIdle: (() -> Void)?

    init(
        _ plan: EndpointPlan, index: Int, service: WorkerService, worker: Worker,
        _ configuration: UpstreamPool.Configuration
    ) {
        self.plan = plan
        self.index = index
        self.service = service
        self.worker = worker
        self.pool = UpstreamPool(plan.address, configuration, loop: worker.loop)
        self.pool.owner = self
    }

    deinit {
        self.pool.owner = nil
    }

    /// The service goes.
    func detach() {
        self.service = nil
    }

    var id: EndpointID { self.plan.id }

    func move(to plan: EndpointPlan, index: Int) {
        self.plan = plan
        self.index = index
    }

    /// Takes the verdict; true when it says another thing than before.
    func take(_ availability: EndpointAvailability) -> Bool {
        guard availability != self.availability else { return false }
        // What it did before it was taken out says nothing about how it does afterwards.
        if availability.mayBePicked && !self.availability.mayBePicked { self.outcomes.reset() }
        self.availability = availability
        return true
    }

    /// Begins with what the control plane knows.
    func take(_ standing: EndpointStanding.Value) {
        self.availability = standing.availability
        if let address = standing.address { self.pool.move(to: address) }
    }

    /// The replica left the service: what runs finishes, and nothing new begins.
    func leave() {
        self.index = -1
        self.pool.remove()
    }

    /// Nothing runs at this replica.
    var isIdle: Bool { self.openTries == 0 }

    /// Calls `done` as soon as nothing runs at this replica any more.
    func whenIdle(_ done: @escaping () -> Void) {
        if self.isIdle { return done() }
        let earlier = self.onIdle
        self.onIdle = {
            earlier?()
            done()
        }
    }

    func tryStarted() {
        self.openTries += 1
    }

    func tryEnded() {
        self.openTries -= 1
        if self.isIdle, let onIdle = self.onIdle {
            self.onIdle = nil
            onIdle()
        }
    }

    // MARK: Told by the pool

    func poolHasRoom(_ pool: UpstreamPool) {
        self.service?.serveQueue()
    }

    func pool(_ pool: UpstreamPool, connectionIsUp isUp: Bool) {
        guard self.index >= 0, let service = self.service else { return }
        if isUp {
            self.worker.metrics.upstreamConnected(service: service.index, endpoint: self.index)
        } else {
            self.worker.metrics.upstreamDisconnected(service: service.index, endpoint: self.index)
        }
    }

    func pool(_ pool: UpstreamPool, receivedUnaskedBytes count: Int) {
        guard self.index >= 0, let service = self.service else { return }
        self.worker.metrics.receivedUnaskedBytes(service: service.index, endpoint: self.index)
    }
}
