/// What would happen to a request, phase by phase.
package struct Explanation: Codable, Sendable, Hashable {
    package var method: String
    package var url: String
    /// The route that matches; absent when none does.
    package var route: String?
    /// Who asks; absent for anybody.
    package var identity: String?
    /// The caller's class; absent where the path ends before it is known.
    package var callerClass: String?
    /// The quota that the route asks, and what is left of its tightest window for this caller.
    package var quota: String?
    package var quotaLeft: Int?
    /// The cache that the route asks, and what it would say of that in `Cache-Status` (RFC 9211); the second is absent
    /// where nothing runs that could be looked into.
    package var cache: String?
    package var cacheStatus: String?
    /// `service`, `cache`, `redirect`, `respond` or `refuse`.
    package var action: String
    /// The status when Usher answers by itself, or its cache does.
    package var status: Int?
    package var service: String?
    /// The shard that the request's key is sent to; absent for services without shards.
    package var shard: String?
    /// The replica that would be asked first now.
    package var replica: String?
    /// Which session the request belongs to and where that one lives; absent for services without sessions.
    package var session: String?
    /// Why it comes out this way, in one sentence.
    package var why: String
    /// What each phase of the request's path decided, in its order.
    package var phases: [Phase]
    /// What each of the service's endpoints was found to be; empty when no service is asked.
    package var endpoints: [Endpoint]

    enum CodingKeys: String, CodingKey {
        case method, url, route, identity, quota, cache, action, status, service, shard, replica, session, why,
            phases, endpoints
        case callerClass = "class"
        case quotaLeft = "quota-left"
        case cacheStatus = "cache-status"
    }

    package struct Phase: Codable, Sendable, Hashable {
        package var phase: String
        package var decision: String

        package init(phase: String, decision: String) {
            self.phase = phase
            self.decision = decision
        }
    }

    package struct Endpoint: Codable, Sendable, Hashable {
        package var address: String
        package var verdict: Verdict
        package var why: String

        package init(address: String, verdict: Verdict, why: String) {
            self.address = address
            self.verdict = verdict
            self.why = why
        }
    }

    package enum Verdict: String, Codable, Sendable, Hashable {
        case chosen
        /// It could take the request, but another is better.
        case notChosen = "not chosen"
        /// It takes no requests now.
        case out
    }

    package init(
        method: String, url: String, route: String? = nil, action: String, status: Int? = nil,
        service: String? = nil, replica: String? = nil, session: String? = nil, why: String, phases: [Phase] = [],
        endpoints: [Endpoint] = []
    ) {
        self.method = method
        self.url = url
        self.route = route
        self.action = action
        self.status = status
        self.service = service
        self.replica = replica
        self.session = session
        self.why = why
        self.phases = phases
        self.endpoints = endpoints
    }
}
