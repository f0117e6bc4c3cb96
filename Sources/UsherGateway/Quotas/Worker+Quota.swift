import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// The quota's part of the `limit` phase.
extension Worker {
    /// Asks the quota of a route, here or in the store that gateways share.
    func ask(
        _ use: QuotaUse, _ caller: Caller, _ downstream: any Downstream, _ plan: RoutePlan
    ) -> PathStep {
        let quota = use.plan
        let (head, peer) = (downstream.head, downstream.peer)
        let label = use.label(of: caller, head, peer, plan, &self.scratch)
        let cost = use.cost(of: caller, head, peer, plan)
        var admission = Admission(caller, quota, key: quota.local.key(label.span, space: caller.classSpace))
        // Before anything is used, because there is no giving it back.
        guard admission.hasRoom || quota.isDryRun else {
            return self.limited(self.tooMany(&admission, label), admission, downstream, plan)
        }
        guard let limit = quota.limit(for: caller.callerClass) else {
            return self.limited(self.admit(&admission, .allowed, label), admission, downstream, plan)
        }
        guard let store = self.store(of: quota) else {
            return self.limited(self.askHere(&admission, limit, cost, label), admission, downstream, plan)
        }
        return .wait { [admission] goOn in
            store.take(label.span, in: quota.storeKeys(for: caller.callerClass), limit, cost: cost) { result in
                // What it holds of the quota is taken only for who is still there.
                goOn {
                    var admission = admission
                    let refusal =
                        switch result {
                        case .success(let decision): self.judge(&admission, decision, limit, cost, label)
                        case .failure: self.storeFailed(&admission, limit, cost, label)
                        }
                    return self.limited(refusal, admission, downstream, plan)
                }
            }
        }
    }

    // The answers: why the request is refused, or nil.

    private func askHere(
        _ admission: inout Admission, _ limit: QuotaLimit, _ cost: UInt64, _ label: [UInt8]
    ) -> PathRefusal? {
        let decision = admission.take(limit, cost: cost, now: self.loop.now)
        return self.judge(&admission, decision, limit, cost, label)
    }

    private func judge(
        _ admission: inout Admission, _ decision: QuotaDecision, _ limit: QuotaLimit, _ cost: UInt64, _ label: [UInt8]
    ) -> PathRefusal? {
        admission.decided(decision)
        if decision.isAllowed { return self.admit(&admission, .allowed, label) }
        if admission.quota?.isDryRun ?? true { return self.admit(&admission, .dryRun, label) }
        self.count(&admission, .refused, label)
        return .quotaExceeded(limit.retryAfterSeconds(decision, cost: cost))
    }

    private func storeFailed(
        _ admission: inout Admission, _ limit: QuotaLimit, _ cost: UInt64, _ label: [UInt8]
    ) -> PathRefusal? {
        guard let quota = admission.quota else { return nil }
        self.metrics.quotaAsked(
            quota: self.quotaIndex(of: quota), callerClass: admission.caller.callerClass.index, outcome: .storeFailed)
        switch quota.settings.onFailure {
        case .local: return self.askHere(&admission, limit, cost, label)
        case .refuse where !quota.isDryRun:
            admission.outcome = .storeFailed
            return .quotaStoreSilent
        case .allow, .refuse:
            return self.admit(&admission, .storeFailed, label)
        }
    }

    /// Counts the request among those of its caller that are on their way.
    private func admit(_ admission: inout Admission, _ outcome: QuotaOutcome, _ label: [UInt8]) -> PathRefusal? {
        // Somebody may have been quicker.
        if !admission.begin(), !(admission.quota?.isDryRun ?? true) { return self.tooMany(&admission, label) }
        if outcome == .storeFailed { admission.outcome = outcome } else { self.count(&admission, outcome, label) }
        return nil
    }

    private func tooMany(_ admission: inout Admission, _ label: [UInt8]) -> PathRefusal {
        self.count(&admission, .tooMany, label)
        return .tooManyInFlight
    }

    private func count(_ admission: inout Admission, _ outcome: QuotaOutcome, _ label: [UInt8]) {
        admission.outcome = outcome
        guard let plan = admission.quota else { return }
        let callerClass = admission.caller.callerClass
        let quota = self.quotaIndex(of: plan)
        self.metrics.quotaAsked(quota: quota, callerClass: callerClass.index, outcome: outcome)
        guard self.topCallers.indices.contains(quota) else { return }
        self.topCallers[quota].count(
            admission.key, label: label.span, callerClass, isAllowed: outcome == .allowed,
            unixMilliseconds: WallClock.milliseconds())
    }
}
