import Logging
import NIOCore
import Synchronization
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherTelemetry
import UsherTransport

/// The control plane's side of one service: its replicas, their health and everything that is learnt of them.
///
/// Known by its name over reloads. May be called from everywhere; a verdict that changes is told to every worker before
/// the next one can change, so that all of them end with the same.
final class ServiceControl: Sendable {
    struct State {
        var plan: ServicePlan
        var health: ServiceHealth
        /// Those in force and those that are being introduced.
        var records: [EndpointID: EndpointRecord] = [:]
        /// Those in force.
        var set = EndpointSet.none
        var nextID: Int32 = 0
        var ejections = EjectionCounts()
        var discovery: DiscoveryState?
    }

    let name: String
    let jobs: JobGroup
    let workers: [Worker]
    let logger: Logger
    let guardExecutable: String
    private let state: Mutex<State>

    init(
        _ plan: ServicePlan, workers: [Worker], jobs: JobGroup, guardExecutable: String, logger: Logger
    ) {
        self.name = plan.name
        self.workers = workers
        self.jobs = jobs
        self.guardExecutable = guardExecutable
        self.logger = logger
        self.state = Mutex(State(plan: plan, health: ServiceHealth(plan.healthConfiguration)))
    }

    func withState<Result: Sendable>(_ body: (inout sending State) -> sending Result) -> Result {
        self.state.withLock { body(&$0) }
    }

    var plan: ServicePlan { self.withState { $0.plan } }

    // MARK: What workers report

    func failuresSeen(_ id: EndpointID, _ cause: EjectionCause) {
        self.update { $0.failuresSeen(id, cause: cause, now: $1) }
    }

    func connectFailed(_ id: EndpointID, reason: String) {
        self.update { $0.connectFailed(id, reason: reason, now: $1) }
    }

    /// The replica answered 503 and said when to come again.
    func pauseAsked(_ id: EndpointID, for pause: Duration) {
        self.update { $0.pauseAsked(id, for: pause, now: $1) }
    }

    // MARK: What operators ask for

    func drain(_ id: EndpointID) -> Bool {
        self.update { $0.drain(id, now: $1) }
    }

    func undrain(_ id: EndpointID) -> Bool {
        self.update { $0.undrain(id, now: $1) }
    }

    // MARK: Changes

    /// Applies an event to the health of the service and tells everybody what it changed; false when that is nothing.
    ///
    /// - Parameter isQuiet: nobody can have heard of the replicas that it is about.
    @discardableResult
    func update(
        isQuiet: Bool = false, _ body: (inout ServiceHealth, MonotonicTime) -> [ServiceHealth.Change]
    ) -> Bool {
        let now = Self.now
        let wall = WallClock.milliseconds()
        let changes = self.withState { state in
            let changes = body(&state.health, now)
            for change in changes {
                state.records[change.id]?.take(change, now: now, wall: wall)
                state.records[change.id]?.plan.standing.set(availability: change.availability)
                state.ejections.count(change)
                if !change.isAnnouncement && !isQuiet { self.tellWorkers(change) }
            }
            return changes
        }
        if !isQuiet { self.spread(changes) }
        return !changes.isEmpty
    }

    private func spread(_ changes: [ServiceHealth.Change]) {
        for change in changes {
            let name = self.withState { $0.records[change.id]?.plan.name }
            guard let name else { continue }
            self.log(change, name)
            if !change.isAnnouncement { self.follow(change) }
        }
    }

    /// Under the lock, so that no two changes overtake each other on their way to a worker.
    private func tellWorkers(_ change: ServiceHealth.Change) {
        let isLost = change.condition == .unready
        for worker in self.workers {
            worker.loop.eventLoop.execute {
                worker.service(of: self)?.setAvailability(change.id, change.availability, isLost: isLost)
            }
        }
    }

    /// What some conditions need so that they end.
    private func follow(_ change: ServiceHealth.Change) {
        switch change.condition {
        case .ejected(let until), .paused(let until):
            self.jobs.add {
                // The two clocks may differ over a suspension of the machine.
                while !Task.isCancelled, Self.now < until {
                    try? await Task.sleep(for: until.elapsed(since: Self.now))
                }
                self.update { $0.timePassed(now: $1) }
            }
        case .unreachable:
            self.jobs.add { await EndpointWatch(self, change.id).probeConnects() }
        case .starting, .ready, .unready, .drained:
            break
        }
    }

    private func log(_ change: ServiceHealth.Change, _ endpoint: String) {
        let metadata: Logger.Metadata = [
            "service": "\(self.name)", "replica": "\(endpoint)", "reason": "\(change.reason)",
        ]
        switch change.condition {
        case .ready where change.isAnnouncement: self.logger.notice("replica is kept", metadata: metadata)
        case .ready: self.logger.info("replica is ready", metadata: metadata)
        case .starting: self.logger.debug("replica is starting", metadata: metadata)
        case .drained: self.logger.notice("replica is drained", metadata: metadata)
        case .unready where !change.availability.mayBePickedInPanic:
            self.logger.info("replica is not ready yet", metadata: metadata)
        case .unready, .unreachable, .ejected, .paused:
            self.logger.warning("replica is \(change.condition.word)", metadata: metadata)
        }
    }

    static var now: MonotonicTime {
        MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds)
    }
}
