/// What one route sent to one service (or answered itself).
package struct RouteMetrics: Sendable {
    /// Requests by class of status.
    package var codes = InlineArray<6, UInt64>(repeating: 0)
    /// From the first byte of the request to the last byte of the answer.
    package var duration = LatencyHistogram()
    /// Bytes received from and sent to clients, heads included.
    package var receivedBytes: UInt64 = 0
    package var sentBytes: UInt64 = 0

    package init() {}

    mutating func merge(_ other: RouteMetrics) {
        for code in codes.indices { codes[code] = codes[code].addingSaturating(other.codes[code]) }
        duration.merge(other.duration)
        receivedBytes = receivedBytes.addingSaturating(other.receivedBytes)
        sentBytes = sentBytes.addingSaturating(other.sentBytes)
    }
}

/// What one service did beyond its endpoints.
package struct ServiceMetrics: Sendable {
    /// Tries at another replica after the first one of a request.
    package var retries: UInt64 = 0
    /// Retries that the budget did not allow.
    package var retriesRefused: UInt64 = 0
    /// Requests that found no ready replica.
    package var noReplica: UInt64 = 0
    /// Requests that found the queue full.
    package var queueFull: UInt64 = 0
    /// Requests that wait for a connection now.
    package var queueLength: Int = 0
    /// Requests with a session, by what became of it.
    package var sessions = InlineArray<4, UInt64>(repeating: 0)

    package init() {}

    mutating func merge(_ other: ServiceMetrics) {
        retries = retries.addingSaturating(other.retries)
        retriesRefused = retriesRefused.addingSaturating(other.retriesRefused)
        noReplica = noReplica.addingSaturating(other.noReplica)
        queueFull = queueFull.addingSaturating(other.queueFull)
        queueLength = queueLength.addingClamped(other.queueLength)
        for outcome in sessions.indices {
            sessions[outcome] = sessions[outcome].addingSaturating(other.sessions[outcome])
        }
    }
}

/// What one worker knows of one endpoint.
package struct EndpointMetrics: Sendable {
    /// Tries by outcome.
    package var outcomes = InlineArray<9, UInt64>(repeating: 0)
    /// From the choice of the endpoint to the last byte of its answer.
    package var duration = LatencyHistogram()
    /// Bytes sent to and received from the replica, heads included.
    package var sentBytes: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    /// Connections opened, failed ones not counted.
    package var connects: UInt64 = 0
    /// Connections that are open now, idle ones included.
    package var connections: Int = 0
    /// Requests that the replica works on now.
    package var inFlight: Int = 0
    /// Times that the replica sent bytes which no request asked for.
    package var unaskedAnswers: UInt64 = 0
    /// Tunnels that are open now, and all that were opened.
    package var tunnels: Int = 0
    package var tunnelsOpened: UInt64 = 0
    /// Bytes that tunnels carried from clients to the replica, and from it to clients.
    package var tunnelReceivedBytes: UInt64 = 0
    package var tunnelSentBytes: UInt64 = 0

    package init() {}

    /// All tries that ended.
    package var requests: UInt64 {
        var total: UInt64 = 0
        for outcome in outcomes.indices { total &+= outcomes[outcome] }
        return total
    }

    /// Tries for whose end the replica is to blame.
    package var failures: UInt64 {
        var total: UInt64 = 0
        for outcome in TryOutcome.allCases where outcome.isFailure { total &+= outcomes[outcome.rawValue] }
        return total
    }

    mutating func merge(_ other: EndpointMetrics) {
        for outcome in outcomes.indices {
            outcomes[outcome] = outcomes[outcome].addingSaturating(other.outcomes[outcome])
        }
        duration.merge(other.duration)
        sentBytes = sentBytes.addingSaturating(other.sentBytes)
        receivedBytes = receivedBytes.addingSaturating(other.receivedBytes)
        connects = connects.addingSaturating(other.connects)
        connections = connections.addingClamped(other.connections)
        inFlight = inFlight.addingClamped(other.inFlight)
        unaskedAnswers = unaskedAnswers.addingSaturating(other.unaskedAnswers)
        tunnels = tunnels.addingClamped(other.tunnels)
        tunnelsOpened = tunnelsOpened.addingSaturating(other.tunnelsOpened)
        tunnelReceivedBytes = tunnelReceivedBytes.addingSaturating(other.tunnelReceivedBytes)
        tunnelSentBytes = tunnelSentBytes.addingSaturating(other.tunnelSentBytes)
    }
}

extension Int {
    /// The sum, held at the ends of the range instead of trapping.
    func addingClamped(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        guard overflow else { return sum }
        return other < 0 ? .min : .max
    }
}
