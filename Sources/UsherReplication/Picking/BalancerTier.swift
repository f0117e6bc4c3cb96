import UsherCore

/// Primaries or backups: the picking tables over those of them that are ready.
struct BalancerTier: Sendable {
    /// An endpoint of this tier; `endpoint` is its place in the balancer's states.
    struct Member: Sendable {
        var endpoint: Int32
        var weight: Int32
    }

    private let policy: BalancePolicy
    private let slowStart: SlowStart
    private let members: [Member]
    private var lottery: Lottery
    private var timetable: Timetable
    private var isStale = false
    /// From when on no ready member ramps.
    private var rampsEnd: UInt64 = 0
    /// The begin of the ramp that is furthest; `SlowStart.none` when a ready member does not ramp at all.
    private var furthestRamp = SlowStart.none

    /// Turns a tier passes over at most because their endpoints ramp; the next one is taken.
    private static let rejectionsMax = 8

    init(policy: BalancePolicy, slowStart: SlowStart, members: [Member]) {
        self.policy = policy
        self.slowStart = slowStart
        self.members = members
        lottery = Lottery(capacity: policy == .roundRobin ? 0 : members.count)
        timetable = Timetable(members: policy == .roundRobin ? members : [])
    }

    /// The tier that follows this one: turns go on where they were. `origins` tells the place that an endpoint had in
    /// the states of this one, or -1.
    init(replacing old: BalancerTier, policy: BalancePolicy, slowStart: SlowStart, members: [Member], origins: [Int32])
    {
        self.init(policy: policy, slowStart: slowStart, members: members)
        if policy == .roundRobin && old.policy == .roundRobin {
            timetable.takeTurns(of: old.timetable, origins: origins)
        }
        isStale = true
    }

    /// Readiness or the ramp of a member changed; the tables follow with the next pick, once for any number of changes.
    mutating func readinessChanged() {
        isStale = true
    }

    /// A ready, untried member; nil when there is none.
    mutating func pick(
        _ states: [EndpointState], excluding tried: TriedEndpoints, now: MonotonicTime, random: inout SeededRandom
    ) -> Int32? {
        if isStale { rebuild(states, random: &random) }
        let isRamping = now.nanoseconds < rampsEnd
        guard policy != .roundRobin else {
            return nextTurn(states, excluding: tried, now: now, isRamping: isRamping, random: &random)
        }
        guard let first = firstDraw(states, excluding: tried, now: now, isRamping: isRamping, random: &random) else {
            return nil
        }
        guard policy != .random, lottery.count > 1,
            let second = lottery.draw(states, excluding: tried, and: first, random: &random)
        else { return first }
        if isRamping {
            // The comparison alone would let a quick one win each time that it is drawn.
            guard isAccepted(states[Int(second)], now: now, random: &random) else { return first }
            return rampingWins(states[Int(second)], over: states[Int(first)], now: now) ? second : first
        }
        let secondWins =
            policy == .latency
            ? Self.answersSooner(states[Int(second)], than: states[Int(first)], now: now)
            : Self.isLessBusy(states[Int(second)], than: states[Int(first)])
        return secondWins ? second : first
    }

    // MARK: Full weights

    private static func isLessBusy(_ left: EndpointState, than right: EndpointState) -> Bool {
        if left.inFlight == 0 && right.inFlight == 0 { return false }
        // 31 bits times 20 bits.
        return (Int(left.inFlight) + 1) * Int(right.weight) < (Int(right.inFlight) + 1) * Int(left.weight)
    }

    private static func answersSooner(_ left: EndpointState, than right: EndpointState, now: MonotonicTime) -> Bool {
        left.latency.cost(inFlight: left.inFlight, now: now) * Double(right.weight)
            < right.latency.cost(inFlight: right.inFlight, now: now) * Double(left.weight)
    }

    // MARK: Ramps

    private mutating func nextTurn(
        _ states: [EndpointState], excluding tried: TriedEndpoints, now: MonotonicTime, isRamping: Bool,
        random: inout SeededRandom
    ) -> Int32? {
        var endpoint = timetable.next(states, excluding: tried)
        guard isRamping else { return endpoint }
        for _ in 0..<Self.rejectionsMax {
            guard let candidate = endpoint else { return nil }
            if isAccepted(states[Int(candidate)], now: now, random: &random) { break }
            endpoint = timetable.next(states, excluding: tried)
        }
        return endpoint
    }

    private func firstDraw(
        _ states: [EndpointState], excluding tried: TriedEndpoints, now: MonotonicTime, isRamping: Bool,
        random: inout SeededRandom
    ) -> Int32? {
        var endpoint = lottery.draw(states, excluding: tried, and: -1, random: &random)
        guard isRamping else { return endpoint }
        for _ in 0..<Self.rejectionsMax {
            guard let candidate = endpoint else { return nil }
            if isAccepted(states[Int(candidate)], now: now, random: &random) { break }
            endpoint = lottery.draw(states, excluding: tried, and: -1, random: &random)
        }
        return endpoint
    }

    /// Yes with the probability of its factor relative to the greatest there is: where all ramp alike, none is refused.
    private func isAccepted(_ state: EndpointState, now: MonotonicTime, random: inout SeededRandom) -> Bool {
        guard state.rampFrom != SlowStart.none else { return true }
        let factor = slowStart.factor(since: state.rampFrom, now: now)
        let greatest = slowStart.factor(since: furthestRamp, now: now)
        guard factor < greatest else { return true }
        // 53 random bits make an even fraction.
        return Double(random.next() >> 11) * 0x1p-53 * greatest < factor
    }

    private func rampingWins(_ left: EndpointState, over right: EndpointState, now: MonotonicTime) -> Bool {
        let leftWeight = Double(left.weight) * slowStart.factor(since: left.rampFrom, now: now)
        let rightWeight = Double(right.weight) * slowStart.factor(since: right.rampFrom, now: now)
        if policy == .latency {
            return left.latency.cost(inFlight: left.inFlight, now: now) * rightWeight
                < right.latency.cost(inFlight: right.inFlight, now: now) * leftWeight
        }
        if left.inFlight == 0 && right.inFlight == 0 { return false }
        return (Double(left.inFlight) + 1) * rightWeight < (Double(right.inFlight) + 1) * leftWeight
    }

    // MARK: Tables

    @inline(never)
    private mutating func rebuild(_ states: [EndpointState], random: inout SeededRandom) {
        isStale = false
        rampsEnd = 0
        furthestRamp = SlowStart.none
        var hasFull = false
        lottery.removeAll()
        for member in members {
            let state = states[Int(member.endpoint)]
            guard state.isReady else { continue }
            rampsEnd = max(rampsEnd, slowStart.end(of: state.rampFrom))
            hasFull = hasFull || state.rampFrom == SlowStart.none
            furthestRamp = min(furthestRamp, state.rampFrom)
            if policy != .roundRobin { lottery.append(endpoint: member.endpoint, weight: Int(member.weight)) }
        }
        if hasFull { furthestRamp = SlowStart.none }
        if policy == .roundRobin {
            timetable.rebuild(random: &random) { states[Int($0)].isReady }
        } else {
            lottery.finish()
        }
    }
}
