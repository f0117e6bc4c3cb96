public import UsherHTTP

/// What storing an answer needs to know of its request.
public struct StorageRequest: Sendable, Hashable {
    /// The only method whose answers are kept.
    public var isGet: Bool
    /// Whether it came with a credential of any kind.
    public var isAuthorized: Bool
    /// Whether the client forbids storing (RFC 9111 §5.2.1.5).
    public var hasNoStore: Bool

    public init(isGet: Bool, isAuthorized: Bool, hasNoStore: Bool) {
        self.isGet = isGet
        self.isAuthorized = isAuthorized
        self.hasNoStore = hasNoStore
    }
}

/// Whether an answer is kept.
public enum StorageVerdict: Sendable, Hashable {
    case store
    case refuse(StorageRefusal)
}

/// Why an answer is not kept.
public enum StorageRefusal: Sendable, Hashable, CaseIterable {
    /// Only answers to GET are.
    case method
    /// Its status is one that is never stored, or that is not understood although it must be.
    case status
    /// The service or the client forbids it.
    case noStore
    /// It is for one user.
    case isPrivate
    /// The request had a credential, and the answer does not say that others may have it too (RFC 9111 §3.5).
    case authorization
    /// It sets a cookie, which is one user's unless the answer is explicitly public.
    case setCookie
    /// It was chosen by what no other request can be compared with.
    case vary
    /// It says nothing of its freshness, and its status allows no guess.
    case notCacheable
    /// It could not be used without asking anew, and cannot be asked for.
    case uselessNow

    /// One token for logs and `Cache-Status`.
    public var word: StaticString {
        switch self {
        case .method: "method"
        case .status: "status"
        case .noStore: "no-store"
        case .isPrivate: "private"
        case .authorization: "authorization"
        case .setCookie: "set-cookie"
        case .vary: "vary"
        case .notCacheable: "not-cacheable"
        case .uselessNow: "useless"
        }
    }
}

/// Decides whether a shared cache keeps an answer (RFC 9111 §3).
public enum StorageRule {
    public static func judge(
        _ request: StorageRequest, _ head: ResponseHead, _ directives: ResponseDirectives, _ facts: AnswerFacts
    ) -> StorageVerdict {
        if let refusal = refusal(request, head.status, directives) { return .refuse(refusal) }
        if VaryNames(head) == nil { return .refuse(.vary) }
        if head.known.contains(.setCookie), !StoredFields.maySetCookies(directives),
            !StoredFields.isWithheld("set-cookie", directives)
        {
            return .refuse(.setCookie)
        }
        guard isExplicit(head, directives) || StatusRules.isHeuristicallyCacheable(head.status) else {
            return .refuse(.notCacheable)
        }
        let isUsedStale = facts.staleWhileRevalidate ?? 0 > 0 || facts.staleIfError ?? 0 > 0
        let isUsed = !facts.noCache && (!facts.isStaleFromTheStart || isUsedStale)
        return isUsed || facts.hasValidator ? .store : .refuse(.uselessNow)
    }

    private static func refusal(
        _ request: StorageRequest, _ status: Int, _ directives: ResponseDirectives
    ) -> StorageRefusal? {
        guard request.isGet else { return .method }
        let isUnderstood = StatusRules.isUnderstood(status)
        guard !StatusRules.isNeverStored(status), isUnderstood || !directives.mustUnderstand else { return .status }
        // With `must-understand`, `no-store` speaks to caches that know neither (RFC 9111 §5.2.2.3).
        guard !request.hasNoStore, !directives.noStore || directives.mustUnderstand else { return .noStore }
        guard !directives.isPrivate else { return .isPrivate }
        let isForOthers = directives.isPublic || directives.mustRevalidate || directives.sharedMaxAge != nil
        return request.isAuthorized && !isForOthers ? .authorization : nil
    }

    private static func isExplicit(_ head: ResponseHead, _ directives: ResponseDirectives) -> Bool {
        directives.isPublic || directives.maxAge != nil || directives.sharedMaxAge != nil
            || (head.known.contains(.expires) && !directives.isTargeted)
    }
}
