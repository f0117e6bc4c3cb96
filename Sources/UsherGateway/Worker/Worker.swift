import Logging
import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherQuotas
import UsherReplication
import UsherStores
import UsherTelemetry
import UsherTransport

/// One event loop's share of the gateway, which shares nothing with the others: connections, pools, timers, counters.
///
/// Confinement: one event loop; `@unchecked Sendable` so that the control plane can hold it and hop there.
final class Worker: RequestAcceptor, @unchecked Sendable {
    let index: Int
    let loop: LoopContext
    /// How many workers share the limits.
    let workerCount: Int
    private(set) var snapshot: Snapshot
    /// In the order of the snapshot's services.
    private(set) var services: [WorkerService] = []
    /// These, and those that the configuration has no longer while requests are with them.
    private var servicesByControl: [ObjectIdentifier: WorkerService] = [:]
    /// What this worker shares with the others.
    let commons: WorkerCommons
    var metrics: WorkerMetrics
    var credentialCache = CredentialCache()
    /// Credentials that are being verified, with whom to tell.
    var pendingVerdicts: [PendingVerdict: [(CredentialVerdict) -> Void]] = [:]
    /// Credentials whose login the audit knows of.
    var auditedLogins = Worker.noLogins
    /// Who asks each quota most, in the order of the snapshot's quotas.
    var topCallers: [TopCallers] = []
    /// This worker's connections to the stores that gateways share.
    private var stores = QuotaStores()
    var random: SeededRandom
    /// Of requests under way, what was read of their bodies for the sake of a key in them.
    var gatheredBytes = 0
    /// More is not read at once. 64 MiB.
    static let gatheredBytesMax = 64 << 20
    /// Such a body may take as long as `timeouts.total`, and this long in any case: a slow client is not the replica's
    /// fault. A minute.
    static let gatheringMin: UInt64 = 60_000_000_000
    /// Memory for values that are rendered and looked at once.
    var scratch: [UInt8] = []
    private var accessLog: AccessLogBatch?
    private var accessLogIsDue = false
    private let accessLogTimer = DeadlineTimer()
    private var clientLog: ClientLog
    private var connections: [ServerConnection] = []
    private(set) var isDraining = false
    private var onDrained: (() -> Void)?

    private static let noLogins = GenerationMap<CredentialDigest, Void>(capacity: 16_384)

    /// How long a line of the access log may wait for company.
    private static let accessLogDelay: UInt64 = 200_000_000

    init(
        index: Int, of workers: Int, snapshot: Snapshot, eventLoop: any EventLoop, accessLog: AccessLogWriter?,
        commons: WorkerCommons, logger: Logger, seed: UInt64
    ) {
        self.index = index
        self.workerCount = workers
        self.snapshot = snapshot
        self.loop = LoopContext(eventLoop: eventLoop)
        self.commons = commons
        self.metrics = WorkerMetrics(names: snapshot.metricNames)
        self.random = SeededRandom(seed: seed)
        self.clientLog = ClientLog(logger: logger)
        let format: AccessLogFormat = snapshot.settings.log.format == .json ? .json : .combined
        self.accessLog = accessLog.map { AccessLogBatch(writer: $0, format: format) }
        self.accessLogTimer.onFire = { [unowned self] _ in self.flushAccessLog() }
    }

    // MARK: Snapshots

    /// Goes by another snapshot from the next request on; what runs goes on as it began.
    ///
    /// - Parameter controls: of the snapshot's services, in their order.
    func apply(_ snapshot: Snapshot, _ controls: [ServiceControl]) {
        let services = zip(snapshot.services, controls).enumerated().map { index, pair in
            let (plan, control) = pair
            if let known = self.servicesByControl[ObjectIdentifier(control)] { return known }
            let service = WorkerService(plan, index: index, control: control, worker: self)
            self.servicesByControl[ObjectIdentifier(control)] = service
            return service
        }
        // Where each stood; there may be thousands of shards.
        var places: [ObjectIdentifier: Int] = [:]
        for (index, service) in self.services.enumerated() { places[ObjectIdentifier(service)] = index }
        let earlierPlaces = services.map { places.removeValue(forKey: ObjectIdentifier($0)) }
        for index in places.values { self.services[index].retire() }
        let origins = services.indices.map { index in
            services[index].update(snapshot.services[index], snapshot.endpoints[index], index: index)
        }
        self.metrics.move(
            to: snapshot.metricNames, services: earlierPlaces, endpoints: origins)
        if snapshot.credentials !== self.snapshot.credentials {
            // What other files may see otherwise is looked at again.
            self.credentialCache.filesChanged(from: self.snapshot.credentials, to: snapshot.credentials)
            self.auditedLogins = Self.noLogins
        }
        self.moveTopCallers(to: snapshot)
        self.stores.update(snapshot.quotas, on: self.loop.eventLoop)
        self.snapshot = snapshot
        self.services = services
        self.connectShards()
        for service in services { service.snapshotIsInForce() }
    }

    /// Sharded services find their shards among the others.
    private func connectShards() {
        guard self.services.contains(where: { $0.plan.shards != nil || $0.shards != nil }) else { return }
        let named = Dictionary(
            self.services.map { ($0.plan.name, $0) }, uniquingKeysWith: { first, _ in first })
        for service in self.services where service.shards?.plan !== service.plan.shards {
            service.shards = service.plan.shards.flatMap { plan in
                WorkerShards(plan, known: service.shards, worker: self) { named[$0] }
            }
        }
    }

    private func moveTopCallers(to snapshot: Snapshot) {
        let (old, new) = (self.snapshot.metricNames.classes, snapshot.metricNames.classes)
        self.topCallers = snapshot.quotas.map { quota in
            guard let place = self.snapshot.quotas.firstIndex(where: { $0.name == quota.name }) else {
                return TopCallers()
            }
            var callers = self.topCallers[place]
            if old != new { callers.renumber(classes: old.map { name in new.firstIndex(of: name) }) }
            return callers
        }
    }

    /// Nil: the quota is counted here alone.
    func store(of quota: QuotaPlan) -> RedisQuotaStore? {
        quota.redis.flatMap { self.stores[$0.settings] }
    }

    func service(of control: ServiceControl) -> WorkerService? {
        self.servicesByControl[ObjectIdentifier(control)]
    }

    /// A service that was retired has no request left.
    func isOver(_ service: WorkerService) {
        self.servicesByControl[ObjectIdentifier(service.control)] = nil
    }

    /// Calls `done` as soon as nothing runs any more at a replica that was taken out.
    func whenDrained(_ id: EndpointID, of control: ServiceControl, _ done: @escaping () -> Void) {
        if let service = self.service(of: control) { service.whenDrained(id, done) } else { done() }
    }

    /// The number that a route's counters have now; a request may have begun under an older snapshot.
    func routeIndex(of plan: RoutePlan) -> Int {
        let routes = self.snapshot.routes
        if routes.indices.contains(plan.index), routes[plan.index] === plan { return plan.index }
        return routes.firstIndex { $0.name == plan.name } ?? -1
    }

    /// The service that a route leads to now; nil: a reload took it out while the request waited to be admitted.
    func service(of destination: RoutePlan.Destination, _ plan: RoutePlan) -> WorkerService? {
        let routes = self.snapshot.routes
        if routes.indices.contains(plan.index), routes[plan.index] === plan {
            return self.services[destination.service]
        }
        return self.services.first { $0.plan.name == destination.name }
    }

    /// The number that a quota's counters have now; see `routeIndex`.
    func quotaIndex(of plan: QuotaPlan) -> Int {
        let quotas = self.snapshot.quotas
        if quotas.indices.contains(plan.index), quotas[plan.index] === plan { return plan.index }
        return quotas.firstIndex { $0.name == plan.name } ?? -1
    }

    // MARK: Connections

    func connectionOpened(_ connection: ServerConnection) {
        connection.registryIndex = self.connections.count
        self.connections.append(connection)
        self.metrics.clientConnections += 1
        self.metrics.clientConnectionsTotal += 1
        if self.isDraining { connection.drain() }
    }

    func connection(_ connection: ServerConnection, becomes other: ServerConnection) {
        let index = connection.registryIndex
        guard self.connections.indices.contains(index), self.connections[index] === connection else { return }
        connection.registryIndex = -1
        other.registryIndex = index
        self.connections[index] = other
        if self.isDraining { other.drain() }
    }

    func connectionClosed(_ connection: ServerConnection) {
        let index = connection.registryIndex
        guard self.connections.indices.contains(index), self.connections[index] === connection else { return }
        let last = self.connections.removeLast()
        if last !== connection {
            self.connections[index] = last
            last.registryIndex = index
        }
        self.metrics.clientConnections -= 1
        if self.isDraining && self.connections.isEmpty { self.drained() }
    }

    func connectionRefused(_ admission: ConnectionCounts.Admission) {
        switch admission {
        case .admitted: break
        case .tooMany: self.metrics.connectionRefused(.connections)
        case .tooManyFromClient: self.metrics.connectionRefused(.connectionsPerClient)
        case .outOfDescriptors: self.metrics.connectionRefused(.fileDescriptors)
        case .untrustedProxy: self.metrics.connectionRefused(.untrustedProxy)
        case .badProxyHeader: self.metrics.connectionRefused(.badProxyHeader)
        case .denied: self.metrics.connectionRefused(.denied)
        case .tooFast: self.metrics.connectionRefused(.newConnectionsPerClient)
        case .overloaded: self.metrics.connectionRefused(.overloaded)
        }
    }

    func handshakeEnded(_ outcome: HandshakeOutcome, with peer: Peer) {
        self.metrics.handshakeEnded(outcome.end)
        self.clientLog.note(outcome, with: peer, now: self.loop.now)
    }

    func http2Failed(_ reason: StaticReason, with peer: Peer) {
        self.metrics.http2Failures &+= 1
        self.clientLog.note(reason, with: peer, now: self.loop.now)
    }

    /// Lets the connections of a listener that is closed finish what they do.
    func drainConnections(of listener: Int) {
        for connection in self.connections where connection.listener.id == listener { connection.drain() }
    }

    /// Ends idle connections now and the others after their answer; `done` is called when none is left.
    func drain(done: @escaping () -> Void) {
        self.isDraining = true
        self.onDrained = done
        for connection in self.connections { connection.drain() }
        if self.connections.isEmpty { self.drained() }
    }

    /// Cuts off what is still open, at the end of the time that draining may take.
    func closeAll() {
        for connection in self.connections { connection.abort() }
    }

    private func drained() {
        self.onDrained?()
        self.onDrained = nil
    }

    /// The last call: nothing is sent or logged afterwards.
    func close() {
        for service in Array(self.servicesByControl.values) { service.close() }
        self.stores.close()
        self.flushAccessLog()
        self.loop.cancel(self.accessLogTimer)
        self.accessLogTimer.onFire = nil
    }

    // MARK: Accounts

    /// Counts and logs one finished request.
    func account(_ entry: borrowing AccessEntry, route: Int, service: Int, head: RequestHead?) {
        self.metrics.requestEnded(
            route: route, service: service, status: entry.status, nanoseconds: entry.durationNanoseconds,
            bytesIn: entry.bytesIn, bytesOut: entry.bytesOut)
        guard self.accessLog != nil else { return }
        self.accessLog?.append(entry, head: head)
        if !self.accessLogIsDue {
            self.accessLogIsDue = true
            self.loop.schedule(self.accessLogTimer, after: Self.accessLogDelay, now: self.loop.now)
        }
    }

    private func flushAccessLog() {
        self.accessLogIsDue = false
        self.accessLog?.flush()
    }
}
