import Testing
import UsherCore
import UsherReplication

@Suite struct EjectionTests {
    @Test(
        "no more than the share, rounded down, is out at once, and never the last one", arguments: 1...20,
        [0, 10, 34, 50, 100])
    func atMost(count: Int, percent: Int) {
        var bench = HealthBench(count, ejection: EjectionPolicy(atMost: Share(percent: percent)))
        for index in 0..<count { bench.eject(index) }
        let out = (0..<count).count { bench.word($0) == "ejected" }
        #expect(out == min(count * percent / 100, count - 1))
        #expect(bench.health.availableCount == count - out)
        #expect(bench.health.availableCount >= 1)
    }

    @Test("pauses count as well", arguments: 1...20)
    func pausesCount(count: Int) {
        var bench = HealthBench(count)
        for index in 0..<count {
            if index % 2 == 0 {
                bench.eject(index)
            } else {
                _ = bench.health.pauseAsked(EndpointID(Int32(index)), for: .seconds(5), now: bench.now)
            }
        }
        let words = (0..<count).map { bench.word($0) }
        #expect(words.count { $0 != "ready" } == count / 2)
        #expect(count < 4 || Set(words) == ["ready", "ejected", "paused"])
    }

    @Test("the last one that is available stays, whatever took the others out", arguments: ["F", "c", "d"])
    func lastOne(event: String) {
        var bench = HealthBench(3, ejection: EjectionPolicy(atMost: Share(percent: 100)))
        for index in 1..<3 as Range<Int32> {
            let id = EndpointID(index)
            switch event {
            case "F": for _ in 0..<3 { _ = bench.health.probeFailed(id, reason: "status 503", now: bench.now) }
            case "c": _ = bench.health.connectFailed(id, reason: "connection refused", now: bench.now)
            default: _ = bench.health.drain(id, now: bench.now)
            }
        }
        let told = bench.eject(0)
        #expect(told.map(\.reason) == ["5 failures in a row: would be ejected, but it is the last one available"])
        #expect(told.map(\.isAnnouncement) == [true])
        #expect(told.map(\.condition) == [.ready])
        #expect(bench.word(0) == "ready")
        let pause = bench.happen("p")
        #expect(pause.isEmpty)
    }

    @Test("refusals are told with their reason, at most every ten seconds an endpoint")
    func refusals() {
        var bench = HealthBench(2)
        bench.eject(1)
        // One of two may be out, and is; but first it is the last one.
        #expect(bench.eject(0).map(\.isAnnouncement) == [true])
        #expect(bench.eject(0).isEmpty)
        bench.wait(.seconds(9))
        #expect(bench.eject(0).isEmpty)
        bench.wait(.seconds(1))
        #expect(bench.eject(0).map(\.isAnnouncement) == [true])

        bench = HealthBench(5)
        bench.eject(0)
        bench.eject(1)
        #expect(
            bench.eject(2).map(\.reason) == ["5 failures in a row: would be ejected, but 2 of 5 are out already"])
        bench = HealthBench(5, ejection: EjectionPolicy(atMost: Share(percent: 10)))
        #expect(bench.eject(0).map(\.reason) == ["5 failures in a row: would be ejected, but none of 5 may be out"])
        #expect(bench.happen("p").isEmpty)
        bench.wait(.seconds(10))
        #expect(bench.happen("p").map(\.reason) == ["it asked for a pause of 5s, but none of 5 may be out"])
    }

    @Test("each repetition doubles the time, up to five minutes")
    func growth() {
        var bench = HealthBench(4)
        var lengths: [Duration] = []
        for _ in 0..<8 {
            bench.eject(0)
            lengths.append(bench.waitForDeadline())
            bench.wait(.seconds(1))
        }
        #expect(lengths == [10, 20, 40, 80, 160, 300, 300, 300].map { .seconds($0) })
    }

    @Test(
        "the streak is forgotten after it was well for as long as the latest ejection, and not a moment before",
        arguments: [(1, 9_999, 20), (1, 10_000, 10), (3, 39_999, 80), (3, 40_000, 10)])
    func forgetting(ejections: Int, wellMilliseconds: Int, expectedSeconds: Int) {
        var bench = HealthBench(4)
        for _ in 0..<ejections {
            bench.eject(0)
            _ = bench.waitForDeadline()
        }
        bench.wait(.milliseconds(wellMilliseconds))
        bench.eject(0)
        #expect(bench.waitForDeadline() == .seconds(expectedSeconds))
    }

    @Test(
        "time in which it was out for another reason is not time in which it was well", arguments: ["co", "du", "DS"])
    func interrupted(events: String) {
        var bench = HealthBench(4)
        bench.eject(0)
        _ = bench.waitForDeadline()
        bench.wait(.seconds(8))
        for event in events { _ = bench.happen(event) }
        bench.wait(.seconds(8))
        bench.eject(0)
        #expect(bench.waitForDeadline() == .seconds(20))
    }

    @Test(
        "a time-out longer than five minutes stays as long as it is",
        arguments: [(600, [600, 600]), (200, [200, 300])])
    func long(seconds: Int, expected: [Int]) {
        var bench = HealthBench(4, ejection: EjectionPolicy(duration: .seconds(seconds)))
        var lengths: [Duration] = []
        for _ in 0..<2 {
            bench.eject(0)
            lengths.append(bench.waitForDeadline())
        }
        #expect(lengths == expected.map { .seconds($0) })
    }

    @Test(
        "a pause lasts as long as it was asked for, but not above thirty seconds",
        arguments: [(0, nil), (-5, nil), (1, 1), (30, 30), (31, 30), (86_400, 30)])
    func pauses(seconds: Int, expected: Int?) {
        var bench = HealthBench(4)
        let told = bench.health.pauseAsked(EndpointID(0), for: .seconds(seconds), now: bench.now)
        #expect(told.isEmpty == (expected == nil))
        #expect(bench.health.nextDeadline?.elapsed(since: bench.now) == expected.map { .seconds($0) })
    }

    @Test("with ejection off nobody is ejected, but a pause is honoured")
    func off() {
        var bench = HealthBench(4, ejection: nil)
        #expect(bench.eject(0).isEmpty)
        #expect(bench.happen("p").map(\.condition.word) == ["paused"])
    }

    @Test(
        "a replica that goes on failing whenever it is asked is out for nearly all of the time", arguments: [1, 5, 8])
    func flapping(failsAfterSeconds: Int) {
        var bench = HealthBench(3)
        let begin = bench.now
        var inSeconds = 0
        while bench.now < begin.advanced(by: .seconds(3_600)) {
            bench.wait(.seconds(failsAfterSeconds))
            inSeconds += failsAfterSeconds
            bench.eject(0)
            _ = bench.waitForDeadline()
        }
        // 10 + 20 + … + 300 and then always 300 s out.
        let share = Double(inSeconds) / bench.now.elapsed(since: begin).seconds
        #expect(share < 0.05, "\(share)")
    }

    @Test("when others leave or the rules get stricter, those that are out longest come back early")
    func surplus() {
        var bench = HealthBench(4)
        bench.eject(0)
        bench.wait(.seconds(1))
        bench.eject(1)
        #expect(bench.health.remove(EndpointID(3)).map(\.id) == [EndpointID(0)])
        #expect((0..<4).map { bench.word($0) } == ["ready", "ejected", "ready", "unknown"])
        let stricter = bench.health.configure(
            .init(readiness: .init(), ejection: EjectionPolicy(atMost: Share(percent: 10))))
        #expect(stricter.map(\.id) == [EndpointID(1)])
        #expect(stricter.map(\.reason) == ["its ejection of 10s has ended early: too few others are left"])
        #expect(bench.health.nextDeadline == nil)
    }

    @Test("when those leave that took the requests, one that is out comes back, whatever share may be out")
    func lastOneLeaves() {
        var bench = HealthBench(4, ejection: EjectionPolicy(atMost: Share(percent: 100)))
        bench.eject(0)
        bench.wait(.seconds(1))
        bench.eject(1)
        #expect(bench.health.remove(EndpointID(2)).isEmpty)
        #expect(bench.health.remove(EndpointID(3)).map(\.id) == [EndpointID(0)])
        #expect((0..<2).map { bench.word($0) } == ["ready", "ejected"])
    }

    @Test("a reload keeps what is known; without checks all are ready, without ejection nobody is ejected")
    func reload() {
        var bench = HealthBench(6)
        bench.eject(0)
        for _ in 0..<3 { _ = bench.health.probeFailed(EndpointID(1), reason: "status 503", now: bench.now) }
        _ = bench.health.pauseAsked(EndpointID(2), for: .seconds(5), now: bench.now)
        _ = bench.health.drain(EndpointID(3), now: bench.now)
        let same = bench.health.configure(
            .init(readiness: .init(interval: .seconds(9), rise: 7, fall: 1), ejection: EjectionPolicy(failures: 9)))
        #expect(same.isEmpty)
        #expect((0..<5).map { bench.word($0) } == ["ejected", "unready", "paused", "drained", "ready"])
        // The new thresholds hold.
        #expect(
            bench.health.probeFailed(EndpointID(4), reason: "status 500", now: bench.now).map(\.condition)
                == [.unready])
        let none = bench.health.configure(.init(readiness: nil, ejection: nil))
        #expect(none.map(\.id) == [EndpointID(0), EndpointID(1), EndpointID(4)])
        #expect((0..<5).map { bench.word($0) } == ["ready", "ready", "paused", "drained", "ready"])
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(nanosecondsClamped) / 1e9 }
}
