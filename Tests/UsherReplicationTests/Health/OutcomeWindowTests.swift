import Testing
import UsherCore
import UsherReplication

@Suite struct OutcomeWindowTests {
    /// Outcomes a tenth of a second apart from `at` on: `.` is a success, `x` a failure; the causes that were reported.
    private func causes(
        _ outcomes: String, in window: inout OutcomeWindow, at: Duration = .seconds(100),
        _ policy: EjectionPolicy? = EjectionPolicy()
    ) -> [EjectionCause] {
        var now = MonotonicTime.start.advanced(by: at)
        var found: [EjectionCause] = []
        for outcome in outcomes {
            if let cause = window.record(failed: outcome == "x", now: now, policy) { found.append(cause) }
            now = now.advanced(by: .milliseconds(100))
        }
        return found
    }

    @Test(
        "failures in a row, or their share of enough outcomes, are reported once and counting begins anew",
        arguments: [
            ("", []),
            ("....................................", []),
            ("xxxx", []),
            ("xxxxx", [.consecutive(5)]),
            ("xxxx.xxxx.xxxx.", []),  // 12 of 15: too few
            ("xxxxxxxxx", [.consecutive(5)]),
            ("xxxxxxxxxx", [.consecutive(5), .consecutive(5)]),
            ("x.x.x.x.x.x.x.x.x.x.", []),  // the share is looked at when a failure comes
            ("x.x.x.x.x.x.x.x.x.x.x", [.share(percent: 52, of: 21)]),
            (".x.x.x.x.x.x.x.x.x.x", [.share(percent: 50, of: 20)]),
            ("..x..x..x..x..x..x..x..x..x..x..x..x", []),
            ("xx.xx.xx.xx.xx.xx.xx", [.share(percent: 70, of: 20)]),
            ("xx.xx.xx.xx.xx.xx.xx.xxxxx", [.share(percent: 70, of: 20), .consecutive(5)]),
        ] as [(String, [EjectionCause])])
    func verdicts(outcomes: String, expected: [EjectionCause]) {
        var window = OutcomeWindow()
        #expect(causes(outcomes, in: &window) == expected)
    }

    @Test(
        "the policy's own numbers count, and senseless ones count as the nearest", arguments: [(1, 1), (2, 2), (0, 1)])
    func thresholds(failures: Int, expected: Int) {
        var window = OutcomeWindow()
        let found = causes(
            String(repeating: "x", count: expected), in: &window,
            EjectionPolicy(failures: failures, share: Share(percent: 500)))
        #expect(found == [.consecutive(expected)])
    }

    @Test("only a share of all is too much when the share says so")
    func wholeShare() {
        let policy = EjectionPolicy(failures: 1_000, share: Share(percent: 100))
        var window = OutcomeWindow()
        #expect(causes("." + String(repeating: "x", count: 40), in: &window, policy) == [])
        window.reset()
        #expect(causes(String(repeating: "x", count: 20), in: &window, policy) == [.share(percent: 100, of: 20)])
    }

    @Test("without a policy nothing is reported")
    func off() {
        var window = OutcomeWindow()
        #expect(causes(String(repeating: "x", count: 100), in: &window, nil) == [])
    }

    @Test(
        "outcomes count for at least five and at most ten seconds",
        arguments: [(4_900, true), (5_000, true), (9_999, true), (10_000, false), (1_000_000, false)])
    func forgets(laterMilliseconds: Int, counted: Bool) {
        var window = OutcomeWindow()
        // 19 outcomes in the first 1.9 s of a half window, every other a failure.
        #expect(causes("x.x.x.x.x.x.x.x.x.x", in: &window).isEmpty)
        let cause = window.record(
            failed: true, now: .start.advanced(by: .seconds(100) + .milliseconds(laterMilliseconds)), EjectionPolicy())
        #expect((cause != nil) == counted)
    }

    @Test("failures in a row are counted over any time")
    func rare() {
        var window = OutcomeWindow()
        var cause: EjectionCause?
        for hour in 0..<5 {
            #expect(cause == nil)
            cause = window.record(
                failed: true, now: .start.advanced(by: .seconds(3_600 * hour)), EjectionPolicy())
        }
        #expect(cause == .consecutive(5))
    }

    @Test("after a reset nothing is known")
    func reset() {
        var window = OutcomeWindow()
        #expect(causes("xxxx", in: &window).isEmpty)
        window.reset()
        #expect(causes("xxxx", in: &window).isEmpty)
        #expect(causes("x", in: &window) == [.consecutive(5)])
    }

    @Test("a clock that runs back does no harm")
    func clock() {
        var window = OutcomeWindow()
        #expect(causes("xxxx", in: &window, at: .seconds(100)).isEmpty)
        #expect(causes("x", in: &window, at: .seconds(1)) == [.consecutive(5)])
    }

    @Test("it is small, for there is one for each endpoint on each worker")
    func size() {
        #expect(MemoryLayout<OutcomeWindow>.stride <= 32)
    }

    @Test(
        "causes are told as people would",
        arguments: [
            (.consecutive(5), "5 failures in a row"), (.consecutive(1), "1 failure in a row"),
            (.share(percent: 60, of: 25), "60 % of 25 requests failed in 10s"),
        ] as [(EjectionCause, String)])
    func reasons(cause: EjectionCause, expected: String) {
        #expect(cause.reason == expected)
    }
}
