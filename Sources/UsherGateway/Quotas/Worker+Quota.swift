import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// What a quota said.
enum QuotaVerdict {
    case admitted(Admission)
    case refused(PathRefusal, Admission)
    /// The store that gateways share has to be asked first: `Worker.ask` does.
    case unknown(RedisQuotaStore, QuotaLimit, QuotaQuestion)
}

/// One question to a quota.
struct QuotaQuestion {
    let quota: QuotaPlan
    let caller: Caller
    let cost: UInt64
    /// The caller's name in this process, and as store and audit have it.
    let key: KeyedHash
    let label: [UInt8]
}

/// The quota's part of the `limit` phase.
extension Worker {
    /// Asks the quota of a route as far as this gateway alone can say.
    func ask(_ use: QuotaUse, _ caller: Caller, _ downstream: any Downstream, _ plan: RoutePlan) -> QuotaVerdict {
        let quota = use.plan
        let (head, peer) = (downstream.head, downstream.peer)
        let label = use.label(of: caller, head, peer, plan, &self.scratch)
        let key = quota.local.key(label.span, space: caller.classSpace)
        let cost = use.cost(of: caller, head, peer, plan)
        let question = QuotaQuestion(quota: quota, caller: caller, cost: cost, key: key, label: label)
        // Before anything is used, because there is no giving it back.
        guard quota.hasRoom(for: caller.callerClass, key) else { return self.tooMany(question) }
        guard let limit = quota.limit(for: caller.callerClass) else {
            return self.admit(Admission(caller, quota, key: key, .allowed), question)
        }
        if let store = self.store(of: quota) { return .unknown(store, limit, question) }
        return self.askHere(limit, question)
    }

    /// Asks the store that gateways share; `done` is called on this loop, at once when the store cannot be asked now,
    /// with what gives the verdict: that may hold something of the quota, so it is made only for who is still there.
    func ask(
        _ store: RedisQuotaStore, _ limit: QuotaLimit, _ question: QuotaQuestion,
        _ done: @escaping (@escaping () -> QuotaVerdict) -> Void
    ) {
        let keys = question.quota.storeKeys(for: question.caller.callerClass)
        store.take(question.label.span, in: keys, limit, cost: question.cost) { result in
            done {
                switch result {
                case .success(let decision): self.judge(decision, limit, question)
                case .failure: self.storeFailed(limit, question)
                }
            }
        }
    }

    private func askHere(_ limit: QuotaLimit, _ question: borrowing QuotaQuestion) -> QuotaVerdict {
        let decision = question.quota.local.take(question.key, limit, cost: question.cost, now: self.loop.now)
        return self.judge(decision, limit, question)
    }

    private func storeFailed(_ limit: QuotaLimit, _ question: borrowing QuotaQuestion) -> QuotaVerdict {
        let quota = question.quota
        self.metrics.quotaAsked(
            quota: self.quotaIndex(of: quota), callerClass: question.caller.callerClass.index, outcome: .storeFailed)
        let admission = Admission(question.caller, quota, key: question.key, .storeFailed)
        switch quota.settings.onFailure {
        case .local: return self.askHere(limit, question)
        case .refuse where !quota.isDryRun: return .refused(.quotaStoreSilent, admission)
        case .allow, .refuse: return self.admit(admission, question)
        }
    }

    private func judge(
        _ decision: QuotaDecision, _ limit: QuotaLimit, _ question: borrowing QuotaQuestion
    ) -> QuotaVerdict {
        let quota = question.quota
        let isRefused = !decision.isAllowed && !quota.isDryRun
        let outcome = decision.isAllowed ? QuotaOutcome.allowed : isRefused ? .refused : .dryRun
        let admission = Admission(question.caller, quota, key: question.key, outcome, decision.debts)
        guard isRefused else { return self.admit(admission, question) }
        self.count(question, outcome, isAllowed: false)
        return .refused(.quotaExceeded(limit.retryAfterSeconds(decision, cost: question.cost)), admission)
    }

    /// Counts the request among those of its caller that are on their way.
    private func admit(_ admission: consuming Admission, _ question: borrowing QuotaQuestion) -> QuotaVerdict {
        if let maximum = question.quota.inFlightMaximum(for: question.caller.callerClass),
            !admission.begin(limit: maximum), !question.quota.isDryRun
        {
            // Somebody was quicker.
            return self.tooMany(question)
        }
        let outcome = admission.outcome ?? .allowed
        if outcome != .storeFailed { self.count(question, outcome, isAllowed: outcome == .allowed) }
        return .admitted(admission)
    }

    private func tooMany(_ question: borrowing QuotaQuestion) -> QuotaVerdict {
        let outcome = question.quota.isDryRun ? QuotaOutcome.dryRun : .tooMany
        self.count(question, outcome, isAllowed: false)
        let admission = Admission(question.caller, question.quota, key: question.key, outcome)
        return question.quota.isDryRun ? .admitted(admission) : .refused(.tooManyInFlight, admission)
    }

    private func count(_ question: borrowing QuotaQuestion, _ outcome: QuotaOutcome, isAllowed: Bool) {
        let callerClass = question.caller.callerClass
        let quota = self.quotaIndex(of: question.quota)
        self.metrics.quotaAsked(quota: quota, callerClass: callerClass.index, outcome: outcome)
        guard self.topCallers.indices.contains(quota) else { return }
        self.topCallers[quota].count(
            question.key, label: question.label.span, callerClass, isAllowed: isAllowed,
            unixMilliseconds: WallClock.milliseconds())
    }
}
