import Testing
import UsherCore
import UsherReplication

@Suite struct SlowStartRulesTests {
    @Test("those that are ready when a service starts, or soon after the first, begin in full")
    func founders() {
        var bench = HealthBench(0)
        var ramps: [MonotonicTime?] = []
        for index in 0..<4 as Range<Int32> {
            _ = bench.health.add(EndpointID(index), readyAtOnce: false, now: bench.now)
            ramps += bench.health.probeSucceeded(EndpointID(index), now: bench.now).map(\.availability.rampFrom)
            bench.wait(.seconds(3))
        }
        #expect(ramps == [nil, nil, nil, nil])
        // The fifth comes 12 s after the first.
        let late = bench.health.add(EndpointID(4), readyAtOnce: true, now: bench.now)
        #expect(late.map(\.availability.rampFrom) == [bench.now])
    }

    @Test("a founder that is away and back within that time starts slowly")
    func flappingFounder() {
        var bench = HealthBench(0)
        for index in 0..<3 as Range<Int32> {
            _ = bench.health.add(EndpointID(index), readyAtOnce: true, now: bench.now)
        }
        _ = bench.happen("c")
        bench.wait(.seconds(1))
        let back = bench.happen("o")
        #expect(back.map(\.availability.rampFrom) == [bench.now])
    }

    @Test("whatever took it out, it comes back slowly", arguments: ["FFFSS", "co", "cS", "et", "pt", "du", "DS"])
    func ramps(events: String) {
        var bench = HealthBench(4)
        var last: [ServiceHealth.Change] = []
        for event in events { last = bench.happen(event) }
        #expect(last.map(\.availability.mayBePicked) == [true])
        #expect(last.map(\.availability.rampFrom) == [bench.now])
        #expect(bench.availability(1).rampFrom == nil)
    }

    @Test("even when nobody else is ready: those that follow must not leave all load to the first")
    func outageOfAll() {
        var bench = HealthBench(2)
        for index in 0..<2 as Range<Int32> {
            _ = bench.health.connectFailed(EndpointID(index), reason: "connection refused", now: bench.now)
        }
        var ramps: [MonotonicTime?] = []
        for index in 0..<2 as Range<Int32> {
            bench.wait(.milliseconds(100))
            ramps += bench.health.connectSucceeded(EndpointID(index), now: bench.now).map(\.availability.rampFrom)
        }
        #expect(!ramps.contains(nil))
    }

    @Test("a ramp is not begun anew by what does not take it out")
    func kept() {
        var bench = HealthBench(4)
        for event in "co" { _ = bench.happen(event) }
        let begin = bench.now
        bench.wait(.seconds(2))
        for event in "SFoSu" { #expect(bench.happen(event).isEmpty) }
        #expect(bench.availability(0).rampFrom == begin)
    }
}
