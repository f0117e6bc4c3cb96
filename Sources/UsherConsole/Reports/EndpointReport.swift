internal import UsherTelemetry

/// One replica as the balancer sees it.
package struct EndpointReport: Codable, Sendable, Hashable {
    package var address: String
    /// `SERVICE/NUMBER` of a replica that Usher runs, whose address changes with its process.
    package var name: String?
    package var ready: Bool
    /// The condition's word: `ready`, `starting`, `unready`, `unreachable`, `ejected`, `paused` or `drained`.
    package var state: String
    /// Why it is in that state, in a few words.
    package var reason: String
    /// Since when that is so: RFC 3339.
    package var since: String
    /// When an ejection or pause ends by itself: RFC 3339.
    package var until: String?
    package var weight: Int
    package var backup: Bool
    package var inFlight: Int
    package var connections: Int
    /// Upgraded connections that are open, such as WebSockets.
    package var tunnels: Int
    package var requests: UInt64
    package var failures: UInt64
    /// Estimated from the histogram; absent before the first answer.
    package var latency: Latency?
    /// The process, when Usher runs it.
    package var pid: Int?
    /// The last changes of state, newest last; absent where all services are listed.
    package var events: [Event]?

    /// Unit: milliseconds.
    package struct Latency: Codable, Sendable, Hashable {
        package var p50: Double
        package var p99: Double

        package init(p50: Double, p99: Double) {
            self.p50 = p50
            self.p99 = p99
        }
    }

    /// A change of state.
    package struct Event: Codable, Sendable, Hashable {
        /// RFC 3339.
        package var at: String
        package var state: String
        package var reason: String

        package init(at: String, state: String, reason: String) {
            self.at = at
            self.state = state
            self.reason = reason
        }

        package init(unixMilliseconds: Int64, state: String, reason: String) {
            self.init(at: Self.rfc3339(unixMilliseconds: unixMilliseconds), state: state, reason: reason)
        }

        /// To the millisecond, so that events of several endpoints can be put in order.
        private static func rfc3339(unixMilliseconds: Int64) -> String {
            let seconds = unixMilliseconds / 1000
            let thousandths = "\(1000 + abs(unixMilliseconds % 1000))".dropFirst()
            return UsherTelemetry.rfc3339(unixSeconds: seconds).dropLast() + ".\(thousandths)Z"
        }
    }

    enum CodingKeys: String, CodingKey {
        case address, name, ready, state, reason, since, until, weight, backup
        case inFlight = "in-flight"
        case connections, tunnels, requests, failures
        case latency = "latency-ms"
        case pid, events
    }

    package init(
        address: String, name: String? = nil, ready: Bool, state: String, reason: String, since: String,
        until: String? = nil, weight: Int = 1, backup: Bool = false, inFlight: Int = 0, connections: Int = 0,
        tunnels: Int = 0, requests: UInt64 = 0, failures: UInt64 = 0, latency: Latency? = nil, pid: Int? = nil,
        events: [Event]? = nil
    ) {
        self.address = address
        self.name = name
        self.ready = ready
        self.state = state
        self.reason = reason
        self.since = since
        self.until = until
        self.weight = weight
        self.backup = backup
        self.inFlight = inFlight
        self.connections = connections
        self.tunnels = tunnels
        self.requests = requests
        self.failures = failures
        self.latency = latency
        self.pid = pid
        self.events = events
    }
}
