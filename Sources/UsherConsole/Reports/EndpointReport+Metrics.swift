package import UsherTelemetry

extension EndpointReport {
    /// Takes its numbers from the counters that `/metrics` shows, so that the two never disagree.
    package init(
        address: String, name: String? = nil, ready: Bool, state: String, reason: String, sinceUnixSeconds: Int64,
        untilUnixSeconds: Int64? = nil, weight: Int, backup: Bool, pid: Int? = nil, tunnels: Int = 0,
        events: [Event]? = nil, counted: borrowing EndpointMetrics
    ) {
        let p50 = counted.duration.quantile(0.5).map(Self.milliseconds)
        let p99 = counted.duration.quantile(0.99).map(Self.milliseconds)
        var latency: Latency?
        if let p50, let p99 { latency = Latency(p50: p50, p99: p99) }
        self.init(
            address: address, name: name, ready: ready, state: state, reason: reason,
            since: rfc3339(unixSeconds: sinceUnixSeconds), until: untilUnixSeconds.map { rfc3339(unixSeconds: $0) },
            weight: weight, backup: backup, inFlight: counted.inFlight, connections: counted.connections,
            tunnels: tunnels, requests: counted.requests, failures: counted.failures, latency: latency, pid: pid,
            events: events)
    }

    /// To a thousandth, more than a histogram knows.
    private static func milliseconds(_ nanoseconds: UInt64) -> Double {
        (Double(nanoseconds) / 1000).rounded() / 1000
    }
}
