import UsherCore
import UsherQuotas
import UsherStores
import UsherTelemetry

/// What the phases up to `limit` found out about a request, and what it holds until it is over.
struct Admission {
    let caller: Caller
    /// Nil: no quota was asked.
    private(set) var quota: QuotaPlan?
    let outcome: QuotaOutcome?
    /// The caller's name in the quota's local store.
    private let key: KeyedHash
    /// What of the quota is used; only where `isCounted`.
    private var debts = QuotaDebts(repeating: 0)
    private var isCounted = false
    /// Counted among the caller's requests that are on their way.
    private var isInFlight = false

    init(_ caller: Caller) {
        self.caller = caller
        self.outcome = nil
        self.key = KeyedHash(high: 0, low: 0)
    }

    init(_ caller: Caller, _ quota: QuotaPlan, key: KeyedHash, _ outcome: QuotaOutcome) {
        self.caller = caller
        self.quota = quota
        self.key = key
        self.outcome = outcome
    }

    init(_ caller: Caller, _ quota: QuotaPlan, key: KeyedHash, _ outcome: QuotaOutcome, _ debts: QuotaDebts) {
        self.init(caller, quota, key: key, outcome)
        self.debts = debts
        self.isCounted = true
    }

    /// Nobody was asked about.
    static let none = Admission(.anonymous)

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

    /// Counts the request among those of its caller that are on their way, if there is room for one more.
    mutating func begin(limit: Int) -> Bool {
        guard let quota = self.quota, quota.local.begin(self.key, limit: limit) else { return false }
        self.isInFlight = true
        return true
    }

    /// The request is over.
    func release() {
        if self.isInFlight { self.quota?.local.end(self.key) }
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
