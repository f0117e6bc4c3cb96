import UsherCore

/// Weighted round robin: every endpoint has its turns at fixed, evenly spaced moments of a virtual clock.
///
/// An endpoint of weight w is due every `period`/w. Endpoints of the same weight are spread over that span in the order
/// of the file, so equal weights give plain turns and a heavy endpoint is interleaved with the light ones instead of
/// getting its turns in a row. One that comes back keeps its place in the timetable: flapping gains nothing. A pick is
/// one step in a heap of the ready endpoints, ordered by what is due first.
struct Timetable: Sendable {
    /// The virtual time between two turns of an endpoint of weight 1; greater than the greatest weight.
    private static let period: UInt64 = 1 << 32
    private struct Plan {
        var endpoint: Int32
        /// Virtual time between two turns.
        var stride: UInt64
        /// The first turn ever; below `stride`.
        var phase: UInt64
        /// The next turn, kept while the endpoint is away.
        var due: UInt64
    }

    private struct Turn {
        var due: UInt64
        var plan: Int32
        var endpoint: Int32

        static func < (left: Turn, right: Turn) -> Bool {
            left.due < right.due || (left.due == right.due && left.plan < right.plan)
        }
    }

    private var plans: [Plan] = []
    private var heap: [Turn] = []
    /// The virtual time: when the latest turn was due.
    private(set) var clock: UInt64 = 0
    private var hasStarted = false
    private let end: UInt64

    /// `members` in the order of the file; weights are at least 1. At the virtual time `end` the timetable starts over:
    /// by default far below overflow and 10⁹ turns of one endpoint away.
    init(members: [BalancerTier.Member], end: UInt64 = 1 << 62) {
        self.end = end
        var sizes: [Int32: UInt64] = [:]
        for member in members { sizes[member.weight, default: 0] += 1 }
        plans.reserveCapacity(members.count)
        var ranks: [Int32: UInt64] = [:]
        for member in members {
            let stride = Self.period / UInt64(member.weight)
            let rank = ranks[member.weight, default: 0]
            // Ranks are below the size of their class, so the phase stays below the stride.
            let phase = stride / 2 / sizes[member.weight, default: 1] * (2 * rank + 1)
            ranks[member.weight] = rank + 1
            plans.append(Plan(endpoint: member.endpoint, stride: stride, phase: phase, due: phase))
        }
        heap.reserveCapacity(plans.count)
    }

    /// Goes on where `old` stands: an endpoint whose weight is the same keeps its turns, others get those of a new one.
    ///
    /// - Parameter origins: for each endpoint of this timetable its place in the states of the old one, or -1.
    mutating func takeTurns(of old: Timetable, origins: [Int32]) {
        clock = old.clock
        hasStarted = old.hasStarted
        var places: [Int32] = Array(repeating: -1, count: Int(1 + (old.plans.map(\.endpoint).max() ?? -1)))
        for (place, plan) in old.plans.enumerated() { places[Int(plan.endpoint)] = Int32(clamping: place) }
        for index in plans.indices {
            let origin = Int(origins[Int(plans[index].endpoint)])
            guard places.indices.contains(origin), places[origin] >= 0 else { continue }
            let kept = old.plans[Int(places[origin])]
            guard kept.stride == plans[index].stride else { continue }
            plans[index].phase = kept.phase
            plans[index].due = kept.due
        }
    }

    /// Takes the next turn of an endpoint that was not tried, by its place in `states`; nil when there is none.
    mutating func next(_ states: [EndpointState], excluding tried: TriedEndpoints) -> Int32? {
        var position = 0
        if !tried.isEmpty {
            guard let untried = earliest(from: 0, states, excluding: tried, best: nil) else { return nil }
            position = untried
        }
        guard position < heap.count else { return nil }
        var turn = heap[position]
        clock = max(clock, turn.due)
        // Turns stay below `end` plus one stride.
        turn.due += plans[Int(turn.plan)].stride
        plans[Int(turn.plan)].due = turn.due
        sink(turn, from: position)
        if clock >= end { startOver() }
        return turn.endpoint
    }

    /// Replaces the ready endpoints; the first time `random` says where in the timetable this worker begins, so that
    /// workers do not march in step.
    mutating func rebuild(random: inout SeededRandom, isReady: (Int32) -> Bool) {
        if !hasStarted {
            hasStarted = true
            clock = random.next() % Self.period
        }
        heap.removeAll(keepingCapacity: true)
        for index in plans.indices where isReady(plans[index].endpoint) {
            let plan = plans[index]
            if plan.due < clock {
                let missed = (clock - plan.phase + plan.stride - 1) / plan.stride
                plans[index].due = plan.phase + missed * plan.stride
            }
            heap.append(Turn(due: plans[index].due, plan: Int32(index), endpoint: plan.endpoint))
        }
        heapify()
    }

    private mutating func startOver() {
        clock = 0
        for index in plans.indices { plans[index].due = plans[index].phase }
        for index in heap.indices { heap[index].due = plans[Int(heap[index].plan)].phase }
        heapify()
    }

    private mutating func heapify() {
        for position in stride(from: heap.count / 2 - 1, through: 0, by: -1) {
            sink(heap[position], from: position)
        }
    }

    /// Puts `turn` at `position` or as far below it as the order of the heap demands.
    private mutating func sink(_ turn: Turn, from position: Int) {
        var position = position
        while true {
            var child = 2 * position + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count && heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < turn else { break }
            heap[position] = heap[child]
            position = child
        }
        heap[position] = turn
    }

    /// The position of the earliest untried turn at or below `position`, if earlier than the one at `best`.
    ///
    /// Looks below tried turns only, so it visits about twice as many places as were tried.
    private func earliest(
        from position: Int, _ states: [EndpointState], excluding tried: TriedEndpoints, best: Int?
    ) -> Int? {
        guard position < heap.count else { return best }
        if let best, !(heap[position] < heap[best]) { return best }
        guard tried.contains(states[Int(heap[position].endpoint)].id) else { return position }
        let left = earliest(from: 2 * position + 1, states, excluding: tried, best: best)
        return earliest(from: 2 * position + 2, states, excluding: tried, best: left)
    }
}
