import Testing
import UsherCore
import UsherLoad

@Suite("When requests begin", .timeLimit(.minutes(1)))
struct ArrivalScheduleTests {
    private static let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private static func moments(_ schedule: ArrivalSchedule, count: Int) -> [UInt64] {
        var schedule = schedule
        return (0..<count).map { _ in
            defer { schedule.advance() }
            return schedule.next.nanoseconds - Self.start.nanoseconds
        }
    }

    @Test("an even rate has the same time between any two, and no rounding adds up")
    func even() {
        let rate = Rate(count: 3, per: .seconds(1))
        let moments = Self.moments(ArrivalSchedule(rate, .even, start: Self.start, seed: 1), count: 30_001)
        #expect(moments.prefix(4) == [0, 333_333_333, 666_666_666, 1_000_000_000])
        #expect(moments.last == 10_000_000_000_000)
    }

    @Test("the parts of several workers are together what one would do", arguments: [2, 3, 7])
    func parts(count: Int) {
        let rate = Rate(count: 100, per: .seconds(1))
        let whole = Self.moments(ArrivalSchedule(rate, .even, start: Self.start, seed: 1), count: 10 * count)
        let parts = (0..<count).flatMap { part in
            Self.moments(
                ArrivalSchedule(rate, .even, start: Self.start, seed: 1, part: part, of: count), count: 10)
        }
        #expect(parts.sorted() == whole)
    }

    @Test("random arrivals keep the rate, and gaps spread as those of independent users do", arguments: [1, 4])
    func poisson(parts: Int) {
        let seed = UInt64.random(in: .min ... .max)
        let rate = Rate(count: 1000, per: .seconds(1))
        for part in 0..<parts {
            let schedule = ArrivalSchedule(rate, .poisson, start: Self.start, seed: seed, part: part, of: parts)
            let moments = [0] + Self.moments(schedule, count: 20_000).map { Double($0) / 1e6 }
            let gaps = zip(moments.dropFirst(), moments).map { $0 - $1 }
            let mean = gaps.reduce(0, +) / Double(gaps.count)
            let variance = gaps.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(gaps.count)
            // One millisecond between two of all workers; a gap deviates by as much as it is long on average.
            #expect(abs(mean / Double(parts) - 1) < 0.05, "seed \(seed)")
            #expect(abs(variance.squareRoot() / mean - 1) < 0.1, "seed \(seed)")
            #expect(gaps.allSatisfy { $0 >= 0 })
        }
    }

    @Test("workers do not come at random in step")
    func independentParts() {
        let rate = Rate(count: 1000, per: .seconds(1))
        let first = Self.moments(ArrivalSchedule(rate, .poisson, start: Self.start, seed: 7, part: 0, of: 2), count: 50)
        let other = Self.moments(ArrivalSchedule(rate, .poisson, start: Self.start, seed: 7, part: 1, of: 2), count: 50)
        #expect(Set(first).isDisjoint(with: other))
    }

    @Test("a rate of almost nothing does not overflow")
    func slow() {
        var schedule = ArrivalSchedule(Rate(count: 1, per: .seconds(86_400)), .even, start: Self.start, seed: 1)
        for _ in 0..<1_000 { schedule.advance() }
        #expect(schedule.next.nanoseconds > Self.start.nanoseconds)
    }
}
