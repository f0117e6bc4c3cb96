import NIOCore
import UsherConfiguration
import UsherConsole
import UsherCore
import UsherReplication
import UsherTelemetry
import UsherTransport

/// The gateway as its console and metrics see it.
final class GatewayReport: ConsoleSource {
    private let snapshot: Snapshot
    private let workers: [Worker]
    private let boards: [EndpointBoard]
    private let accessLog: AccessLogWriter?
    private let front: FrontDoor

    init(
        snapshot: Snapshot, workers: [Worker], boards: [EndpointBoard], accessLog: AccessLogWriter?, front: FrontDoor
    ) {
        self.snapshot = snapshot
        self.workers = workers
        self.boards = boards
        self.accessLog = accessLog
        self.front = front
    }

    /// Ready when it does not drain and every service has a ready replica.
    func readiness() async -> (ready: Bool, reason: String) {
        if self.front.isDraining { return (false, "draining") }
        for (plan, board) in zip(self.snapshot.services, self.boards) {
            if !board.all.contains(where: \.isReady) {
                return (false, "no replica of \(plan.settings.name) is ready")
            }
        }
        return (true, "ready")
    }

    func metrics() async -> String {
        renderPrometheus(
            await self.counted(), names: self.snapshot.metricNames,
            readiness: self.boards.map { board in board.all.map(\.isReady) },
            process: ProcessMetrics(
                version: Gateway.version, workers: self.workers.count,
                accessLog: self.accessLog?.counts ?? AccessLogCounts(), usage: ProcessUsage.now()))
    }

    func services() async -> [ServiceReport] {
        let counted = await self.counted()
        return zip(self.snapshot.services, self.boards).map { plan, board in
            let endpoints = board.all.enumerated().map { index, entry in
                EndpointReport(
                    address: entry.address.map { "\($0)" } ?? plan.replicaName(index), ready: entry.isReady,
                    reason: entry.reason, sinceUnixSeconds: entry.since, weight: plan.replicas[index].weight,
                    backup: plan.replicas[index].isBackup, pid: entry.pid.map { Int($0) },
                    counted: counted.endpoint(service: plan.index, endpoint: index) ?? EndpointMetrics())
            }
            let totals = counted.services.indices.contains(plan.index) ? counted.services[plan.index] : ServiceMetrics()
            return ServiceReport(
                name: plan.settings.name, balance: plan.settings.balance.rawValue, endpoints: endpoints,
                retries: totals.retries, queued: totals.queueLength)
        }
    }

    func configurationJSON() async -> String {
        settingsJSON(self.snapshot.settings)
    }

    func explain(method: String, url: String, headers: [(String, String)]) async -> Explanation {
        let explainer = RequestExplainer(self.snapshot)
        var explanation = explainer.explain(method: method, url: url, headers: headers)
        if let name = explanation.service,
            let plan = self.snapshot.services.first(where: { $0.settings.name == name }),
            let worker = self.workers.first
        {
            let choice = try? await worker.loop.eventLoop.submit {
                worker.services[plan.index].choose(
                    excluding: .init(), now: worker.loop.now, random: &worker.random)
            }.get()
            explainer.add(choice, of: plan, self.boards[plan.index].all, to: &explanation)
        }
        return explanation
    }

    /// All workers' counters together; each is copied on its own loop.
    private func counted() async -> WorkerMetrics {
        var total = WorkerMetrics(names: self.snapshot.metricNames)
        for worker in self.workers {
            guard let metrics = try? await worker.loop.eventLoop.submit({ worker.metrics }).get() else { continue }
            total.merge(metrics)
        }
        return total
    }
}
