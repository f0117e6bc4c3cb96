import UsherCore
import UsherQuotas
import UsherStores
import UsherTelemetry

/// What one request asks of its quota; not copyable for the same reason as `QuotaHold`.
struct QuotaQuestion: ~Copyable {
    let plan: QuotaPlan
    let caller: Caller
    /// Nil: callers of this class are not limited.
    let limit: QuotaLimit?
    /// The caller's name in this gateway's own store.
    let key: KeyedHash
    /// What store and audit call it.
    let label: [UInt8]
    /// The quota's own `key` names the caller.
    let isKeyed: Bool
    let cost: UInt64

    init(_ plan: QuotaPlan, _ caller: Caller, label: [UInt8], isKeyed: Bool, cost: UInt64) {
        self.plan = plan
        self.caller = caller
        self.limit = plan.limit(for: caller.callerClass)
        self.label = label
        self.isKeyed = isKeyed
        self.cost = cost
        self.key = plan.local.key(label.span, space: isKeyed ? ~caller.classSpace : caller.classSpace)
    }

    /// Requests of the caller that may be on their way at once; nil: any number.
    var inFlightMaximum: Int? { self.plan.inFlightMaximum(for: self.caller.callerClass) }

    /// Whether one more may be; `QuotaHold.begin` decides.
    var hasRoom: Bool {
        guard let maximum = self.inFlightMaximum else { return true }
        return self.plan.local.inFlight(self.key) < maximum
    }
}

/// What a request asks that waits for the answer of a shared store.
final class ParkedQuestion {
    let question: QuotaQuestion

    init(_ question: consuming QuotaQuestion) {
        self.question = question
    }
}

/// What a quota said to one request, and what the request holds of it until it is over.
///
/// Not copyable: what is held is given back once, and copies on every request's path would count their references.
struct QuotaHold: ~Copyable {
    let plan: QuotaPlan
    private let limit: QuotaLimit?
    private let key: KeyedHash
    /// Nil: the quota has not answered.
    var outcome: QuotaOutcome?
    /// What is used of each window.
    private var debts = QuotaDebts(repeating: 0)
    private var isCounted = false
    /// Counted among the caller's requests that are on their way.
    private var isInFlight = false

    init(_ question: borrowing QuotaQuestion) {
        self.plan = question.plan
        self.limit = question.limit
        self.key = question.key
    }

    /// Counts the request among those of its caller that are on their way; false: there is no room for one more.
    mutating func begin(_ question: borrowing QuotaQuestion) -> Bool {
        guard let maximum = question.inFlightMaximum else { return true }
        self.isInFlight = self.plan.local.begin(self.key, limit: maximum)
        return self.isInFlight
    }

    mutating func decided(_ debts: QuotaDebts) {
        self.debts = debts
        self.isCounted = true
    }

    /// The request is over.
    func release() {
        if self.isInFlight { self.plan.local.end(self.key) }
    }

    // MARK: Telling

    /// What answers say of the quota: nothing in a dry run, because who is not refused anything must not be told of a
    /// limit.
    var fields: RateLimitFields? {
        guard self.isCounted, !self.plan.isDryRun, let limit = self.limit else { return nil }
        return RateLimitFields(limit, self.debts)
    }

    func tell(_ entry: inout AccessEntry) {
        entry.quota = self.plan.logName
        entry.quotaOutcome = self.outcome
        // What is left of the tightest window.
        if self.isCounted { entry.quotaLeft = self.limit?.left(self.debts) }
    }
}
