import UsherConfiguration
import UsherConsole
import UsherHTTP
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// The phases `identify` and `limit` as they would go.
extension RequestExplainer {
    /// Who asks; nil when the request is refused for what it shows.
    func identify(_ head: RequestHead, _ peer: Peer, _ explanation: inout Explanation) -> Caller? {
        let credentials = self.snapshot.credentials
        let shown = ShownCredentials(head, credentials)
        let secret = shown.secret.map { self.verdict(on: $0.content) }
        switch shown.caller(certificate: nil, secret: secret) {
        case .invalid(let fault):
            explanation.refuse("identify", .credentialRefused(fault), detail: "\(fault.sentence)")
            return nil
        case .caller(let caller):
            let name = String(decoding: caller.name, as: UTF8.self)
            let className = String(decoding: caller.className, as: UTF8.self)
            explanation.callerClass = className
            if !name.isEmpty { explanation.identity = name }
            var how = shown.secret?.content.kind.label ?? ""
            if case .caller(let owner) = shown.key?.verdict, owner === caller { how = CredentialKind.key.label }
            explanation.add("identify", name.isEmpty ? className : "\(name) by \(how), class \(className)")
            return caller
        }
    }

    private func verdict(on secret: ShownCredentials.Secret) -> CredentialVerdict {
        let now = Int64(WallClock.seconds)
        guard let commons = self.commons else { return self.snapshot.credentials.verdict(on: secret, now: now).verdict }
        let verdict = commons.checker.verdict(
            on: secret, from: Self.client, by: self.snapshot.credentials, now: now, monotonic: ServiceControl.now)
        if case .invalid(let fault) = verdict { commons.audit?.loginFailed(secret.kind, fault, from: Self.client) }
        return verdict
    }

    /// What the route would say to this caller, and its quota; false when one of them would refuse.
    func limit(
        _ plan: RoutePlan, _ caller: Caller, _ head: RequestHead, _ peer: Peer, _ explanation: inout Explanation
    ) -> Bool {
        if let refusal = plan.refusal(of: caller) {
            let wanted = plan.classNames.joined(separator: ", ")
            explanation.refuse("limit", refusal, detail: "\(refusal.answer.why): the route requires \(wanted)")
            return false
        }
        guard let use = plan.quota else {
            explanation.add("limit", "passes")
            return true
        }
        explanation.quota = use.plan.name
        var scratch: [UInt8] = []
        let question = use.question(of: caller, head, peer, plan, &scratch)
        guard question.hasRoom || use.plan.isDryRun else {
            let why = PathRefusal.tooManyInFlight.answer.why
            explanation.refuse("limit", .tooManyInFlight, detail: "quota \(use.plan.name): \(why)")
            return false
        }
        guard let limit = question.limit else {
            let maximum = use.plan.inFlightMaximum(for: caller.callerClass)
            let how = maximum.map { "lets \($0) requests of one caller be on their way" } ?? "does not limit this class"
            explanation.add("limit", "quota \(use.plan.name) \(how)")
            return true
        }
        if let store = use.plan.redis {
            explanation.add("limit", "quota \(use.plan.name), counted in \(store.settings.address)")
            return true
        }
        var debts = use.plan.local.debts(of: question.key, limit, now: ServiceControl.now)
        explanation.quotaLeft = limit.left(debts)
        let left =
            "quota \(use.plan.name): \(limit.left(debts)) left for \(String(decoding: question.label, as: UTF8.self))"
        let decision = QuotaDecision(isAllowed: limit.offer(cost: question.cost, debts: &debts), debts: debts)
        guard decision.isAllowed || use.plan.isDryRun else {
            let seconds = limit.retryAfterSeconds(decision, cost: question.cost)
            explanation.refuse("limit", .quotaExceeded(seconds), detail: left)
            return false
        }
        explanation.add("limit", left)
        return true
    }
}
