/// How a service spreads its requests over the endpoints that are ready.
///
/// The raw values are the words of `balance` in `usher.yaml`.
public enum BalancePolicy: String, CaseIterable, Sendable, Hashable {
    /// Every endpoint in turn, interleaved in proportion to weight.
    case roundRobin = "round-robin"
    /// An independent draw for each request, in proportion to weight.
    case random
    /// The less busy, for its weight, of two endpoints drawn at random.
    case leastRequests = "least-requests"
    /// The one expected to answer sooner, of two endpoints drawn at random.
    case latency
}
