public import UsherHTTP

/// How a cache dealt with one request, as the member that it adds to `Cache-Status` (RFC 9211).
public struct CacheStatus: Sendable, Hashable {
    /// Why the request went on to a service (§2.2).
    public enum Forward: Sendable, Hashable, CaseIterable {
        /// No stored answer had this target.
        case uriMiss
        /// One had it, but none for such a request.
        case varyMiss
        /// None could be used; which of the two it was is not known.
        case miss
        /// The one that there was is stale.
        case stale
        /// The client wants no stored one.
        case request
        /// The method's answers are not stored.
        case method
        /// The cache was not to be used.
        case bypass
        /// Only a part was there.
        case partial

        public var word: StaticString {
            switch self {
            case .uriMiss: "uri-miss"
            case .varyMiss: "vary-miss"
            case .miss: "miss"
            case .stale: "stale"
            case .request: "request"
            case .method: "method"
            case .bypass: "bypass"
            case .partial: "partial"
            }
        }
    }

    /// Whether a stored answer was sent without asking a service.
    public var isHit: Bool
    /// Not beside a hit.
    public var forward: Forward?
    /// What the service answered, when that is not what the client gets.
    public var forwardStatus: Int?
    /// Unit: seconds; negative when the answer is stale.
    public var timeToLive: Int?
    /// Whether the service's answer was stored.
    public var isStored: Bool
    /// Whether the request waited for another one's answer.
    public var isCollapsed: Bool
    /// One token that says more.
    public var detail: StaticString?

    public init(
        isHit: Bool = false, forward: Forward? = nil, forwardStatus: Int? = nil, timeToLive: Int? = nil,
        isStored: Bool = false, isCollapsed: Bool = false, detail: StaticString? = nil
    ) {
        self.isHit = isHit
        self.forward = forward
        self.forwardStatus = forwardStatus
        self.timeToLive = timeToLive
        self.isStored = isStored
        self.isCollapsed = isCollapsed
        self.detail = detail
    }

    /// Bytes that `write` needs at most, but for a long `detail`.
    public static let lineCount = 160

    /// Writes the whole line with its CRLF; it must stand behind lines of other caches (§2). Allocates nothing.
    public func write(to writer: inout HeadWriter) {
        writer.write("Cache-Status: usher")
        if isHit {
            writer.write("; hit")
        } else if let forward {
            writer.write("; fwd=")
            writer.write(forward.word)
            if let forwardStatus {
                writer.write("; fwd-status=")
                writer.write(decimal: forwardStatus)
            }
        }
        if let timeToLive {
            writer.write(timeToLive < 0 ? "; ttl=-" : "; ttl=")
            // A negative number is written without its sign, and the least one has no opposite.
            writer.write(decimal: timeToLive < 0 ? max(timeToLive, -Int.max) * -1 : timeToLive)
        }
        if isStored { writer.write("; stored") }
        if isCollapsed { writer.write("; collapsed") }
        if let detail {
            writer.write("; detail=")
            writer.write(detail)
        }
        writer.write("\r\n")
    }

    public static func == (left: CacheStatus, right: CacheStatus) -> Bool {
        left.isHit == right.isHit && left.forward == right.forward && left.forwardStatus == right.forwardStatus
            && left.timeToLive == right.timeToLive && left.isStored == right.isStored
            && left.isCollapsed == right.isCollapsed && left.detail?.description == right.detail?.description
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(isHit)
        hasher.combine(forward)
        hasher.combine(forwardStatus)
        hasher.combine(timeToLive)
        hasher.combine(isStored)
        hasher.combine(isCollapsed)
        hasher.combine(detail?.description)
    }
}
