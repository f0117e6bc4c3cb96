import Testing
import UsherCore
import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct HotKeyDetectorTests {
    /// A shard's report with keys that are known by their numbers.
    private func report(_ total: UInt64, _ counts: [UInt64: UInt64], error: UInt64 = 0) -> ShardCounts {
        ShardCounts(
            total: total,
            keys: counts.map { key, count in
                KeyCount(key: ShardKey(hash: key), text: [UInt8(key)], isCut: false, count: count + error, error: error)
            })
    }

    private func keys(_ hot: [HotKey]) -> [UInt64] { hot.map(\.key.hash) }

    @Test(
        "a key is hot above the share and with enough requests",
        arguments: [
            // total, count, hot
            (1000, 101, true), (1000, 100, false), (900, 99, false), (900, 100, true), (10, 10, false), (0, 0, false),
        ] as [(UInt64, UInt64, Bool)])
    func becoming(total: UInt64, count: UInt64, isHot: Bool) {
        var detector = HotKeyDetector(above: Share(percent: 10))
        let changes = detector.judge([report(total, [1: count])])
        #expect(keys(changes.inForce) == (isHot ? [1] : []))
        #expect(changes.came == changes.inForce)
        #expect(changes.went.isEmpty)
    }

    @Test("a hot key stays hot down to half the share, whatever the number of requests")
    func hysteresis() {
        var detector = HotKeyDetector(above: Share(percent: 10))
        _ = detector.judge([report(1000, [1: 200])])
        for count in [90, 50] as [UInt64] {
            let changes = detector.judge([report(1000, [1: count])])
            #expect(keys(changes.inForce) == [1])
            #expect(changes.came.isEmpty && changes.went.isEmpty)
        }
        let cold = detector.judge([report(1000, [1: 49])])
        #expect(keys(cold.went) == [1])
        #expect(cold.inForce.isEmpty)
        #expect(keys(detector.judge([report(1000, [1: 90])]).inForce) == [])
    }

    @Test("a hot key that is no longer reported goes")
    func vanishing() {
        var detector = HotKeyDetector(above: Share(percent: 10))
        _ = detector.judge([report(1000, [1: 200, 2: 300])])
        let changes = detector.judge([report(1000, [2: 300, 3: 150])])
        #expect(keys(changes.inForce) == [2, 3])
        #expect(keys(changes.came) == [3])
        #expect(keys(changes.went) == [1])
        #expect(keys(detector.judge([]).went) == [2, 3])
    }

    @Test("only what is certain counts")
    func certainty() {
        var detector = HotKeyDetector(above: Share(percent: 10))
        #expect(keys(detector.judge([report(1000, [1: 100], error: 50)]).inForce) == [])
        #expect(keys(detector.judge([report(1000, [1: 101], error: 50)]).inForce) == [1])
    }

    @Test("beside a key that fills its shard, others are measured by the mean shard")
    func overshadowed() {
        var detector = HotKeyDetector(above: Share(percent: 10))
        let others = [ShardCounts](repeating: report(1000, [:]), count: 9)
        // The mean is 1,900: 200 are above a tenth of it, and below a tenth of 10,000.
        let changes = detector.judge(others + [report(10_000, [1: 9_000, 2: 200, 3: 180])])
        #expect(keys(changes.inForce) == [1, 2])
        #expect(changes.inForce.map(\.shard) == [9, 9])
        #expect(changes.inForce.map(\.share) == [Share(percent: 90), Share(percent: 2)])
    }

    @Test("a key wants copies until each has less than the share of a mean shard")
    func copies() {
        var detector = HotKeyDetector(above: Share(percent: 10))
        let changes = detector.judge([report(2000, [1: 1500, 2: 110]), report(0, [:])])
        #expect(changes.inForce.map(\.copiesWanted) == [15, 2])
    }

    @Test("no share is too small or too large", arguments: [Int.min, -1, 0, 1, Int.max])
    func extremes(partsPerMillion: Int) {
        var detector = HotKeyDetector(above: Share(partsPerMillion: partsPerMillion), floor: 0)
        let changes = detector.judge([report(.max, [1: .max]), report(0, [:]), report(5, [2: 5])])
        #expect(changes.inForce.allSatisfy { $0.copiesWanted >= 2 })
    }
}
