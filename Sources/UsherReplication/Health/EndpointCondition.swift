public import UsherCore

/// How one endpoint stands, as people are told; where several things are true, the one that is named first here.
///
/// Condition   | Meaning                                                        | Left by
/// ------------|----------------------------------------------------------------|-----------------------------------
/// drained     | an operator wants no new requests there                        | an operator
/// starting    | nothing is known yet, or its process has just ended            | the first check
/// unready     | it fails its checks                                            | `rise` checks that succeed
/// unreachable | a connection to it failed                                      | a connection that comes about
/// ejected     | too many of its answers were failures                          | time
/// paused      | it answered 503 and said when to come again                    | time
/// ready       | it takes requests                                              |
public enum EndpointCondition: Sendable, Hashable {
    case drained
    case starting
    case unready
    case unreachable
    case ejected(until: MonotonicTime)
    case paused(until: MonotonicTime)
    case ready

    /// The same in one word, for tables, logs and the API.
    public var word: String {
        switch self {
        case .drained: "drained"
        case .starting: "starting"
        case .unready: "unready"
        case .unreachable: "unreachable"
        case .ejected: "ejected"
        case .paused: "paused"
        case .ready: "ready"
        }
    }
}

/// What a worker must know of an endpoint's health to pick or not to pick it.
public struct EndpointAvailability: Sendable, Hashable {
    /// It takes requests.
    public var mayBePicked: Bool
    /// It takes requests when too few others do: it was ready once, is not drained, and its process runs.
    public var mayBePickedInPanic: Bool
    /// When its slow start began; nil when it counts in full from the beginning, or does not count at all.
    public var rampFrom: MonotonicTime?

    /// By default an endpoint of which nothing is known.
    public init(mayBePicked: Bool = false, mayBePickedInPanic: Bool = false, rampFrom: MonotonicTime? = nil) {
        self.mayBePicked = mayBePicked
        self.mayBePickedInPanic = mayBePickedInPanic
        self.rampFrom = rampFrom
    }
}
