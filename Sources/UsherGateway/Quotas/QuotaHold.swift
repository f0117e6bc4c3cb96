import UsherCore
import UsherQuotas
import UsherStores
import UsherTelemetry

/// One request at its quota: what it asks for, and what it holds until it is over.
struct QuotaHold {
    let plan: QuotaPlan
    let caller: Caller
    /// The caller's name in this gateway's own store.
    let key: KeyedHash
    /// What store and audit call it.
    let label: [UInt8]
    /// The quota's own `key` names the caller.
    let isKeyed: Bool
    let cost: UInt64
    /// Nil: the quota has not answered.
    private(set) var outcome: QuotaOutcome?
    /// What is used of each window.
    private var debts = QuotaDebts(repeating: 0)
    private var isCounted = false
    /// Counted among the caller's requests that are on their way.
    private var isInFlight = false

    init(_ plan: QuotaPlan, _ caller: Caller, label: [UInt8], isKeyed: Bool, cost: UInt64) {
        self.plan = plan
        self.caller = caller
        self.label = label
        self.isKeyed = isKeyed
        self.cost = cost
        self.key = plan.local.key(label.span, space: isKeyed ? ~caller.classSpace : caller.classSpace)
    }

    /// Nil: callers of this class are not limited.
    var limit: QuotaLimit? { self.plan.limit(for: self.caller.callerClass) }

    /// Whether one more request of the caller may be on its way; `begin` decides.
    var hasRoom: Bool {
        guard let maximum = self.plan.inFlightMaximum(for: self.caller.callerClass) else { return true }
        return self.plan.local.inFlight(self.key) < maximum
    }

    /// Counts the request among those of its caller that are on their way; false: there is no room for one more.
    mutating func begin() -> Bool {
        guard let maximum = self.plan.inFlightMaximum(for: self.caller.callerClass) else { return true }
        self.isInFlight = self.plan.local.begin(self.key, limit: maximum)
        return self.isInFlight
    }

    mutating func decided(_ debts: QuotaDebts) {
        self.debts = debts
        self.isCounted = true
    }

    mutating func answered(_ outcome: QuotaOutcome) {
        self.outcome = outcome
    }

    /// The request is over.
    func release() {
        if self.isInFlight { self.plan.local.end(self.key) }
    }

    // MARK: Telling

    /// What answers say of the quota: nothing in a dry run, because who is not refused anything must not be told of a
    /// limit.
    var fields: RateLimitFields? {
        guard self.isCounted, !self.plan.isDryRun else { return nil }
        return self.limit.map { RateLimitFields($0, self.debts) }
    }

    /// What is left of the tightest window; nil: nothing was counted.
    var left: Int? {
        self.isCounted ? self.limit?.left(self.debts) : nil
    }
}
