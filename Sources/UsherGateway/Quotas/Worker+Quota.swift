import UsherConfiguration
import UsherCore
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// What a quota says to a request.
enum QuotaAnswer {
    case admitted
    case refused(PathRefusal)
    /// The store that gateways share has to be asked: `Worker.ask(_:_:_:_:)`.
    case unknown(RedisQuotaStore, QuotaLimit)
}

/// The quota's part of the `limit` phase.
extension Worker {
    /// Asks as far as this gateway alone can say.
    func ask(_ hold: inout QuotaHold) -> QuotaAnswer {
        // Before anything is used, because there is no giving it back.
        guard hold.hasRoom else { return self.tooMany(&hold) }
        guard let limit = hold.limit else { return self.admit(&hold, .allowed) }
        if let store = self.store(of: hold.plan) { return .unknown(store, limit) }
        return self.askHere(&hold, limit)
    }

    /// Asks the store that gateways share; `done` is called on this loop, at once when the store cannot be asked now.
    /// What it is given makes the answer, and may take something of the quota: it is for who is still there.
    func ask(
        _ store: RedisQuotaStore, _ limit: QuotaLimit, _ hold: QuotaHold,
        _ done: @escaping (@escaping (inout QuotaHold) -> QuotaAnswer) -> Void
    ) {
        let keys = hold.plan.storeKeys(for: hold.caller, isKeyed: hold.isKeyed)
        store.take(hold.label.span, in: keys, limit, cost: hold.cost) { result in
            done { hold in self.judge(result, limit, &hold) }
        }
    }

    private func judge(
        _ result: Result<QuotaDecision, RedisFailure>, _ limit: QuotaLimit, _ hold: inout QuotaHold
    ) -> QuotaAnswer {
        if case .success(let decision) = result { return self.judge(decision, limit, &hold) }
        self.metrics.quotaAsked(
            quota: self.quotaIndex(of: hold.plan), callerClass: hold.caller.callerClass.index, outcome: .storeFailed)
        switch hold.plan.settings.onFailure {
        case .local: return self.askHere(&hold, limit)
        case .refuse where !hold.plan.isDryRun:
            hold.answered(.storeFailed)
            return .refused(.quotaStoreSilent)
        case .allow, .refuse: return self.admit(&hold, .storeFailed)
        }
    }

    private func askHere(_ hold: inout QuotaHold, _ limit: QuotaLimit) -> QuotaAnswer {
        self.judge(hold.plan.local.take(hold.key, limit, cost: hold.cost, now: self.loop.now), limit, &hold)
    }

    private func judge(_ decision: QuotaDecision, _ limit: QuotaLimit, _ hold: inout QuotaHold) -> QuotaAnswer {
        hold.decided(decision.debts)
        if decision.isAllowed { return self.admit(&hold, .allowed) }
        if hold.plan.isDryRun { return self.admit(&hold, .dryRun) }
        self.count(&hold, .refused)
        return .refused(.quotaExceeded(limit.retryAfterSeconds(decision, cost: hold.cost)))
    }

    private func admit(_ hold: inout QuotaHold, _ outcome: QuotaOutcome) -> QuotaAnswer {
        // Somebody may have been quicker.
        guard hold.begin() else { return self.tooMany(&hold) }
        if outcome == .storeFailed { hold.answered(outcome) } else { self.count(&hold, outcome) }
        return .admitted
    }

    private func tooMany(_ hold: inout QuotaHold) -> QuotaAnswer {
        if hold.plan.isDryRun {
            self.count(&hold, .dryRun)
            return .admitted
        }
        self.count(&hold, .tooMany)
        return .refused(.tooManyInFlight)
    }

    private func count(_ hold: inout QuotaHold, _ outcome: QuotaOutcome) {
        hold.answered(outcome)
        let callerClass = hold.caller.callerClass
        let quota = self.quotaIndex(of: hold.plan)
        self.metrics.quotaAsked(quota: quota, callerClass: callerClass.index, outcome: outcome)
        guard self.topCallers.indices.contains(quota) else { return }
        self.topCallers[quota].count(
            hold.key, label: hold.label.span, callerClass, isAllowed: outcome == .allowed,
            unixMilliseconds: WallClock.milliseconds())
    }
}
