/// How one try at an endpoint ended; the `outcome` label of `usher_endpoint_requests_total`.
package enum TryOutcome: Int, Sendable, Hashable, CaseIterable {
    /// A whole answer with a status below 500.
    case success
    /// A whole answer with a status of 500 or above.
    case status5xx
    /// No connection: refused, unreachable, or not made within `timeouts.connect`.
    case connectFailed
    /// No first byte within `timeouts.response`, silence, or the end of `timeouts.total`.
    case timeout
    /// The replica closed or reset the connection before its answer's first byte.
    case reset
    /// The replica closed or reset the connection inside its answer.
    case cutShort
    /// What the replica sent is not an HTTP answer.
    case garbage
    /// The replica was taken out while it had not begun to answer.
    case takenOut
    /// The client went away before the answer was whole, which says nothing about the replica.
    case clientAborted

    package var label: String {
        switch self {
        case .success: "success"
        case .status5xx: "status-5xx"
        case .connectFailed: "connect-failed"
        case .timeout: "timeout"
        case .reset: "reset"
        case .cutShort: "cut-short"
        case .garbage: "garbage"
        case .takenOut: "taken-out"
        case .clientAborted: "client-aborted"
        }
    }

    /// Whether the replica is to blame.
    package var isFailure: Bool {
        switch self {
        case .success, .clientAborted: false
        case .status5xx, .connectFailed, .timeout, .reset, .cutShort, .garbage, .takenOut: true
        }
    }
}

/// How a TLS handshake with a client ended; the `outcome` label of `usher_tls_handshakes_total`.
package enum HandshakeEnd: Int, Sendable, Hashable, CaseIterable {
    case completed
    /// Neither side could go on: no common version, a certificate that is not accepted, broken messages.
    case failed
    /// Not over within `limits.head-time`.
    case timedOut
    /// The client left before the end.
    case aborted
    /// The client did not speak TLS.
    case plaintext
    /// The client speaks none of our protocols inside TLS.
    case noProtocol

    package var label: String {
        switch self {
        case .completed: "completed"
        case .failed: "failed"
        case .timedOut: "timed-out"
        case .aborted: "aborted"
        case .plaintext: "plaintext"
        case .noProtocol: "no-protocol"
        }
    }
}

/// Why a client's connection was closed at once; the `reason` label of `usher_client_connections_refused_total`.
package enum ConnectionRefusal: Int, Sendable, Hashable, CaseIterable {
    /// `limits.connections` is reached.
    case connections
    /// `limits.connections-per-client` is reached.
    case connectionsPerClient
    /// The process has no file descriptor left.
    case fileDescriptors
    /// Usher is shutting down.
    case draining
    /// The listener wants a PROXY header, and the peer is not trusted to send one.
    case untrustedProxy
    /// A trusted peer sent no PROXY header, or a malformed one.
    case badProxyHeader
    /// `limits.allow` and `limits.deny` keep its address out.
    case denied
    /// `limits.new-connections-per-client` is reached.
    case newConnectionsPerClient
    /// The process is near the end of its memory.
    case overloaded

    package var label: String {
        switch self {
        case .denied: "denied"
        case .newConnectionsPerClient: "new-connections-per-client"
        case .overloaded: "overloaded"
        case .connections: "connections"
        case .connectionsPerClient: "connections-per-client"
        case .fileDescriptors: "file-descriptors"
        case .draining: "draining"
        case .untrustedProxy: "untrusted-proxy"
        case .badProxyHeader: "bad-proxy-header"
        }
    }
}

/// What became of a request's session; the `outcome` label of `usher_service_sessions_total`, each request once.
package enum SessionOutcome: Int, Sendable, Hashable, CaseIterable {
    /// It went to the replica that it belongs to.
    case kept
    /// The request brought none.
    case new
    /// Its replica may not be used now, so it went to another one.
    case moved
    /// What it brought is not ours or cannot be read; it was replaced.
    case forged

    package var label: StaticString {
        switch self {
        case .kept: "kept"
        case .new: "new"
        case .moved: "moved"
        case .forged: "forged"
        }
    }
}

/// What a quota said to a request; the `outcome` label of `usher_quota_requests_total`.
package enum QuotaOutcome: Int, Sendable, Hashable, CaseIterable {
    case allowed
    /// More than the caller may use (429).
    case refused
    /// The caller has as many requests on their way as it may (429).
    case tooMany
    /// It would have been refused, were it not for `dry-run`.
    case dryRun
    /// The store did not answer; what followed is `on-failure`.
    case storeFailed

    package var label: StaticString {
        switch self {
        case .allowed: "allowed"
        case .refused: "refused"
        case .tooMany: "too-many-in-flight"
        case .dryRun: "dry-run"
        case .storeFailed: "store-failed"
        }
    }
}

/// What a cache did for a request; the `outcome` label of `usher_cache_requests_total`.
package enum CacheOutcome: Int, Sendable, Hashable, CaseIterable {
    /// A fresh answer was there.
    case hit
    /// A stale one was given, as its directives allow.
    case stale
    /// The service failed, and a stale one was given.
    case staleIfError
    /// The service said that the one that was there is still right.
    case revalidated
    /// The service was asked.
    case miss
    /// Another request had asked the service already.
    case collapsed
    /// The service was asked as if there were no cache.
    case pass

    package var label: StaticString {
        switch self {
        case .hit: "hit"
        case .stale: "stale"
        case .staleIfError: "stale-if-error"
        case .revalidated: "revalidated"
        case .miss: "miss"
        case .collapsed: "collapsed"
        case .pass: "pass"
        }
    }
}

/// How a caller shows who it is; the `method` label of `usher_authentications_total`.
package enum CredentialKind: Int, Sendable, Hashable, CaseIterable {
    case token, key, password

    package var label: StaticString {
        switch self {
        case .token: "jwt"
        case .key: "key"
        case .password: "basic"
        }
    }
}

/// The class of a status; the `code` label of `usher_requests_total`.
package enum StatusClass: Int, Sendable, Hashable, CaseIterable {
    /// No status was sent: the client went away first.
    case none
    case informational
    case success
    case redirection
    case clientError
    case serverError

    package init(status: Int) {
        switch status {
        case 100...199: self = .informational
        case 200...299: self = .success
        case 300...399: self = .redirection
        case 400...499: self = .clientError
        case 500...: self = .serverError
        default: self = .none
        }
    }

    package var label: String {
        switch self {
        case .none: "none"
        case .informational: "1xx"
        case .success: "2xx"
        case .redirection: "3xx"
        case .clientError: "4xx"
        case .serverError: "5xx"
        }
    }
}

/// The statuses of requests that never reached a route; the `status` label of `usher_refused_requests_total`.
package enum RefusedStatus {
    /// Every status that has its own counter; others are counted as the first of their class (400 or 500).
    package static let all: [Int] = [400, 403, 408, 413, 414, 417, 429, 431, 500, 501, 503, 505]

    static func index(of status: Int) -> Int {
        let fallback = status >= 500 ? 500 : 400
        return all.firstIndex(of: status) ?? all.firstIndex(of: fallback) ?? 0
    }
}

/// The texts behind the numbers that a worker counts by.
package struct MetricNames: Sendable, Hashable {
    /// Route names by index.
    package var routes: [String]
    /// Service names by index.
    package var services: [String]
    /// Endpoint names by service and index.
    package var endpoints: [[String]]
    /// Quota names by index.
    package var quotas: [String]
    /// Cache names by index.
    package var caches: [String]
    /// Names of callers' classes by index.
    package var classes: [String]

    package init(
        routes: [String], services: [String], endpoints: [[String]], quotas: [String] = [],
        caches: [String] = [], classes: [String] = []
    ) {
        self.routes = routes
        self.services = services
        self.endpoints = endpoints
        self.quotas = quotas
        self.caches = caches
        self.classes = classes
    }

    /// How many endpoints a service has; none for a number without names.
    func endpointCount(of service: Int) -> Int {
        endpoints.indices.contains(service) ? endpoints[service].count : 0
    }
}
