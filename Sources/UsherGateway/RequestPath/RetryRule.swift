import UsherTransport

/// Whether a request that failed may be tried again; docs/patterns/replicated.md has the rules.
///
/// Why it failed                                   | Then
/// ------------------------------------------------|---------------------------------------------------------------
/// no connection came about                        | another replica, free of attempts and budget
/// a reused connection died, nothing can be sent    | a fresh connection to the same replica, any method, once
/// a reused connection died before an answer       | the same, when sending twice does no harm
/// reset, silence, garbage, broken-off head, taken | another replica when sending twice does no harm, within attempts
/// out before the answer                           |
/// status 502, 503, 504                            | the same
/// anything after the answer's first byte          | the end
struct RetryRule {
    enum Verdict: Equatable {
        case giveUp
        case sameReplica
        /// - Parameter isFree: costs nothing of the retry budget.
        case another(isFree: Bool)
    }

    let attemptsMax: Int
    let isIdempotent: Bool
    /// Tries that were made, connecting included.
    private(set) var attempts = 0
    private(set) var lastFailure: UpstreamFailure?
    private var countedAttempts = 0
    private var hasRenewedConnection = false

    init(attemptsMax: Int, isIdempotent: Bool) {
        self.attemptsMax = attemptsMax
        self.isIdempotent = isIdempotent
    }

    mutating func tryStarted() {
        self.attempts += 1
        self.countedAttempts += 1
    }

    /// - Parameter isReplayable: everything of the request that was sent can be sent again.
    mutating func judge(_ failure: UpstreamFailure, isReplayable: Bool) -> Verdict {
        self.lastFailure = failure
        switch failure.kind {
        case .connectFailed, .connectTimedOut:
            self.countedAttempts -= 1
            return .another(isFree: true)
        case .closedBeforeAnswer where failure.wasReused && !self.hasRenewedConnection:
            guard isReplayable, failure.nothingSent || self.isIdempotent else { return .giveUp }
            self.hasRenewedConnection = true
            self.countedAttempts -= 1
            return .sameReplica
        // Nothing of the answer has been passed on: it is judged only while its head is awaited.
        case .closedBeforeAnswer, .closedInAnswer, .badAnswer, .responseTimedOut, .takenOut:
            return self.mayGoOn(isReplayable) ? .another(isFree: false) : .giveUp
        case .idleTimedOut, .totalTimedOut:
            return .giveUp
        }
    }

    /// - Returns: whether this answer is thrown away for another try's, as far as attempts go.
    func wantsAnother(afterStatus status: Int, isReplayable: Bool) -> Bool {
        (502...504).contains(status) && self.mayGoOn(isReplayable)
    }

    /// Whether a try that fails now may be made again elsewhere, as far as attempts go.
    func mayGoOn(_ isReplayable: Bool) -> Bool {
        self.isIdempotent && isReplayable && self.countedAttempts < self.attemptsMax
    }
}
