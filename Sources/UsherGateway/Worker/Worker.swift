import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherReplication
import UsherTelemetry
import UsherTransport

/// One event loop's share of the gateway, which shares nothing with the others: connections, pools, timers, counters.
///
/// Confinement: one event loop; `@unchecked Sendable` so that the control plane can hold it and hop there.
final class Worker: RequestAcceptor, @unchecked Sendable {
    let index: Int
    let loop: LoopContext
    let snapshot: Snapshot
    let services: [WorkerService]
    var metrics: WorkerMetrics
    var random: SeededRandom
    private var accessLog: AccessLogBatch?
    private var accessLogIsDue = false
    private let accessLogTimer = DeadlineTimer()
    private var connections: [HTTP1ServerConnection] = []
    private(set) var isDraining = false
    private var onDrained: (() -> Void)?

    /// How long a line of the access log may wait for company.
    private static let accessLogDelay: UInt64 = 200_000_000

    init(
        index: Int, snapshot: Snapshot, workers: Int, eventLoop: any EventLoop, accessLog: AccessLogWriter?,
        seed: UInt64
    ) {
        self.index = index
        self.snapshot = snapshot
        let loop = LoopContext(eventLoop: eventLoop)
        self.loop = loop
        self.services = snapshot.services.map { WorkerService($0, loop: loop, workers: workers) }
        self.metrics = WorkerMetrics(names: snapshot.metricNames)
        self.random = SeededRandom(seed: seed)
        let format: AccessLogFormat = snapshot.settings.log.format == .json ? .json : .combined
        self.accessLog = accessLog.map { AccessLogBatch(writer: $0, format: format) }
        self.accessLogTimer.onFire = { [unowned self] _ in self.flushAccessLog() }
        self.countConnections()
    }

    private func countConnections() {
        for service in self.services {
            for (endpoint, pool) in service.pools.enumerated() {
                pool.onChange = { [unowned self] isUp in
                    if isUp {
                        self.metrics.upstreamConnected(service: service.index, endpoint: endpoint)
                    } else {
                        self.metrics.upstreamDisconnected(service: service.index, endpoint: endpoint)
                    }
                }
            }
        }
    }

    // MARK: Connections

    func connectionOpened(_ connection: HTTP1ServerConnection) {
        connection.registryIndex = self.connections.count
        self.connections.append(connection)
        self.metrics.clientConnections += 1
        self.metrics.clientConnectionsTotal += 1
        if self.isDraining { connection.drain() }
    }

    func connectionClosed(_ connection: HTTP1ServerConnection) {
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
        }
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
        for service in self.services { service.close() }
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
