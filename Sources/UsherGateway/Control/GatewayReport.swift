import NIOCore
import UsherConfiguration
import UsherConsole
import UsherCore
import UsherReplication
import UsherTelemetry
import UsherTransport

/// The gateway as its console and metrics see it.
final class GatewayReport: ConsoleSource {
    let plane: ControlPlane
    private let accessLog: AccessLogWriter?
    private let front: FrontDoor
    private let reloader: Reloader

    init(plane: ControlPlane, accessLog: AccessLogWriter?, front: FrontDoor, reloader: Reloader) {
        self.plane = plane
        self.accessLog = accessLog
        self.front = front
        self.reloader = reloader
    }

    /// Ready when it does not drain and every service has a replica that may be picked.
    func readiness() async -> (ready: Bool, reason: String) {
        if self.front.isDraining { return (false, "draining") }
        let current = self.plane.now
        let ready = Set(current.controls.filter { $0.readyCount.ready > 0 }.map(\.name))
        for service in current.snapshot.services where !service.isShard {
            if let shards = service.shards {
                // The others' keys are served.
                if !shards.services.contains(where: ready.contains) {
                    return (false, "no shard of \(service.name) is ready")
                }
            } else if !ready.contains(service.name) {
                return (false, "no replica of \(service.name) is ready")
            }
        }
        return (true, "ready")
    }

    func metrics() async -> String {
        let current = self.plane.now
        return renderPrometheus(
            await self.counted(current.snapshot), control: await self.controlMetrics(current),
            process: ProcessMetrics(
                version: Gateway.version, workers: self.plane.workers.count,
                accessLog: self.accessLog?.counts ?? AccessLogCounts(), usage: ProcessUsage.now()))
    }

    // MARK: Services

    func services() async -> [ServiceReport] {
        let current = self.plane.now
        let counted = await self.counted(current.snapshot)
        let standings = Standings(current.controls)
        return current.controls.enumerated().map { index, control in
            Self.report(on: control, index, counted, standings, withEvents: false)
        }
    }

    func service(named name: String) async -> ServiceReport? {
        let current = self.plane.now
        guard let index = current.controls.firstIndex(where: { $0.name == name }) else { return nil }
        return Self.report(
            on: current.controls[index], index, await self.counted(current.snapshot), Standings(current.controls),
            withEvents: true)
    }

    private static func report(
        on control: ServiceControl, _ index: Int, _ counted: WorkerMetrics, _ standings: Standings, withEvents: Bool
    ) -> ServiceReport {
        let (plan, set, records, discovery) = control.withState { state in
            (state.plan, state.set, state.records, state.discovery)
        }
        let endpoints = set.endpoints.enumerated().compactMap { place, endpoint in
            records[endpoint.id].map { record in
                Self.report(
                    on: record, counted.endpoint(service: index, endpoint: place) ?? EndpointMetrics(),
                    withEvents: withEvents)
            }
        }
        let totals = counted.services.indices.contains(index) ? counted.services[index] : ServiceMetrics()
        let shards = plan.shards
        return ServiceReport(
            name: control.name, pattern: shards == nil ? "replicated" : "sharded",
            balance: plan.settings.balance.rawValue, endpoints: endpoints, shards: shards?.services.count,
            dark: shards.map { $0.darkShare(ready: standings.of($0).map(\.ready)) }, retries: totals.retries,
            queued: totals.queueLength,
            sessionsMoved: plan.sessions == nil ? nil : totals.sessions[SessionOutcome.moved.rawValue],
            discovery: discovery.map { state in
                let port = state.settings.port.map { ":\($0)" } ?? ""
                return .init(
                    name: state.settings.name + port,
                    age: state.answeredAt.map { Int((WallClock.milliseconds() - $0) / 1000) }, count: state.count,
                    error: state.failure)
            })
    }

    private static func report(
        on record: EndpointRecord, _ counted: EndpointMetrics, withEvents: Bool
    ) -> EndpointReport {
        return EndpointReport(
            address: record.address.map { "\($0)" } ?? record.plan.name,
            name: record.plan.key.isProcess ? record.plan.name : nil,
            ready: record.availability.mayBePicked, state: record.condition.word, reason: record.reason,
            sinceUnixSeconds: record.since / 1000, untilUnixSeconds: record.until.map { $0 / 1000 },
            weight: record.plan.weight, backup: record.plan.isBackup, pid: record.pid.map { Int($0) },
            tunnels: counted.tunnels,
            events: withEvents
                ? record.history.events.map {
                    .init(unixMilliseconds: $0.unixMilliseconds, state: $0.condition, reason: $0.reason)
                } : nil,
            counted: counted)
    }

    // MARK: Changes

    func changeEndpoint(service: String, address: String, to change: EndpointChange) async -> ChangeOutcome {
        let controls = self.plane.now.controls
        guard let control = controls.first(where: { $0.name == service }) else {
            return .noSuchService(controls.map(\.name))
        }
        // A replica of a shard is one of the whole service.
        let parts = control.plan.shards.map { shards in
            let names = Set(shards.services)
            return controls.filter { names.contains($0.name) }
        }
        let endpoints = (parts ?? [control]).flatMap { part in
            part.withState { state in state.set.endpoints.compactMap { state.records[$0.id] } }.map { (part, $0) }
        }
        let wanted = endpoints.filter { _, record in
            record.plan.name == address || record.address.map { "\($0)" } == address
        }
        guard !wanted.isEmpty else { return .noSuchEndpoint(endpoints.map(\.1.plan.name)) }
        switch change {
        case .drain:
            return wanted.count(where: { part, record in part.drain(record.plan.id) }) > 0
                ? .done("\(address) of \(service) gets no new requests; those that run finish")
                : .unchanged("\(address) of \(service) is drained already")
        case .undrain:
            return wanted.count(where: { part, record in part.undrain(record.plan.id) }) > 0
                ? .done("\(address) of \(service) may get requests again")
                : .unchanged("\(address) of \(service) is not drained")
        }
    }

    func reload(dryRun: Bool) async -> ReloadReport {
        await self.reloader.reload(dryRun: dryRun)
    }

    // MARK: Certificates

    func certificates() async -> [CertificateReport] {
        let now = WallClock.seconds
        return self.certificateStates.map { CertificateReport($1, usedBy: $0, now: now) }
    }

    private var certificateStates: [(usedBy: String, state: CertificateState)] {
        self.front.certificates.flatMap { listener in
            listener.files.map { (CertificateReport.user(listener: listener.address), $0) }
        }
            + self.plane.now.snapshot.services.compactMap { service in
                service.tls?.files.map { (CertificateReport.user(service: service.name), $0) }
            }
    }

    // MARK: Configuration

    func configurationJSON() async -> String {
        settingsJSON(self.plane.now.snapshot.settings)
    }

    func explain(method: String, url: String, headers: [(String, String)]) async -> Explanation {
        let current = self.plane.now
        let explainer = RequestExplainer(current.snapshot, self.plane.workers.first?.commons)
        var (explanation, request) = explainer.trace(method: method, url: url, headers: headers)
        guard let request, let worker = self.plane.workers.first, current.controls.indices.contains(request.service)
        else { return explanation }
        let root = current.controls[request.service]
        let choice = try? await worker.loop.eventLoop.submit { worker.explain(request, root) }.get()
        if let choice = choice ?? nil {
            let control = choice.control
            explainer.add(choice, of: request, control.plan, control.withState { $0.records }, to: &explanation)
        }
        return explanation
    }

    // MARK: Counters

    /// All workers' counters together; each is copied on its own loop.
    func counted(_ snapshot: Snapshot) async -> WorkerMetrics {
        var total = WorkerMetrics(names: snapshot.metricNames)
        for worker in self.plane.workers {
            guard let metrics = try? await worker.loop.eventLoop.submit({ worker.metrics }).get() else { continue }
            total.merge(metrics)
        }
        return total
    }

    private func controlMetrics(_ current: ControlPlane.Current) async -> ControlMetrics {
        var metrics = ControlMetrics(
            services: current.controls.map(\.metrics), reloads: self.reloader.counts,
            configurationLoadedUnixMilliseconds: current.since)
        metrics.quotas = self.quotaMetrics(current.snapshot)
        metrics.caches = self.cacheMetrics(current.snapshot)
        metrics.sharded = await self.shardMetrics(current)
        let now = WallClock.seconds
        for (usedBy, state) in self.certificateStates {
            metrics.add(
                ControlMetrics.Certificate(
                    usedBy: usedBy, file: state.file, secondsLeft: state.facts.map { $0.notAfter - now },
                    hasProblem: state.problem != nil, replaced: state.replaced, refused: state.refused))
        }
        return metrics
    }
}
