import Logging
import NIOCore
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherSupervisor
import UsherTransport

/// Watches one replica as long as its service has it: keeps its process running when it is ours, checks its readiness,
/// and finds out when one that refused connections takes them again.
struct EndpointWatch: Sendable {
    private let control: ServiceControl
    private let id: EndpointID

    /// How long a replica may take to become ready for the first time before a line says what to look at.
    private static let patience = Duration.seconds(30)

    init(_ control: ServiceControl, _ id: EndpointID) {
        self.control = control
        self.id = id
    }

    private var record: EndpointRecord? { self.control.withState { $0.records[self.id] } }

    /// Runs until the replica is dismissed or the caller cancelled; returns when no process of its is left.
    func run() async {
        guard let record = self.record else { return }
        await record.stop.run {
            guard case .process(let command, let folder, _) = record.plan.key else { return await self.check() }
            await withDiscardingTaskGroup { group in
                group.addTask { await self.supervise(record.plan.name, command, folder) }
                group.addTask { await self.check() }
            }
        }
    }

    // MARK: Processes

    private func supervise(_ name: String, _ command: [String], _ folder: String) async {
        let process = SupervisedProcess(
            name: name, guardExecutable: self.control.guardExecutable, logger: self.control.logger,
            events: { event in self.processChanged(event) },
            specification: { port in
                ProcessSpecification(
                    command: command.map { $0.replacing("{port}", with: "\(port)") }, folder: folder)
            })
        await process.run()
    }

    private func processChanged(_ event: ProcessEvent) {
        switch event {
        case .started(let pid, let port):
            self.control.moved(self.id, to: .ip(IPAddress(v4: 0x7f00_0001), port: port), pid: pid)
        case .exited, .startFailed:
            self.control.withState { $0.records[self.id]?.pid = nil }
            self.control.update { $0.replicaDied(self.id, reason: ReadinessMachine.deathReason, now: $1) }
        }
    }

    // MARK: Readiness

    private func check() async {
        var random = SeededRandom(seed: .random(in: .min ... .max))
        let start = ContinuousClock.now
        var hasComplained = false
        while !Task.isCancelled, let record = self.record {
            if let address = record.address {
                guard await self.checkOnce(address, pid: record.pid) else { return }
            }
            let now = ServiceControl.now
            let (hasBeenReady, next) = self.control.withState { state in
                (
                    state.health.hasBeenReady(self.id),
                    state.health.nextProbe(self.id, now: now, random: &random)
                )
            }
            if !hasComplained, !hasBeenReady, ContinuousClock.now - start > Self.patience {
                hasComplained = true
                self.control.logger.warning(
                    "a replica has not become ready yet; look at its output, and at `readiness` of its service",
                    metadata: ["replica": "\(record.plan.name)", "reason": "\(self.record?.reason ?? "no process")"])
            }
            // The check may not be in force yet, or no longer; the next look will tell.
            try? await Task.sleep(for: next?.elapsed(since: now) ?? .milliseconds(100))
        }
    }

    /// False when there is nothing to check any more.
    private func checkOnce(_ address: ReplicaAddress, pid: Int32?) async -> Bool {
        guard let (plan, isProcess) = self.planOfCheck else { return false }
        // Whoever listens there while no process of ours runs is somebody else.
        if isProcess && pid == nil { return true }
        let failure = await self.probe(address, plan)
        if Task.isCancelled { return false }
        // A process that was replaced meanwhile is not what was checked.
        guard let record = self.record, record.pid == pid else { return true }
        self.control.update { health, now in
            failure.map { health.probeFailed(self.id, reason: $0, now: now) }
                ?? health.probeSucceeded(self.id, now: now)
        }
        if let failure { self.control.noteFailedStart(self.id, failure) }
        // A process may still be starting; a replica of somebody else's has had its chance.
        if failure == nil || !isProcess {
            self.control.withState { $0.records[self.id]?.verdictIsKnown() }
        }
        return true
    }

    /// What to check by; nil when a reload has taken the check away, after which the next one begins another watch.
    private var planOfCheck: (plan: ServicePlan, isProcess: Bool)? {
        self.control.withState { state in
            guard let record = state.records[self.id] else { return nil }
            let plan = record.proposed ?? state.plan
            if record.plan.key.isProcess { return (plan, true) }
            guard plan.settings.readiness == nil else { return (plan, false) }
            state.records[self.id]?.isWatched = false
            state.records[self.id]?.stop = StopSignal()
            return nil
        }
    }

    /// One check; nil when the replica is ready, else why not.
    private func probe(_ address: ReplicaAddress, _ plan: ServicePlan) async -> String? {
        guard let readiness = plan.settings.readiness else { return await self.connect(to: address, plan) }
        do {
            let host = self.record.map { String(decoding: $0.plan.host, as: UTF8.self) } ?? "localhost"
            var request = HTTPFetch.Request(
                address: address, target: readiness.path, host: host, timeout: readiness.timeout)
            request.tls = plan.tls?.upstream
            let answer = try await HTTPFetch.send(request, on: self.eventLoop)
            guard (200..<300).contains(answer.status) else {
                return "\(readiness.path) answered \(answer.status)"
            }
            return nil
        } catch {
            return HTTPFetch.describe(error)
        }
    }

    /// Nil when a connection came about, else why not.
    private func connect(to address: ReplicaAddress, _ plan: ServicePlan) async -> String? {
        await ConnectProbe.run(
            address, tls: plan.tls?.upstream, timeout: plan.settings.timeouts.connect, on: self.eventLoop)
    }

    private var eventLoop: any EventLoop {
        let workers = self.control.workers
        return workers[Int(self.id.number) % workers.count].loop.eventLoop
    }

    // MARK: Connections

    /// Tries plain connections until one comes about, so that no client's request has to find out.
    func probeConnects() async {
        let isFirst = self.control.withState { state in
            guard state.records[self.id]?.isProbingConnects == false else { return false }
            state.records[self.id]?.isProbingConnects = true
            return true
        }
        guard isFirst else { return }
        while let next = self.nextConnectProbe() {
            try? await Task.sleep(for: next.elapsed(since: ServiceControl.now))
            if Task.isCancelled { return }
            // A process that is about to be started tells by itself.
            guard let address = self.record?.address else { continue }
            let failure = await self.connect(to: address, self.control.plan)
            self.control.update { health, now in
                failure.map { health.connectFailed(self.id, reason: $0, now: now) }
                    ?? health.connectSucceeded(self.id, now: now)
            }
        }
    }

    /// Nil when there is nothing to find out any more; then the next failure begins anew.
    private func nextConnectProbe() -> MonotonicTime? {
        let now = ServiceControl.now
        return self.control.withState { state in
            let next = state.health.nextConnectProbe(self.id, now: now)
            if next == nil { state.records[self.id]?.isProbingConnects = false }
            return next
        }
    }
}

extension ServiceControl {
    /// Why a replica that was never ready is not, before its checks have failed often enough to be announced.
    func noteFailedStart(_ id: EndpointID, _ reason: String) {
        self.withState { state in
            if state.records[id]?.condition == .starting { state.records[id]?.reason = reason }
        }
    }

    /// A process of ours was started.
    func moved(_ id: EndpointID, to address: ReplicaAddress, pid: Int32) {
        self.withState { state in
            state.records[id]?.pid = pid
            state.records[id]?.address = address
            state.records[id]?.plan.standing.set(address: address)
            state.records[id]?.reason = "starting"
            for worker in self.workers {
                worker.loop.eventLoop.execute { worker.service(of: self)?.move(id, to: address) }
            }
        }
    }

    /// Returns when no worker has a request at this replica any more, at most after `drainTime`.
    func waitUntilDrained(_ id: EndpointID) async {
        let latch = Latch(count: self.workers.count)
        for worker in self.workers {
            worker.loop.eventLoop.execute { worker.whenDrained(id, of: self) { latch.arrive() } }
        }
        await latch.wait(atMost: Self.drainTime)
    }

    /// Time that requests have to finish at a process that is about to end.
    private static let drainTime = Duration.seconds(30)
}
