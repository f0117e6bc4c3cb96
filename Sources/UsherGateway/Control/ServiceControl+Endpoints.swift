import UsherConfiguration
import UsherCore
import UsherReplication
import UsherTransport

/// Replacing the replicas of a service: first the new ones are introduced and checked, then they take over.
extension ServiceControl {
    /// What a service is about to become.
    struct Proposal: Sendable {
        var plan: ServicePlan
        var endpoints: [EndpointPlan]
        var added: [EndpointPlan]
    }

    /// Works out which of the wanted replicas are there already. Those that are not are introduced: checked from now
    /// on, but given no requests before `commit`.
    ///
    /// - Parameter wanted: nil for the replicas that are in force.
    func propose(_ plan: ServicePlan, _ wanted: [ReplicaDescription]?) -> (Proposal, Latch) {
        let wall = WallClock.milliseconds()
        let (proposal, latch) = self.withState { state in
            let proposal = Self.match(plan, wanted, &state)
            let latch = Latch(count: plan.isReadyAtOnce ? 0 : proposal.added.count)
            for endpoint in proposal.added {
                var record = EndpointRecord(endpoint, now: wall)
                if !plan.isReadyAtOnce { record.firstVerdict = latch }
                record.proposed = plan
                state.records[endpoint.id] = record
            }
            return (proposal, latch)
        }
        self.update(isQuiet: true) { health, now in
            proposal.added.flatMap { health.add($0.id, readyAtOnce: plan.isReadyAtOnce, now: now) }
        }
        for endpoint in proposal.added { self.watch(endpoint, plan) }
        return (proposal, latch)
    }

    private static func match(
        _ plan: ServicePlan, _ wanted: [ReplicaDescription]?, _ state: inout sending State
    ) -> Proposal {
        let current = state.set.endpoints
        // A replica that is spoken to in another way has to prove itself anew; a process of ours is the same all along.
        let isOtherTLS = plan.tls !== state.plan.tls
        guard let wanted = wanted ?? (isOtherTLS ? current.map { ReplicaDescription($0) } : nil) else {
            return Proposal(plan: plan, endpoints: current, added: [])
        }
        let known = Dictionary(
            current.filter { !isOtherTLS || $0.key.isProcess }.map { ($0.key, $0) },
            uniquingKeysWith: { first, _ in first })
        var added: [EndpointPlan] = []
        let endpoints = wanted.map { replica in
            if let same = known[replica.key] {
                let isUnchanged = same.weight == replica.weight && same.isBackup == replica.isBackup
                return isUnchanged ? same : EndpointPlan(same.id, replica, standing: same.standing)
            }
            let endpoint = EndpointPlan(EndpointID(state.nextID), replica)
            state.nextID += 1
            added.append(endpoint)
            return endpoint
        }
        return Proposal(plan: plan, endpoints: endpoints, added: added)
    }

    /// Once for each replica, however often its check comes and goes.
    private func watch(_ endpoint: EndpointPlan, _ plan: ServicePlan) {
        if case .address = endpoint.key, plan.settings.readiness == nil { return }
        let isFirst = self.withState { state in
            guard state.records[endpoint.id]?.isWatched == false else { return false }
            state.records[endpoint.id]?.isWatched = true
            return true
        }
        guard isFirst else { return }
        self.jobs.add { await EndpointWatch(self, endpoint.id).run() }
    }

    /// Why the proposal must not come into force: nobody would answer any more where somebody does now.
    func objection(to proposal: Proposal) -> String? {
        self.withState { state in
            func isAnswering(_ endpoints: [EndpointPlan]) -> Bool {
                endpoints.contains { state.records[$0.id]?.availability.mayBePicked ?? false }
            }
            guard !proposal.added.isEmpty, isAnswering(state.set.endpoints), !isAnswering(proposal.endpoints) else {
                return nil
            }
            let reasons = proposal.added.prefix(4).compactMap { endpoint in
                state.records[endpoint.id].map { "\(endpoint.name): \($0.reason)" }
            }
            return "services.\(self.name).replicas: none of the new replicas is ready, so those in force stay "
                + "(\(reasons.joined(separator: "; ")))"
        }
    }

    /// Forgets the replicas that a proposal would have brought.
    func withdraw(_ proposal: Proposal) {
        self.dismiss(proposal.added.map(\.id))
    }

    /// Makes a proposal the state in force.
    ///
    /// - Returns: the set for the next snapshot, and the replicas that are in it no longer, to be dismissed afterwards.
    func commit(_ proposal: Proposal) -> (set: EndpointSet, leaving: [EndpointID]) {
        let (set, leaving, unwatched) = self.withState { state in
            let wasChecked = state.plan.settings.readiness != nil
            let isChecked = proposal.plan.settings.readiness != nil
            state.plan = proposal.plan
            let isSame = state.set.endpoints.elementsEqual(proposal.endpoints, by: ===)
            let findsByKey = proposal.plan.sessions != nil || proposal.plan.isShard
            if !isSame || findsByKey != (state.set.rendezvous != nil) {
                state.set = EndpointSet(proposal.endpoints, findsByKey: findsByKey)
            }
            for endpoint in proposal.endpoints {
                state.records[endpoint.id]?.plan = endpoint
                state.records[endpoint.id]?.proposed = nil
            }
            let staying = Set(proposal.endpoints.map(\.id))
            // Those that are new are watched since they were proposed.
            let added = Set(proposal.added.map(\.id))
            return (
                state.set, state.records.keys.filter { !staying.contains($0) },
                isChecked && !wasChecked ? proposal.endpoints.filter { !added.contains($0.id) } : []
            )
        }
        self.update { health, _ in health.configure(proposal.plan.healthConfiguration) }
        for endpoint in unwatched { self.watch(endpoint, proposal.plan) }
        return (set, leaving)
    }

    /// Forgets replicas that no snapshot has any longer. A process of ours ends when its requests have.
    func dismiss(_ ids: [EndpointID]) {
        guard !ids.isEmpty else { return }
        let leaving = self.withState { state in ids.compactMap { state.records.removeValue(forKey: $0) } }
        self.update { health, _ in ids.flatMap { health.remove($0) } }
        for record in leaving {
            guard record.plan.key.isProcess else {
                record.stop.stop()
                continue
            }
            self.jobs.add {
                await self.waitUntilDrained(record.plan.id)
                record.stop.stop()
            }
        }
    }
}
