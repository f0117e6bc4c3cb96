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
///
/// An endpoint that ramps counts with a part of its weight, from a tenth up to all of it at the ramp's end: a turn or a
/// draw of it is passed over with the rest of the probability, and comparisons go by the part.
///
/// Picking allocates nothing. Indexes are those of the array given last; others are ignored.
///
/// Confinement: owned by one event loop. Never reads a clock.
public struct Balancer: ~Copyable, Sendable {
    /// What the balancer must know of one replica.
    public struct Endpoint: Sendable, Hashable {
        /// What it is known by when the endpoints are replaced; no two in a list have the same.
        public var id: EndpointID
        /// Share of the requests relative to the others. Range: 1...1,000,000, values outside are clamped. Default: 1.
        public var weight: Int
        /// Whether it stands back while a primary can answer. Default: false.
        public var isBackup: Bool

        public init(id: EndpointID, weight: Int = 1, isBackup: Bool = false) {
            self.id = id
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

    public private(set) var policy: BalancePolicy
    /// How many endpoints, backups included, may be picked now.
    public private(set) var readyCount = 0
    /// Requests this worker has sent to all endpoints together that have not ended.
    public private(set) var inFlightCount = 0
    private var states: [EndpointState]
    private var primaries: BalancerTier
    private var backups: BalancerTier

    /// All endpoints start unready and idle. `slowStart` is the length of a ramp; zero: none.
    public init(policy: BalancePolicy, endpoints: [Endpoint], slowStart: Duration) {
        self.policy = policy
        states = endpoints.map(EndpointState.init)
        let slowStart = SlowStart(slowStart)
        primaries = BalancerTier(
            policy: policy, slowStart: slowStart, members: Self.members(of: states, backups: false))
        backups = BalancerTier(policy: policy, slowStart: slowStart, members: Self.members(of: states, backups: true))
    }

    /// How many endpoints there are, ready or not.
    public var count: Int { states.count }

    public func isReady(_ index: Int) -> Bool {
        states.indices.contains(index) && states[index].isReady
    }

    /// Lets endpoint `index` be picked from now on, or no longer; what it has in flight stays counted.
    ///
    /// - Parameter rampFrom: when its slow start began; nil when it counts in full.
    public mutating func setReady(_ index: Int, _ ready: Bool, rampFrom: MonotonicTime? = nil) {
        guard states.indices.contains(index) else { return }
        let begin = rampFrom?.nanoseconds ?? SlowStart.none
        guard states[index].isReady != ready || (ready && states[index].rampFrom != begin) else { return }
        if states[index].isReady != ready { readyCount += ready ? 1 : -1 }
        states[index].isReady = ready
        states[index].rampFrom = begin
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
        if let index = primaries.pick(states, excluding: tried, now: now, random: &random) {
            return .endpoint(Int(index))
        }
        if let index = backups.pick(states, excluding: tried, now: now, random: &random) {
            return .endpoint(Int(index))
        }
        return .allTried
    }

    /// What `pick` would choose now, for who only wants to know: nobody's turn is taken. O(n).
    public func preview(
        excluding tried: TriedEndpoints, now: MonotonicTime, random: inout SeededRandom
    ) -> PickResult {
        guard readyCount > 0 else { return .noneReady }
        for tier in [primaries, backups] {
            var tier = tier
            if let index = tier.pick(states, excluding: tried, now: now, random: &random) {
                return .endpoint(Int(index))
            }
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
        inFlightCount += 1
        if policy == .latency { states[index].latency.requestStarted(now: now) }
    }

    /// A try ended without the endpoint's fault: `latency` to the first byte of its answer, nil when there was none
    /// because the client went away.
    public mutating func requestEnded(_ index: Int, latency: Duration?, now: MonotonicTime) {
        guard states.indices.contains(index), states[index].inFlight > 0 else { return }
        states[index].inFlight -= 1
        inFlightCount -= 1
        if policy == .latency, let latency {
            states[index].latency.record(latency.nanosecondsClamped, now: now)
        }
    }

    /// A try ended by the endpoint's fault: refused, reset, timed out or answered with an error of its own (502 to
    /// 504); counts as an answer after `failureLatency`.
    public mutating func requestFailed(_ index: Int, now: MonotonicTime) {
        requestEnded(index, latency: Self.failureLatency, now: now)
    }

    // MARK: Replacing

    /// Changes policy and endpoints while requests go on.
    ///
    /// An endpoint that was there before, by its identity, keeps whether it is ready, its ramp, what it has in flight,
    /// its measured latency and, unless its weight changed, its turn. New ones start unready and idle. What those that
    /// left have in flight is forgotten. O(n).
    public mutating func replace(policy: BalancePolicy, endpoints: [Endpoint], slowStart: Duration) {
        let (next, origins) = successors(endpoints)
        states = next
        readyCount = 0
        inFlightCount = 0
        for state in states {
            if state.isReady { readyCount += 1 }
            inFlightCount += Int(state.inFlight)
        }
        let slowStart = SlowStart(slowStart)
        primaries = BalancerTier(
            replacing: primaries, policy: policy, slowStart: slowStart,
            members: Self.members(of: states, backups: false), origins: origins)
        backups = BalancerTier(
            replacing: backups, policy: policy, slowStart: slowStart,
            members: Self.members(of: states, backups: true), origins: origins)
        self.policy = policy
    }

    /// The new states, and for each its place in the old ones, or -1.
    private func successors(_ endpoints: [Endpoint]) -> (states: [EndpointState], origins: [Int32]) {
        var next: [EndpointState] = []
        next.reserveCapacity(endpoints.count)
        var origins: [Int32] = []
        origins.reserveCapacity(endpoints.count)
        // Mostly few endpoints change: what stands where it stood needs no table.
        var shared = 0
        while shared < endpoints.count, shared < states.count, endpoints[shared].id == states[shared].id { shared += 1 }
        var places: [EndpointID: Int32] = [:]
        if shared < endpoints.count && shared < states.count {
            places.reserveCapacity(states.count - shared)
            for index in stride(from: states.count - 1, through: shared, by: -1) {
                places[states[index].id] = Int32(clamping: index)
            }
        }
        for (index, endpoint) in endpoints.enumerated() {
            let origin = index < shared ? Int32(clamping: index) : places.removeValue(forKey: endpoint.id)
            guard let origin else {
                next.append(EndpointState(endpoint))
                origins.append(-1)
                continue
            }
            var state = states[Int(origin)]
            state.take(endpoint)
            next.append(state)
            origins.append(origin)
        }
        return (next, origins)
    }

    private static func members(of states: [EndpointState], backups: Bool) -> [BalancerTier.Member] {
        var members: [BalancerTier.Member] = []
        members.reserveCapacity(backups ? 0 : states.count)
        for (index, state) in states.enumerated() where state.isBackup == backups {
            members.append(.init(endpoint: Int32(clamping: index), weight: state.weight))
        }
        return members
    }
}
