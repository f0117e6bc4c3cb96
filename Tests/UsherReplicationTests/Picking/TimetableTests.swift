import Testing
import UsherCore

@testable import UsherReplication

@Suite struct TimetableTests {
    /// The states that belong to a timetable of `weights`.
    private func states(_ weights: [Int]) -> [EndpointState] {
        weights.enumerated().map { EndpointState(.init(id: endpointID($0), weight: $1)) }
    }

    private func members(_ weights: [Int]) -> [BalancerTier.Member] {
        weights.enumerated().map { .init(endpoint: Int32($0), weight: Int32($1)) }
    }

    @Test("a timetable that starts over costs nobody more than a turn", arguments: [[1, 1, 1], [4, 1, 2]])
    func startsOver(weights: [Int]) {
        var random = SeededRandom(seed: 1)
        // Three rounds long instead of a thousand million.
        var timetable = Timetable(members: members(weights), end: 3 << 32)
        let states = states(weights)
        timetable.rebuild(random: &random) { _ in true }
        let rounds = 300
        var counts = weights.map { _ in 0 }
        for _ in 0..<(rounds * weights.reduce(0, +)) {
            guard let endpoint = timetable.next(states, excluding: TriedEndpoints()) else { continue }
            counts[Int(endpoint)] += 1
            #expect(timetable.clock < 3 << 32)
        }
        // It starts over about a hundred times, and a quarter of a turn is the most that each time can cost on average.
        for (count, weight) in zip(counts, weights) {
            #expect(abs(count - rounds * weight) <= rounds / 3, "\(counts)")
        }
    }

    @Test("an endpoint that was away while the timetable started over comes back to its place")
    func awayWhileStartingOver() {
        var random = SeededRandom(seed: 2)
        var timetable = Timetable(members: members([1, 1]), end: 3 << 32)
        let states = states([1, 1])
        timetable.rebuild(random: &random) { $0 == 0 }
        for _ in 0..<10 { #expect(timetable.next(states, excluding: TriedEndpoints()) == 0) }
        timetable.rebuild(random: &random) { _ in true }
        var counts = [0, 0]
        for _ in 0..<100 {
            guard let endpoint = timetable.next(states, excluding: TriedEndpoints()) else { continue }
            counts[Int(endpoint)] += 1
        }
        #expect(abs(counts[0] - counts[1]) <= 20, "\(counts)")
    }
}
