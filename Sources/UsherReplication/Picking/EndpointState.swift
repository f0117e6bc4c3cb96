import UsherCore

/// What a balancer keeps of one endpoint.
struct EndpointState: Sendable {
    let id: EndpointID
    /// Range: 1...1,000,000.
    var weight: Int32
    var inFlight: Int32 = 0
    var isBackup: Bool
    var isReady = false
    /// When its slow start began, in nanoseconds, or `SlowStart.none`.
    var rampFrom = SlowStart.none
    var latency = LatencyAverage()

    init(_ endpoint: Balancer.Endpoint) {
        id = endpoint.id
        weight = Self.weight(endpoint)
        isBackup = endpoint.isBackup
    }

    /// The same endpoint after a change of the configuration.
    mutating func take(_ endpoint: Balancer.Endpoint) {
        weight = Self.weight(endpoint)
        isBackup = endpoint.isBackup
    }

    private static func weight(_ endpoint: Balancer.Endpoint) -> Int32 {
        Int32(clamping: min(max(endpoint.weight, 1), 1_000_000))
    }
}
