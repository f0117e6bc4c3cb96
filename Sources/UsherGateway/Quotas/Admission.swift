import UsherQuotas
import UsherTelemetry

/// What the phases up to `limit` found out about a request, and what it holds until it is over.
///
/// Not copyable: what is held is given back once, and copies on every request's path would count their references.
struct Admission: ~Copyable {
    let caller: Caller
    /// Nil: no quota was asked.
    let hold: QuotaHold?

    init(_ caller: Caller, _ hold: consuming QuotaHold?) {
        self.caller = caller
        self.hold = hold
    }

    init(_ caller: Caller) {
        self.init(caller, nil)
    }

    /// What answers say of the quota.
    var fields: RateLimitFields? {
        switch self.hold {
        case .some(let hold): hold.fields
        case .none: nil
        }
    }

    /// The request is over.
    func release() {
        self.hold?.release()
    }

    /// Who asked, and what its quota said.
    func tell(_ entry: inout AccessEntry, _ credentials: Credentials) {
        entry.identity = self.caller.name
        if credentials.readsAny { entry.callerClass = self.caller.className }
        self.hold?.tell(&entry)
    }
}
