import UsherCore

/// What a balancer keeps of one endpoint.
struct EndpointState: Sendable {
    /// Range: 1...1,000,000.
    let weight: Int
    let isBackup: Bool
    var isReady = false
    var inFlight: Int32 = 0
    var latency = LatencyAverage()

    init(weight: Int, isBackup: Bool) {
        self.weight = weight
        self.isBackup = isBackup
    }
}

/// Primaries or backups: the picking tables over those of them that are ready.
struct BalancerTier: Sendable {
    private let members: [(endpoint: Int32, weight: Int)]
    private var lottery: Lottery
    private var timetable: Timetable
    private var isStale = false

    init(policy: BalancePolicy, members: [(endpoint: Int32, weight: Int)]) {
        self.members = members
        lottery = Lottery(capacity: policy == .roundRobin ? 0 : members.count)
        timetable = Timetable(members: policy == .roundRobin ? members : [])
    }

    /// Readiness of a member changed; the tables follow with the next pick, once for any number of changes.
    mutating func readinessChanged() {
        isStale = true
    }

    /// A ready, untried member by `policy`, which must be the one given to `init`; nil when there is none.
    mutating func pick(
        _ policy: BalancePolicy, states: [EndpointState], excluding tried: TriedEndpoints, now: MonotonicTime,
        random: inout SeededRandom
    ) -> Int32? {
        if isStale { rebuild(policy, states: states, random: &random) }
        switch policy {
        case .roundRobin:
            return timetable.next(excluding: tried)
        case .random:
            return lottery.draw(excluding: tried, and: -1, random: &random)
        case .leastRequests, .latency:
            guard let first = lottery.draw(excluding: tried, and: -1, random: &random) else { return nil }
            guard lottery.count > 1, let second = lottery.draw(excluding: tried, and: first, random: &random) else {
                return first
            }
            let secondWins =
                policy == .latency
                ? Self.answersSooner(states[Int(second)], than: states[Int(first)], now: now)
                : Self.isLessBusy(states[Int(second)], than: states[Int(first)])
            return secondWins ? second : first
        }
    }

    private static func isLessBusy(_ left: EndpointState, than right: EndpointState) -> Bool {
        if left.inFlight == 0 && right.inFlight == 0 { return false }
        // 31 bits times 20 bits.
        return (Int(left.inFlight) + 1) * right.weight < (Int(right.inFlight) + 1) * left.weight
    }

    private static func answersSooner(_ left: EndpointState, than right: EndpointState, now: MonotonicTime) -> Bool {
        left.latency.cost(inFlight: left.inFlight, now: now) * Double(right.weight)
            < right.latency.cost(inFlight: right.inFlight, now: now) * Double(left.weight)
    }

    @inline(never)
    private mutating func rebuild(_ policy: BalancePolicy, states: [EndpointState], random: inout SeededRandom) {
        isStale = false
        if policy == .roundRobin {
            timetable.rebuild(random: &random) { states[Int($0)].isReady }
            return
        }
        lottery.removeAll()
        for member in members where states[Int(member.endpoint)].isReady {
            lottery.append(endpoint: member.endpoint, weight: member.weight)
        }
        lottery.finish()
    }
}
