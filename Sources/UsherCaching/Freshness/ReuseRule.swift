public import UsherCore

/// What may be done with a stored answer.
public enum Reuse: Sendable, Hashable {
    /// It is the answer.
    case fresh
    /// It is the answer, and its service is asked meanwhile.
    case staleWhileRevalidate
    /// It is the answer, because the client takes stale ones.
    case stale
    /// The service must be asked whether it still holds.
    case validate(ForwardReason)
}

/// Why a service is asked although there is a stored answer, in the sense of RFC 9211 §2.2.
public enum ForwardReason: Sendable, Hashable {
    /// The answer may not be used as it is.
    case stale
    /// It might be, but the client wants better.
    case request
}

/// Decides whether a stored answer may be used, for a shared cache (RFC 9111 §4 and §5.2.1).
public enum ReuseRule {
    public static func judge(_ facts: AnswerFacts, _ request: RequestDirectives, now: MonotonicTime) -> Reuse {
        if facts.noCache { return .validate(.stale) }
        let left = facts.timeToLive(now: now)
        if request.isDefault {
            if left > 0 { return .fresh }
            return isWithin(facts.staleWhileRevalidate, left) ? .staleWhileRevalidate : .validate(.stale)
        }
        if request.noCache { return .validate(.request) }
        // 0 is what browsers send to reload, and an answer is 0 seconds old for a whole second.
        if let most = request.maxAge, most == 0 || facts.age(now: now) > most { return .validate(.request) }
        if left > 0 { return left >= request.minFresh ?? 0 ? .fresh : .validate(.request) }
        // Who wants it fresh for a while, or not older than so much, takes no stale one (§5.2.1.1, §5.2.1.3).
        guard request.minFresh == nil, request.maxAge == nil || request.maxStale != nil else {
            return .validate(.stale)
        }
        if isWithin(facts.staleWhileRevalidate, left) { return .staleWhileRevalidate }
        let isTaken = !facts.mustRevalidate && -left <= request.maxStale ?? -1
        return isTaken ? .stale : .validate(.stale)
    }

    /// Whether a stored answer may stand in for a service that cannot be reached or fails (RFC 5861 §4): when the
    /// answer allows it, or the client does and the answer does not forbid it.
    public static func mayServeOnError(
        _ facts: AnswerFacts, _ request: RequestDirectives, now: MonotonicTime
    ) -> Bool {
        guard !facts.noCache else { return false }
        let left = facts.timeToLive(now: now)
        if !facts.mustRevalidate, isWithin(request.staleIfError, left) { return true }
        return !request.noCache && isWithin(facts.staleIfError, left)
    }

    /// Whether an answer of the service counts as its failing (RFC 5861 §4).
    public static func isServerError(_ status: Int) -> Bool {
        switch status {
        case 500, 502, 503, 504: true
        default: false
        }
    }

    /// Whether an answer that is stale since `-left` seconds is so for less than a window. Whole seconds that have
    /// begun count, as they do for freshness, so that a window of 0 allows nothing.
    private static func isWithin(_ window: Int?, _ left: Int) -> Bool {
        window.map { -left < $0 } ?? false
    }
}
