public import UsherCore

/// Which requests, and what happens with them.
public struct RouteSettings: Sendable, Hashable {
    /// For logs and metrics: the match's host and path (`api.example.com/v1/*`), `*` for everything.
    ///
    /// The second route of one host and path ends in `#2`.
    public var name: String
    public var match = RouteMatch()
    /// Taken off the path before it is sent on, such as `/v1`.
    public var stripPrefix: String?
    /// Edits of the answer's fields.
    public var headers = HeaderEdits()
    /// Edits of the fields that the service sees.
    public var requestHeaders = HeaderEdits()
    public var timeouts = TimeoutOverrides()
    public var retries = RetryOverrides()
    public var limits = RouteLimits()
    public var encodedSlashes = EncodedSlashes.refuse
    /// Classes that may use the route; `authenticated` stands for everybody who is known. Empty: everybody.
    public var require: [String] = []
    public var quota: RouteQuota?
    /// The cache that keeps its answers. Nil: none does.
    public var cache: String?
    public var action: RouteAction

    public init(name: String, action: RouteAction) {
        self.name = name
        self.action = action
    }
}

/// Conditions that must all hold; one without any matches everything.
public struct RouteMatch: Sendable, Hashable {
    public var host: HostPattern?
    public var path: PathPattern?
    /// Empty: every method.
    public var methods: [String] = []
    public var headers: [HeaderMatch] = []

    public init() {}
}

/// A field that must be present with exactly this value.
public struct HeaderMatch: Sendable, Hashable {
    /// Lower-case.
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

public struct HeaderEdits: Sendable, Hashable {
    public struct Assignment: Sendable, Hashable {
        public var name: String
        public var value: Template

        public init(name: String, value: Template) {
            self.name = name
            self.value = value
        }
    }

    /// Fields that replace those of the same name.
    public var set: [Assignment] = []
    public var remove: [String] = []

    public init() {}

    public var isEmpty: Bool { self.set.isEmpty && remove.isEmpty }
}

/// A route's own time-outs; nil is the service's.
public struct TimeoutOverrides: Sendable, Hashable {
    public var response: Duration?
    public var total: Duration?
    public var idle: Duration?

    public init() {}

    public func applied(to settings: TimeoutSettings) -> TimeoutSettings {
        var result = settings
        if let response { result.response = response }
        if let total { result.total = total }
        if let idle { result.idle = idle }
        return result
    }
}

/// A route's own retry rules; nil is the service's.
public struct RetryOverrides: Sendable, Hashable {
    public var attempts: Int?

    public init() {}

    public func applied(to settings: RetrySettings) -> RetrySettings {
        var result = settings
        if let attempts { result.attempts = attempts }
        return result
    }
}

/// A route's own limits.
public struct RouteLimits: Sendable, Hashable {
    public enum Body: Sendable, Hashable {
        /// What `limits.body` says at the top.
        case inherited
        case unlimited
        case atMost(ByteCount)
    }

    public var body = Body.inherited

    public init() {}

    /// The largest body that passes, or nil for any.
    public func bodyMaximum(inheriting settings: LimitSettings) -> ByteCount? {
        switch body {
        case .inherited: settings.body
        case .unlimited: nil
        case .atMost(let count): count
        }
    }
}

/// What happens to a path with `%2f` or `%5c` in it.
public enum EncodedSlashes: String, CaseIterable, Sendable, Hashable {
    case refuse
    case pass
}

public enum RouteAction: Sendable, Hashable {
    case service(String)
    /// At least one; the shares add up to 100%.
    case split([SplitTarget])
    /// Status 301, 302, 303, 307 or 308.
    case redirect(to: Template, status: Int)
    case respond(status: Int, body: String)
}

public struct SplitTarget: Sendable, Hashable {
    public var service: String
    public var share: Share

    public init(service: String, share: Share) {
        self.service = service
        self.share = share
    }
}
