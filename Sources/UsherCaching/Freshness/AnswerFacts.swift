public import UsherCore
public import UsherHTTP

/// What is kept of a stored answer to judge its reuse: how old it was, how long it is fresh, what it allows then.
///
/// 32 bytes, because a cache holds millions of them. The clock of the day is needed once, when the answer comes, to
/// compare its dates; from then on age grows with the monotonic clock (RFC 9111 §4.2.3), so that setting the clock of
/// the day makes nothing older or younger.
public struct AnswerFacts: Sendable, Hashable {
    private struct Flags: OptionSet, Hashable {
        let rawValue: UInt8

        static let noCache = Flags(rawValue: 1)
        static let mustRevalidate = Flags(rawValue: 2)
        static let hasSharedMaxAge = Flags(rawValue: 4)
        static let isHeuristic = Flags(rawValue: 8)
        static let hasValidator = Flags(rawValue: 16)
    }

    /// Stands for a window that was not given.
    private static let none = UInt32.max
    /// No heuristic lifetime is longer. Unit: seconds; a day.
    public static let heuristicMaximum = 86_400

    /// When the answer was `ageThen` seconds old.
    private var then: MonotonicTime
    private var ageThen: UInt32
    private var lifetimeSeconds: UInt32
    private var revalidateSeconds = AnswerFacts.none
    private var errorSeconds = AnswerFacts.none
    private var flags: Flags = []

    /// - Parameters:
    ///   - requestedAt: when the request for it was sent.
    ///   - receivedAt: when its head had come.
    ///   - unixSeconds: the time of day then, in seconds since 1970.
    public init(
        _ head: ResponseHead, _ directives: ResponseDirectives, requestedAt: MonotonicTime, receivedAt: MonotonicTime,
        unixSeconds: Int
    ) {
        self.init(
            FreshnessFields(head, now: unixSeconds), directives, status: head.status, requestedAt: requestedAt,
            receivedAt: receivedAt, unixSeconds: unixSeconds)
    }

    init(
        _ fields: FreshnessFields, _ directives: ResponseDirectives, status: Int, requestedAt: MonotonicTime,
        receivedAt: MonotonicTime, unixSeconds: Int
    ) {
        let date = fields.date ?? unixSeconds
        let apparent = min(max(0, unixSeconds - date), DeltaSeconds.most)
        // What `Age` says was true at the latest when the answer set out, so the way counts from the request on. Both
        // grow alike from here; the larger one now is the larger one ever after.
        let delay = receivedAt.nanoseconds(since: requestedAt)
        let (corrected, overflow) = (UInt64(fields.age) * 1_000_000_000).addingReportingOverflow(delay)
        if overflow || corrected > UInt64(apparent) * 1_000_000_000 {
            then = requestedAt < receivedAt ? requestedAt : receivedAt
            ageThen = UInt32(fields.age)
        } else {
            then = receivedAt
            ageThen = UInt32(apparent)
        }
        let lifetime = Self.lifetime(fields, directives, status: status, date: date)
        lifetimeSeconds = UInt32(min(max(0, lifetime.seconds), DeltaSeconds.most))
        if lifetime.isHeuristic { flags.insert(.isHeuristic) }
        if fields.hasEntityTag || fields.lastModified != nil { flags.insert(.hasValidator) }
        if directives.noCache { flags.insert(.noCache) }
        if directives.mustRevalidate || directives.proxyRevalidate || directives.noCache {
            flags.insert(.mustRevalidate)
        }
        if directives.sharedMaxAge != nil { flags.insert(.hasSharedMaxAge) }
        guard !flags.contains(.mustRevalidate) else { return }
        if let seconds = directives.staleWhileRevalidate { revalidateSeconds = UInt32(clamping: seconds) }
        if let seconds = directives.staleIfError { errorSeconds = UInt32(clamping: seconds) }
    }

    /// RFC 9111 §4.2.1, and §4.2.2 where nothing explicit is there.
    private static func lifetime(
        _ fields: FreshnessFields, _ directives: ResponseDirectives, status: Int, date: Int
    ) -> (seconds: Int, isHeuristic: Bool) {
        if let seconds = directives.sharedMaxAge ?? directives.maxAge { return (seconds, false) }
        if fields.hasExpires, !directives.isTargeted {
            return (fields.expires.map { max(0, $0 - date) } ?? 0, false)
        }
        guard StatusRules.isHeuristicallyCacheable(status) || directives.isPublic,
            let modified = fields.lastModified
        else { return (0, true) }
        return (min(max(0, date - modified) / 10, heuristicMaximum), true)
    }

    /// Seconds since the answer was made or validated, as `Age` tells it; 2³¹ at most.
    public func age(now: MonotonicTime) -> Int {
        min(Int(ageThen) + Int(clamping: now.nanoseconds(since: then) / 1_000_000_000), DeltaSeconds.most)
    }

    /// Seconds from the answer's making for which it is fresh; 0...2³¹.
    public var lifetime: Int { Int(lifetimeSeconds) }

    /// Seconds for which it stays fresh: 0 or negative when it is stale, by how much it is stale.
    public func timeToLive(now: MonotonicTime) -> Int { lifetime - age(now: now) }

    /// Whether `lifetime` is a guess, because the answer says nothing of it.
    public var isHeuristic: Bool { flags.contains(.isHeuristic) }

    /// Whether a service can be asked if it still holds: an entity tag, or the date of the last change.
    public var hasValidator: Bool { flags.contains(.hasValidator) }

    /// Whether each use must be validated first.
    public var noCache: Bool { flags.contains(.noCache) }

    /// Whether the answer forbids that it is used stale (RFC 9111 §4.2.4): `must-revalidate`, `proxy-revalidate`,
    /// `no-cache`, or `s-maxage`, which includes `proxy-revalidate` (§5.2.2.10).
    public var mustRevalidate: Bool { !flags.isDisjoint(with: [.mustRevalidate, .hasSharedMaxAge]) }

    /// How stale it may be while it is being validated (RFC 5861 §3), in seconds.
    ///
    /// Nil without the directive, and beside `must-revalidate`, `proxy-revalidate` and `no-cache`. Beside `s-maxage`
    /// it counts: who writes both means both, and every shared cache in use reads it so.
    public var staleWhileRevalidate: Int? { revalidateSeconds == Self.none ? nil : Int(revalidateSeconds) }

    /// How stale it may be when the service fails (RFC 5861 §4), in seconds; nil as above.
    public var staleIfError: Int? { errorSeconds == Self.none ? nil : Int(errorSeconds) }

    /// Whether it was never fresh here, not even when it came.
    var isStaleFromTheStart: Bool { lifetimeSeconds <= ageThen }

    /// Ends the freshness now: the answer may still be validated, and used stale where it allows that, counted from
    /// here on. Without a moment it counts as stale since it was made.
    public mutating func expire(now: MonotonicTime? = nil) {
        let end = now.map { age(now: $0) } ?? 0
        lifetimeSeconds = min(lifetimeSeconds, UInt32(clamping: end))
    }
}
