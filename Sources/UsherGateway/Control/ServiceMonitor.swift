import Logging
import NIOCore
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherSupervisor
import UsherTransport

/// Watches one service's replicas: starts those that Usher runs, checks readiness, and tells every worker what changed.
struct ServiceMonitor: Sendable {
    let plan: ServicePlan
    let board: EndpointBoard
    let workers: [Worker]
    let guardExecutable: String
    let logger: Logger

    /// How long a replica may take to become ready for the first time before a line says what to look at.
    private static let patience = Duration.seconds(30)

    static func board(for plan: ServicePlan) -> EndpointBoard {
        let readiness = plan.settings.readiness
        let configuration = ReadinessMachine.Configuration(
            interval: readiness?.interval ?? .seconds(1), rise: readiness?.rise ?? 1, fall: readiness?.fall ?? 3)
        let now = WallClock.milliseconds() / 1000
        var isRun = false
        if case .run = plan.settings.replicas { isRun = true }
        return EndpointBoard(
            plan.replicas.map { replica in
                .init(machine: ReadinessMachine(configuration), since: now, address: isRun ? nil : replica.address)
            })
    }

    /// Runs until cancelled; returns when every process it started is gone.
    func run() async {
        await withDiscardingTaskGroup { group in
            for index in self.plan.replicas.indices {
                switch self.plan.settings.replicas {
                case .run(let run):
                    group.addTask { await self.supervise(index, run) }
                    group.addTask { await self.check(index) }
                case .list where self.plan.isReadyAtOnce:
                    self.update(index) { $0.machine.probeSucceeded(now: $1) }
                case .list:
                    group.addTask { await self.check(index) }
                }
            }
        }
    }

    // MARK: Processes

    private func supervise(_ index: Int, _ run: RunSettings) async {
        let name = self.plan.replicaName(index)
        let process = SupervisedProcess(
            name: name, guardExecutable: self.guardExecutable, logger: self.logger,
            events: { event in self.processChanged(index, event) },
            specification: { port in
                ProcessSpecification(
                    command: run.command.map { $0.replacing("{port}", with: "\(port)") }, folder: run.folder)
            })
        await process.run()
    }

    private func processChanged(_ index: Int, _ event: ProcessEvent) {
        switch event {
        case .started(let pid, let port):
            let address = ReplicaAddress.ip(IPAddress(v4: 0x7f00_0001), port: port)
            self.tellWorkers { worker, service in worker.services[service].move(index, to: address) }
            self.update(index) { entry, _ in
                entry.pid = pid
                entry.address = address
                entry.reason = "starting"
                return .unchanged
            }
        case .exited, .startFailed:
            self.update(index) { entry, now in
                entry.pid = nil
                return entry.machine.replicaDied(now: now)
            }
        }
    }

    // MARK: Readiness

    private func check(_ index: Int) async {
        var random = SeededRandom(seed: .random(in: .min ... .max))
        let start = ContinuousClock.now
        var hasComplained = false
        while !Task.isCancelled {
            let before = self.board.all[index]
            if let address = before.address {
                let failure = await self.probe(address, index)
                if Task.isCancelled { return }
                self.update(index) { entry, now in
                    // A process that was replaced meanwhile is not what was checked.
                    guard entry.pid == before.pid else { return .unchanged }
                    if let failure { return entry.machine.probeFailed(reason: failure, now: now) }
                    return entry.machine.probeSucceeded(now: now)
                }
            }
            let machine = self.board.all[index].machine
            if !hasComplained, !machine.hasBeenReady, ContinuousClock.now - start > Self.patience {
                hasComplained = true
                self.logger.warning(
                    "a replica has not become ready yet; look at its output, and at `readiness` of its service",
                    metadata: [
                        "replica": "\(self.plan.replicaName(index))", "reason": "\(machine.reason ?? "no process")",
                    ])
            }
            let now = self.now
            let next = machine.nextProbe(after: now, random: &random)
            try? await Task.sleep(for: next.elapsed(since: now))
        }
    }

    /// One check; nil when the replica is ready, else why not.
    private func probe(_ address: ReplicaAddress, _ index: Int) async -> String? {
        let eventLoop = self.workers[index % self.workers.count].loop.eventLoop
        guard let readiness = self.plan.settings.readiness else {
            return await ConnectProbe.run(address, timeout: self.plan.settings.timeouts.connect, on: eventLoop)
        }
        do {
            let host = String(decoding: self.plan.replicas[index].host, as: UTF8.self)
            let answer = try await HTTPFetch.send(
                .init(address: address, target: readiness.path, host: host, timeout: readiness.timeout), on: eventLoop)
            guard (200..<300).contains(answer.status) else {
                return "\(readiness.path) answered \(answer.status)"
            }
            return nil
        } catch {
            return HTTPFetch.describe(error)
        }
    }

    // MARK: Telling

    private func update(
        _ index: Int, _ body: (inout EndpointBoard.Entry, MonotonicTime) -> ReadinessMachine.Action
    ) {
        let now = self.now
        let action = self.board.update(index) { entry in body(&entry, now) }
        switch action {
        case .becameReady:
            self.logger.info("replica is ready", metadata: ["replica": "\(self.plan.replicaName(index))"])
            self.tellWorkers { worker, service in worker.services[service].setReady(index, true) }
        case .becameUnready(let reason):
            let hasBeenReady = self.board.all[index].machine.hasBeenReady
            self.logger.log(
                level: hasBeenReady ? .warning : .info,
                hasBeenReady ? "replica is not ready" : "replica is not ready yet",
                metadata: ["replica": "\(self.plan.replicaName(index))", "reason": "\(reason)"])
            self.tellWorkers { worker, service in worker.services[service].setReady(index, false) }
        case .unchanged:
            break
        }
    }

    private func tellWorkers(_ body: @escaping @Sendable (Worker, Int) -> Void) {
        for worker in self.workers {
            worker.loop.eventLoop.execute { body(worker, self.plan.index) }
        }
    }

    private var now: MonotonicTime {
        MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds)
    }
}
