import UsherConfiguration
import UsherCore
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// What a quota says to a request.
enum QuotaAnswer: ~Copyable {
    case admitted(QuotaHold)
    case refused(PathRefusal, QuotaHold)
}

/// Who can answer what is asked of a quota.
enum QuotaRespondent: ~Copyable {
    /// This gateway, and it has.
    case here(QuotaAnswer)
    /// The store that gateways share: `Worker.ask(_:_:_:_:)`.
    case store(RedisQuotaStore, QuotaLimit)
}

/// The quota's part of the `limit` phase.
extension Worker {
    /// Asks as far as this gateway alone can say.
    func ask(_ question: borrowing QuotaQuestion) -> QuotaRespondent {
        // Before anything is used, because there is no giving it back.
        guard question.hasRoom else { return .here(self.tooMany(question, QuotaHold(question))) }
        guard let limit = question.limit else { return .here(self.admit(question, QuotaHold(question), .allowed)) }
        if let store = self.store(of: question.plan) { return .store(store, limit) }
        return .here(self.askHere(question, limit))
    }

    /// Asks the store that gateways share; `done` is called on this loop, at once when the store cannot be asked now.
    /// What it is given makes the answer, and may take something of the quota: it is for who is still there.
    func ask(
        _ store: RedisQuotaStore, _ limit: QuotaLimit, _ asked: ParkedQuestion,
        _ done: @escaping (@escaping () -> QuotaAnswer) -> Void
    ) {
        let keys = asked.question.plan.storeKeys(for: asked.question.caller, isKeyed: asked.question.isKeyed)
        let label = asked.question.label
        store.take(label.span, in: keys, limit, cost: asked.question.cost) { result in
            done { self.judge(result, limit, asked.question) }
        }
    }

    private func judge(
        _ result: Result<QuotaDecision, RedisFailure>, _ limit: QuotaLimit, _ question: borrowing QuotaQuestion
    ) -> QuotaAnswer {
        if case .success(let decision) = result { return self.judge(decision, limit, question) }
        self.metrics.quotaAsked(
            quota: self.quotaIndex(of: question.plan), callerClass: question.caller.callerClass.index,
            outcome: .storeFailed)
        switch question.plan.settings.onFailure {
        case .local: return self.askHere(question, limit)
        case .refuse where !question.plan.isDryRun:
            var hold = QuotaHold(question)
            hold.outcome = .storeFailed
            return .refused(.quotaStoreSilent, hold)
        case .allow, .refuse: return self.admit(question, QuotaHold(question), .storeFailed)
        }
    }

    private func askHere(_ question: borrowing QuotaQuestion, _ limit: QuotaLimit) -> QuotaAnswer {
        self.judge(
            question.plan.local.take(question.key, limit, cost: question.cost, now: self.loop.now), limit, question)
    }

    private func judge(_ decision: QuotaDecision, _ limit: QuotaLimit, _ question: borrowing QuotaQuestion)
        -> QuotaAnswer
    {
        var hold = QuotaHold(question)
        hold.decided(decision.debts)
        if decision.isAllowed { return self.admit(question, hold, .allowed) }
        if question.plan.isDryRun { return self.admit(question, hold, .dryRun) }
        self.count(question, &hold, .refused)
        return .refused(.quotaExceeded(limit.retryAfterSeconds(decision, cost: question.cost)), hold)
    }

    private func admit(
        _ question: borrowing QuotaQuestion, _ hold: consuming QuotaHold, _ outcome: QuotaOutcome
    ) -> QuotaAnswer {
        // Somebody may have been quicker.
        guard hold.begin(question) else { return self.tooMany(question, hold) }
        if outcome == .storeFailed { hold.outcome = outcome } else { self.count(question, &hold, outcome) }
        return .admitted(hold)
    }

    private func tooMany(_ question: borrowing QuotaQuestion, _ hold: consuming QuotaHold) -> QuotaAnswer {
        if question.plan.isDryRun {
            self.count(question, &hold, .dryRun)
            return .admitted(hold)
        }
        self.count(question, &hold, .tooMany)
        return .refused(.tooManyInFlight, hold)
    }

    private func count(_ question: borrowing QuotaQuestion, _ hold: inout QuotaHold, _ outcome: QuotaOutcome) {
        hold.outcome = outcome
        let callerClass = question.caller.callerClass
        let quota = self.quotaIndex(of: question.plan)
        self.metrics.quotaAsked(quota: quota, callerClass: callerClass.index, outcome: outcome)
        guard self.topCallers.indices.contains(quota) else { return }
        self.topCallers[quota].count(
            question.key, label: question.label.span, callerClass, isAllowed: outcome == .allowed,
            now: self.loop.now)
    }
}
