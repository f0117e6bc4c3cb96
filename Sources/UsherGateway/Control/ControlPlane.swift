import Logging
import NIOCore
import Synchronization
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherTransport

/// Everything that decides what the workers go by: makes snapshots, introduces replicas, swaps.
///
/// Changes are made one after the other, each whole: what a change brings is checked first, then all workers swap,
/// then what nobody uses any more is dismissed.
final class ControlPlane: Sendable {
    /// What is in force, for everybody who wants to show it.
    struct Current: Sendable {
        var snapshot: Snapshot
        /// Of the snapshot's services, in their order.
        var controls: [ServiceControl]
        /// Milliseconds since the Unix epoch.
        var since: Int64
    }

    let workers: [Worker]
    let jobs: JobGroup
    let logger: Logger
    let shards = ShardLedger()
    private let guardExecutable: String
    private let secret: SessionSecret
    private let identities: IdentityFiles
    private let commons: WorkerCommons
    private let current: Mutex<Current>
    let turn = ChangeTurn()
    /// Keys the routers' hashes.
    private let seed: UInt64

    /// How long a change waits for the first verdict on the replicas that it brings.
    private static let patience = Duration.seconds(10)

    init(
        _ settings: Settings, workers: [Worker], secret: SessionSecret, commons: WorkerCommons, guardExecutable: String,
        logger: Logger, seed: UInt64
    ) {
        self.workers = workers
        self.jobs = JobGroup()
        self.secret = secret
        self.commons = commons
        self.identities = IdentityFiles(logger: logger)
        self.guardExecutable = guardExecutable
        self.logger = logger
        self.seed = seed
        self.current = Mutex(
            Current(snapshot: .empty(settings, seed: seed), controls: [], since: WallClock.milliseconds()))
    }

    var now: Current { self.current.withLock { $0 } }

    // MARK: Changes

    /// Puts settings in force. Replicas that are new have been checked when it returns, or have had their time.
    ///
    /// - Parameter waits: false at the start, when there is nothing that could go on meanwhile.
    /// - Returns: why they are not in force, each a sentence; empty when they are.
    @discardableResult
    func apply(_ settings: Settings, waits: Bool) async -> [String] {
        await self.turn.take { await self.applyInTurn(settings, waits: waits) }
    }

    /// To be called while no other change is made.
    func applyInTurn(_ settings: Settings, waits: Bool) async -> [String] {
        let before = self.now
        let (entries, unreadable) = self.entries(settings, in: before)
        guard unreadable.isEmpty else { return unreadable }
        let credentials: Credentials
        do throws(IdentityProblems) {
            credentials = try await self.credentials(settings, in: before)
        } catch {
            return error.sentences
        }
        let found = waits ? await self.lookUp(entries) : [:]
        let proposals = entries.enumerated().map { index, entry in
            entry.control.propose(
                entry.plan, ReplicaDescription.listed(in: entry.plan.settings) ?? found[index])
        }
        if waits {
            await self.wait(
                for: proposals.map(\.1),
                until: { zip(entries, proposals).allSatisfy { $0.control.objection(to: $1.0) == nil } })
        }
        let problems = zip(entries, proposals).compactMap { $0.control.objection(to: $1.0) }
        guard problems.isEmpty else {
            for (entry, proposal) in zip(entries, proposals) { entry.control.withdraw(proposal.0) }
            return problems
        }
        var leaving: [(ServiceControl, [EndpointID])] = []
        var sets: [EndpointSet] = []
        for (entry, proposal) in zip(entries, proposals) {
            let (set, gone) = entry.control.commit(proposal.0)
            sets.append(set)
            leaving.append((entry.control, gone))
        }
        let snapshot = Snapshot(
            settings, services: entries.map(\.plan), endpoints: sets,
            quotas: self.quotas(settings, in: before.snapshot), caches: Self.caches(settings, in: before.snapshot),
            credentials: credentials, seed: self.seed)
        // What is there at the start, or comes with the first `identities`, is no change.
        if before.snapshot.credentials !== Credentials.none {
            self.commons.audit?.changed(from: before.snapshot.credentials, to: credentials)
        }
        await self.swap(to: snapshot, entries.map(\.control))
        for cache in snapshot.caches { cache.takesEffect() }
        self.mapsAreInForce(snapshot, before.snapshot)
        for (control, gone) in leaving { control.dismiss(gone) }
        let staying = Set(entries.map { ObjectIdentifier($0.control) })
        for control in before.controls where !staying.contains(ObjectIdentifier(control)) { control.dismissAll() }
        for entry in entries { entry.control.startDiscovery(self) }
        return []
    }

    /// Gives a service other replicas: its name has other addresses now.
    ///
    /// - Parameter settings: by which they were found; a reload that came first may have others in force.
    func replaceReplicas(
        of control: ServiceControl, with replicas: [ReplicaDescription], foundBy settings: DNSSettings
    ) async {
        await self.turn.take {
            guard control.isDiscovering(settings),
                let index = self.now.controls.firstIndex(where: { $0 === control })
            else { return }
            let (proposal, latch) = control.propose(control.plan, replicas)
            // Replicas beside others may take their time; without them nobody would answer meanwhile.
            await self.wait(for: [latch], until: { control.objection(to: proposal) == nil })
            if let objection = control.objection(to: proposal) {
                control.withdraw(proposal)
                self.logger.warning("\(objection)")
                return
            }
            let (set, gone) = control.commit(proposal)
            let current = self.now
            var sets = current.snapshot.endpoints
            guard sets.indices.contains(index), sets[index] !== set else { return }
            sets[index] = set
            await self.swap(to: Snapshot(current.snapshot, endpoints: sets), current.controls)
            control.dismiss(gone)
        }
    }

    /// Waits for the first verdict on every new replica, and then, where nobody would answer without them, until one of
    /// them is ready; in all for `patience`.
    private func wait(for latches: [Latch], until isFine: @Sendable () -> Bool) async {
        let start = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            for latch in latches { group.addTask { await latch.wait(atMost: Self.patience) } }
        }
        while !isFine(), ContinuousClock.now - start < Self.patience, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Every worker goes by the snapshot when this returns.
    private func swap(to snapshot: Snapshot, _ controls: [ServiceControl]) async {
        self.current.withLock {
            $0 = Current(snapshot: snapshot, controls: controls, since: WallClock.milliseconds())
        }
        for worker in self.workers {
            let took = try? await worker.loop.eventLoop.submit {
                let start = ContinuousClock.now
                worker.apply(snapshot, controls)
                return ContinuousClock.now - start
            }.get()
            self.logger.debug(
                "worker swapped", metadata: ["worker": "\(worker.index)", "took": "\(took ?? .zero)"])
        }
    }

    // MARK: Callers

    /// What did not change is the same object as before.
    private func credentials(
        _ settings: Settings, in before: Current
    ) async throws(IdentityProblems) -> Credentials {
        let known = before.snapshot.credentials
        if known.settings == settings.identities { return known }
        return try await self.identities.load(settings.identities, known: known)
    }

    private func quotas(_ settings: Settings, in before: Snapshot) -> [QuotaPlan] {
        var stores: [QuotaStoreSettings: SharedStore] = [:]
        for plan in before.quotas {
            if let store = plan.redis { stores[store.settings] = store }
        }
        // A quarter of the memory, so that callers of all quotas together never bring the process near its limit.
        let memory = Pressure.limit(settings) / 4 / UInt64(max(settings.quotas.count, 1))
        return settings.quotas.enumerated().map { index, quota in
            let store = quota.store.map { wanted in
                stores[wanted] ?? SharedStore(wanted, logger: self.logger)
            }
            if let store { stores[store.settings] = store }
            return QuotaPlan(
                index: index, quota, classes: settings.identities.classNames,
                earlier: before.quotas.first { $0.name == quota.name }, memory: memory, redis: store)
        }
    }

    /// A cache of the same name keeps what it holds.
    private static func caches(_ settings: Settings, in before: Snapshot) -> [CachePlan] {
        settings.caches.enumerated().map { index, cache in
            CachePlan(index: index, cache, earlier: before.caches.first { $0.name == cache.name })
        }
    }

    /// Looks for changed files of what callers show, and swaps when there are.
    func refreshCredentials() async {
        if let changed = await self.identities.refresh(self.now.snapshot.credentials) { await self.swap(changed) }
    }

    /// Asks for changed keys for tokens where they come from a URL, and swaps when there are.
    func refreshTokenKeys() async {
        let changed = await self.identities.refreshTokenKeys(
            self.now.snapshot.credentials, sawUnknownKey: self.commons.checker.takeUnknownKey())
        if let changed { await self.swap(changed) }
    }

    private func swap(_ changed: (old: Credentials, new: Credentials)) async {
        await self.turn.take {
            let current = self.now
            // A reload may have come in between: then others hold.
            guard current.snapshot.credentials === changed.old else { return }
            self.commons.audit?.changed(from: changed.old, to: changed.new)
            await self.swap(to: Snapshot(current.snapshot, credentials: changed.new), current.controls)
        }
    }

    // MARK: Services

    private struct Entry: Sendable {
        let plan: ServicePlan
        let control: ServiceControl
    }

    private func entries(_ settings: Settings, in before: Current) -> (entries: [Entry], problems: [String]) {
        var entries: [Entry] = []
        var problems: [String] = []
        let known = Dictionary(before.controls.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        func add(_ service: ServiceSettings) {
            do {
                entries.append(try self.entry(service, known: known[service.name]))
            } catch let problem as NamedFileProblem {
                problems.append("services.\(service.name).sharded.\(problem.key): \(problem.message)")
            } catch {
                problems.append("services.\(service.name).tls: \(error)")
            }
        }
        for service in settings.services { add(service) }
        // Behind those of the file, whose numbers routes know.
        for shards in entries.compactMap(\.plan.shards) {
            for shard in shards.reached { add(shard) }
        }
        return (entries, problems)
    }

    /// The service of this name goes on with what it has; what did not change is the same object as before.
    ///
    /// - Throws: `CertificateProblem`, `NamedFileProblem`.
    private func entry(_ settings: ServiceSettings, known control: ServiceControl?) throws -> Entry {
        if let control, control.plan.settings == settings, !control.plan.isBehind(WallClock.seconds) {
            return Entry(plan: control.plan, control: control)
        }
        let earlier = control?.plan
        let sessions =
            earlier?.settings.session == settings.session
            ? earlier?.sessions : SessionPlan(settings, secret: self.secret)
        let tls = try self.tls(for: settings, earlier)
        let shards = try settings.sharded.map { sharded in
            try ShardPlan(settings, sharded, before: earlier, nowSeconds: WallClock.seconds)
        }
        let plan = ServicePlan(
            settings, workers: self.workers.count, sessions: sessions, tls: tls, shards: shards)
        let known =
            control
            ?? ServiceControl(
                plan, workers: self.workers, jobs: self.jobs, guardExecutable: self.guardExecutable,
                logger: self.logger)
        return Entry(plan: plan, control: known)
    }

    private func tls(for settings: ServiceSettings, _ earlier: ServicePlan?) throws -> ReplicaTLS? {
        guard let wanted = settings.tls else { return nil }
        if let tls = earlier?.tls, tls.suits(settings) { return tls }
        return try ReplicaTLS(settings, wanted, logger: self.logger)
    }

    /// Looks for changed files of what replicas are shown and judged by.
    func refreshCertificates() {
        for service in self.now.snapshot.services { service.tls?.refresh() }
    }

    /// Looks names up that are new, so that their services do not begin with nothing; by the number of the service.
    private func lookUp(_ entries: [Entry]) async -> [Int: [ReplicaDescription]] {
        await withTaskGroup { group in
            for (index, entry) in entries.enumerated() {
                guard case .dns(let settings) = entry.plan.settings.replicas, !entry.control.isDiscovering(settings)
                else { continue }
                let watch = DiscoveryWatch(settings, control: entry.control, plane: self)
                group.addTask { (index, await watch.lookUp()) }
            }
            var found: [Int: [ReplicaDescription]] = [:]
            for await (index, replicas) in group { found[index] = replicas }
            return found
        }
    }
}

/// Lets changes happen one after the other, in the order in which they came.
actor ChangeTurn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take<Result: Sendable>(_ change: @Sendable () async -> Result) async -> Result {
        if self.isTaken {
            await withCheckedContinuation { self.waiting.append($0) }
        }
        self.isTaken = true
        let result = await change()
        if self.waiting.isEmpty {
            self.isTaken = false
        } else {
            self.waiting.removeFirst().resume()
        }
        return result
    }
}
