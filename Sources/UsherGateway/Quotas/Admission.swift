import UsherCore
import UsherQuotas
import UsherStores
import UsherTelemetry

/// What the phases up to `limit` found out about a request, and what it holds until it is over.
struct Admission {
    let caller: Caller
    /// Nil: no quota was asked.
    let quota: QuotaPlan?
    /// Nil: it has not answered.
    var outcome: QuotaOutcome?
    /// The caller's name in the quota's local store.
    let key: KeyedHash
    /// What of the quota is used; only where `isCounted`.
    private var debts = QuotaDebts(repeating: 0)
    private var isCounted = false
    /// Counted among the caller's requests that are on their way.
    private var isInFlight = false

    init(_ caller: Caller) {
        self.caller = caller
        self.quota = nil
        self.key = KeyedHash(high: 0, low: 0)
    }

    init(_ caller: Caller, _ quota: QuotaPlan, key: KeyedHash) {
        self.caller = caller
        self.quota = quota
        self.key = key
    }

    /// Nobody was asked about.
    static let none = Admission(.anonymous)

    // MARK: Asking

    /// Whether one more request of the caller may be on its way; `begin` decides.
    var hasRoom: Bool { self.quota?.hasRoom(for: self.caller.callerClass, self.key) ?? true }

    /// Asks this gateway's own store.
    func take(_ limit: QuotaLimit, cost: UInt64, now: MonotonicTime) -> QuotaDecision {
        self.quota?.local.take(self.key, limit, cost: cost, now: now)
            ?? QuotaDecision(isAllowed: true, debts: self.debts)
    }

    mutating func decided(_ decision: QuotaDecision) {
        self.debts = decision.debts
        self.isCounted = true
    }

    /// Counts the request among those of its caller that are on their way; false: there is no room for one more.
    mutating func begin() -> Bool {
        guard let quota = self.quota, let maximum = quota.inFlightMaximum(for: self.caller.callerClass) else {
            return true
        }
        self.isInFlight = quota.local.begin(self.key, limit: maximum)
        return self.isInFlight
    }

    /// The request is over.
    func release() {
        if self.isInFlight { self.quota?.local.end(self.key) }
    }

    // MARK: Telling

    /// What answers say of the quota: nothing in a dry run, because who is not refused anything must not be told of a
    /// limit.
    var fields: RateLimitFields? {
        guard self.isCounted, let quota = self.quota, !quota.isDryRun else { return nil }
        return quota.limit(for: self.caller.callerClass).map { RateLimitFields($0, self.debts) }
    }

    /// What is left of the tightest window; nil: nothing was counted.
    var left: Int? {
        guard self.isCounted, let quota = self.quota else { return nil }
        return quota.limit(for: self.caller.callerClass)?.left(self.debts)
    }
}

extension AccessEntry {
    /// Who asked, and what its quota said.
    mutating func take(_ admission: Admission, _ credentials: Credentials) {
        self.identity = admission.caller.name
        if credentials.isAny { self.callerClass = admission.caller.classLogName }
        guard let quota = admission.quota else { return }
        self.quota = quota.logName
        self.quotaOutcome = admission.outcome
        self.quotaLeft = admission.left
    }
}
