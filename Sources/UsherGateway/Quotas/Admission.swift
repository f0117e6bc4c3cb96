import UsherQuotas
import UsherTelemetry

/// What the phases up to `limit` found out about a request, and what it holds until it is over.
struct Admission {
    let caller: Caller
    /// Nil: no quota was asked.
    var hold: QuotaHold?

    init(_ caller: Caller, _ hold: consuming QuotaHold? = nil) {
        self.caller = caller
        self.hold = hold
    }

    /// What answers say of the quota.
    var fields: RateLimitFields? { self.hold?.fields }

    /// The request is over.
    func release() {
        self.hold?.release()
    }
}

extension AccessEntry {
    /// Who asked, and what its quota said.
    mutating func take(_ admission: Admission, _ credentials: Credentials) {
        self.identity = admission.caller.name
        if credentials.readsAny { self.callerClass = admission.caller.className }
        guard let hold = admission.hold else { return }
        self.quota = hold.plan.logName
        self.quotaOutcome = hold.outcome
        self.quotaLeft = hold.left
    }
}
