/// Where the console's facts come from: the gateway that runs.
package protocol ConsoleSource: Sendable {
    /// Whether requests should be sent here now, and why not.
    func readiness() async -> (ready: Bool, reason: String)
    /// The whole answer of `/metrics`.
    func metrics() async -> String
    func services() async -> [ServiceReport]
    /// The settings in force as a JSON object, secrets masked.
    func configurationJSON() async -> String
    /// What would happen to a request, which is not sent.
    func explain(method: String, url: String, headers: [(String, String)]) async -> Explanation
}

/// One service as `/api/v1/services` shows it.
package struct ServiceReport: Codable, Sendable, Hashable {
    package var name: String
    /// `replicated`; later issues add patterns.
    package var pattern: String
    package var balance: String
    package var endpoints: [EndpointReport]
    /// Retries so far, as `usher_service_retries_total` has them.
    package var retries: UInt64
    /// Requests that wait for a connection.
    package var queued: Int

    package init(
        name: String, pattern: String = "replicated", balance: String, endpoints: [EndpointReport],
        retries: UInt64 = 0, queued: Int = 0
    ) {
        self.name = name
        self.pattern = pattern
        self.balance = balance
        self.endpoints = endpoints
        self.retries = retries
        self.queued = queued
    }
}

/// One replica as the balancer sees it.
package struct EndpointReport: Codable, Sendable, Hashable {
    package var address: String
    package var ready: Bool
    /// Why it is ready or not, in a few words.
    package var reason: String
    /// Since when that is so: RFC 3339.
    package var since: String
    package var weight: Int
    package var backup: Bool
    package var inFlight: Int
    package var connections: Int
    package var requests: UInt64
    package var failures: UInt64
    /// Estimated from the histogram; absent before the first answer.
    package var latency: Latency?
    /// The process, when Usher runs it.
    package var pid: Int?

    /// Unit: milliseconds.
    package struct Latency: Codable, Sendable, Hashable {
        package var p50: Double
        package var p99: Double

        package init(p50: Double, p99: Double) {
            self.p50 = p50
            self.p99 = p99
        }
    }

    enum CodingKeys: String, CodingKey {
        case address, ready, reason, since, weight, backup
        case inFlight = "in-flight"
        case connections, requests, failures
        case latency = "latency-ms"
        case pid
    }

    package init(
        address: String, ready: Bool, reason: String, since: String, weight: Int = 1, backup: Bool = false,
        inFlight: Int = 0, connections: Int = 0, requests: UInt64 = 0, failures: UInt64 = 0, latency: Latency? = nil,
        pid: Int? = nil
    ) {
        self.address = address
        self.ready = ready
        self.reason = reason
        self.since = since
        self.weight = weight
        self.backup = backup
        self.inFlight = inFlight
        self.connections = connections
        self.requests = requests
        self.failures = failures
        self.latency = latency
        self.pid = pid
    }
}

/// What would happen to a request, phase by phase.
package struct Explanation: Codable, Sendable, Hashable {
    package var method: String
    package var url: String
    /// The route that matches; absent when none does.
    package var route: String?
    /// `service`, `redirect`, `respond` or `refuse`.
    package var action: String
    /// The status when Usher answers by itself.
    package var status: Int?
    package var service: String?
    /// The replica that would be asked first now.
    package var replica: String?
    /// Why it comes out this way, in one sentence.
    package var why: String
    /// What each phase of the request's path decided, in its order.
    package var phases: [Phase]

    package struct Phase: Codable, Sendable, Hashable {
        package var phase: String
        package var decision: String

        package init(phase: String, decision: String) {
            self.phase = phase
            self.decision = decision
        }
    }

    package init(
        method: String, url: String, route: String? = nil, action: String, status: Int? = nil,
        service: String? = nil, replica: String? = nil, why: String, phases: [Phase] = []
    ) {
        self.method = method
        self.url = url
        self.route = route
        self.action = action
        self.status = status
        self.service = service
        self.replica = replica
        self.why = why
        self.phases = phases
    }
}
