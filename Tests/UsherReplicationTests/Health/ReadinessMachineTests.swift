import Testing
import UsherCore
import UsherReplication

private func machine(rise: Int = 2, fall: Int = 3) -> ReadinessMachine {
    ReadinessMachine(.init(interval: .seconds(2), rise: rise, fall: fall))
}

/// S: success, F: failure, D: the process died; the actions as r (became ready), u (became unready), - (unchanged).
private func actions(_ events: String, _ machine: inout ReadinessMachine) -> String {
    var result = ""
    for event in events {
        let action =
            switch event {
            case "S": machine.probeSucceeded(now: .start)
            case "F": machine.probeFailed(reason: "status 503", now: .start)
            default: machine.replicaDied(now: .start)
            }
        switch action {
        case .becameReady: result += "r"
        case .becameUnready: result += "u"
        case .unchanged: result += "-"
        }
    }
    return result
}

@Suite struct ReadinessMachineTests {
    @Test(
        "checks turn the verdict by rise and fall",
        arguments: [
            ("S", "r"),  // one success is enough at the start
            ("FS", "-r"),
            ("FFFS", "--ur"),  // told why, and still one success
            ("FFFFFFS", "--u---r"),  // told once
            ("SFF", "r--"),
            ("SFFF", "r--u"),
            ("SFFSFFSFF", "r--------"),  // not in a row
            ("SFFFS", "r--u-"),
            ("SFFFSS", "r--u-r"),
            ("SFFFSFS", "r--u---"),  // not in a row
            ("SFFFSSFFF", "r--u-r--u"),
            ("SD", "ru"),
            ("SDS", "rur"),  // a restarted process starts like the first
            ("D", "-"),
            ("SDD", "ru-"),
            ("SFFFDS", "r--u-r"),
            ("FFDF", "----"),  // death forgets the failures before it
        ])
    func verdicts(events: String, expected: String) {
        var readiness = machine()
        #expect(actions(events, &readiness) == expected)
        #expect(readiness.isReady == (expected.last { $0 != "-" } == "r"))
    }

    @Test("rise and fall of one or less act at once", arguments: [1, 0, -4])
    func leastThresholds(threshold: Int) {
        var readiness = machine(rise: threshold, fall: threshold)
        #expect(actions("FSFSF", &readiness) == "ururu")
    }

    @Test("the reason of the last failure is kept until it is ready again")
    func reasons() {
        var readiness = machine(fall: 1)
        #expect(readiness.reason == nil)
        _ = readiness.probeSucceeded(now: .start)
        let failed = readiness.probeFailed(reason: "status 503", now: .start)
        #expect(failed == .becameUnready(reason: "status 503"))
        _ = readiness.probeFailed(reason: "connection refused", now: .start)
        #expect(readiness.reason == "connection refused")
        _ = actions("SS", &readiness)
        #expect(readiness.reason == nil)
        let died = readiness.replicaDied(now: .start)
        #expect(died == .becameUnready(reason: ReadinessMachine.deathReason))
        #expect(readiness.reason == ReadinessMachine.deathReason)
    }

    @Test("it remembers whether it ever was ready, and since when the verdict stands")
    func history() {
        var readiness = machine(fall: 1)
        #expect(readiness.changedAt == nil)
        let failed = MonotonicTime.start.advanced(by: .seconds(1))
        _ = readiness.probeFailed(reason: "timed out", now: failed)
        #expect(readiness.changedAt == failed)
        #expect(!readiness.hasBeenReady)
        let succeeded = failed.advanced(by: .seconds(1))
        _ = readiness.probeSucceeded(now: succeeded)
        _ = readiness.probeSucceeded(now: succeeded.advanced(by: .seconds(1)))
        #expect(readiness.changedAt == succeeded)
        _ = readiness.replicaDied(now: succeeded)
        #expect(readiness.hasBeenReady)
    }

    @Test(
        "checks are spaced by the interval give or take a tenth, closer until the first success",
        arguments: [
            ("", 2_000, 225...275), ("FFF", 2_000, 225...275), ("S", 2_000, 1_800...2_200),
            ("SFFF", 2_000, 1_800...2_200),
            ("SD", 2_000, 225...275), ("", 100, 90...110), ("S", 0, 9...11), ("S", -5, 9...11),
        ])
    func spacing(events: String, intervalMilliseconds: Int, expected: ClosedRange<Int>) {
        var random = SeededRandom(seed: 1)
        var readiness = ReadinessMachine(.init(interval: .milliseconds(intervalMilliseconds), rise: 2, fall: 3))
        _ = actions(events, &readiness)
        let now = MonotonicTime.start.advanced(by: .seconds(5))
        var spans: [Duration] = []
        for _ in 0..<500 { spans.append(readiness.nextProbe(after: now, random: &random).elapsed(since: now)) }
        let least = Duration.milliseconds(expected.lowerBound)
        let most = Duration.milliseconds(expected.upperBound)
        #expect(spans.allSatisfy { $0 >= least && $0 <= most })
        // Really spread, over most of the range.
        let spread = (spans.max() ?? .zero) - (spans.min() ?? .zero)
        #expect(spread > (most - least) / 2)
    }

    @Test("an endless interval never ends and never traps")
    func endless() {
        var random = SeededRandom(seed: 2)
        var readiness = ReadinessMachine(.init(interval: .seconds(Int64.max), rise: 1, fall: 1))
        _ = readiness.probeSucceeded(now: .start)
        let next = readiness.nextProbe(after: .start, random: &random)
        #expect(next.nanoseconds > UInt64(Int64.max) / 2)
    }
}
