public import UsherCore

/// One worker's view of a service's endpoints: which may be picked, how busy each is, whose turn it is.
///
/// Policy        | Picks among the ready endpoints                                | Cost of a pick
/// --------------|----------------------------------------------------------------|---------------
/// roundRobin    | whose turn it is, interleaved in proportion to weight          | O(log n)
/// random        | one draw in proportion to weight                               | O(1)
/// leastRequests | of two draws the lower (in flight + 1) ÷ weight                | O(1)
/// latency       | of two draws the lower average × (in flight + 1) ÷ weight      | O(1)
///
/// Of two draws the first wins a tie, and for `leastRequests` also when both are idle, so a quiet service shares its
/// requests in proportion to weight too. Backups are picked only when every ready primary was tried or none is ready.
/// Nothing is allocated after `init`. Indexes are those of the array given to `init`; others are ignored.
///
/// Confinement: owned by one event loop. Never reads a clock.
public struct Balancer: ~Copyable, Sendable {
    /// What the balancer must know of one replica.
    public struct Endpoint: Sendable, Hashable {
        /// Share of the requests relative to the others. Range: 1...1,000,000, values outside are clamped. Default: 1.
        public var weight: Int
        /// Whether it stands back while a primary can answer. Default: false.
        public var isBackup: Bool

        public init(weight: Int = 1, isBackup: Bool = false) {
            self.weight = weight
            self.isBackup = isBackup
        }
    }

    /// Where the next try of a request goes.
    public enum PickResult: Sendable, Hashable {
        /// To the endpoint with this index.
        case endpoint(Int)
        /// Nowhere: no endpoint is ready.
        case noneReady
        /// Nowhere: the request has failed on every endpoint that is ready.
        case allTried
    }

    /// What a failed try counts as for `latency`, so that failing fast does not attract requests.
    public static let failureLatency = Duration.seconds(1)

    public let policy: BalancePolicy
    /// How many endpoints, backups included, may be picked now.
    public private(set) var readyCount = 0
    private var states: [EndpointState]
    private var primaries: BalancerTier
    private var backups: BalancerTier

    /// All endpoints start unready and idle.
    public init(policy: BalancePolicy, endpoints: [Endpoint]) {
        self.policy = policy
        states = endpoints.map { EndpointState(weight: min(max($0.weight, 1), 1_000_000), isBackup: $0.isBackup) }
        var members: [(endpoint: Int32, weight: Int)] = []
        var backupMembers: [(endpoint: Int32, weight: Int)] = []
        for (index, state) in states.enumerated() {
            if state.isBackup {
                backupMembers.append((Int32(clamping: index), state.weight))
            } else {
                members.append((Int32(clamping: index), state.weight))
            }
        }
        primaries = BalancerTier(policy: policy, members: members)
        backups = BalancerTier(policy: policy, members: backupMembers)
    }

    /// How many endpoints there are, ready or not.
    public var count: Int { states.count }

    public func isReady(_ index: Int) -> Bool {
        states.indices.contains(index) && states[index].isReady
    }

    /// Lets endpoint `index` be picked from now on, or no longer; what it has in flight stays counted.
    public mutating func setReady(_ index: Int, _ ready: Bool) {
        guard states.indices.contains(index), states[index].isReady != ready else { return }
        states[index].isReady = ready
        readyCount += ready ? 1 : -1
        if states[index].isBackup {
            backups.readinessChanged()
        } else {
            primaries.readinessChanged()
        }
    }

    /// Chooses an endpoint for one try of a request; `tried` are those it already failed on.
    ///
    /// A pick alone counts nothing: `requestStarted` follows when the try is really made.
    public mutating func pick(
        excluding tried: TriedEndpoints, now: MonotonicTime, random: inout SeededRandom
    ) -> PickResult {
        guard readyCount > 0 else { return .noneReady }
        if let index = primaries.pick(policy, states: states, excluding: tried, now: now, random: &random) {
            return .endpoint(Int(index))
        }
        if let index = backups.pick(policy, states: states, excluding: tried, now: now, random: &random) {
            return .endpoint(Int(index))
        }
        return .allTried
    }

    /// How many requests this worker has sent to endpoint `index` that have not ended.
    public func inFlight(_ index: Int) -> Int {
        states.indices.contains(index) ? Int(states[index].inFlight) : 0
    }

    /// A try on endpoint `index` begins; exactly one `requestEnded` or `requestFailed` must follow.
    public mutating func requestStarted(_ index: Int, now: MonotonicTime) {
        guard states.indices.contains(index), states[index].inFlight < .max else { return }
        states[index].inFlight += 1
        if policy == .latency { states[index].latency.requestStarted(now: now) }
    }

    /// A try ended without the endpoint's fault: `latency` to the first byte of its answer, nil when there was none
    /// because the client went away.
    public mutating func requestEnded(_ index: Int, latency: Duration?, now: MonotonicTime) {
        guard states.indices.contains(index), states[index].inFlight > 0 else { return }
        states[index].inFlight -= 1
        if policy == .latency, let latency {
            states[index].latency.record(latency.nanosecondsClamped, now: now)
        }
    }

    /// A try ended by the endpoint's fault: refused, reset, timed out or answered with an error of its own (502 to
    /// 504);
    /// counts as an answer after `failureLatency`.
    public mutating func requestFailed(_ index: Int, now: MonotonicTime) {
        requestEnded(index, latency: Self.failureLatency, now: now)
    }
}
