import Testing
import UsherCore
import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct KeyTallyTests {
    private func count(_ key: String, _ times: Int, in tally: inout KeyTally) {
        let key = Array(key.utf8)
        for _ in 0..<times { tally.count(ShardKey(key.span), text: key.span) }
    }

    @Test("what was counted before the last two rotations is forgotten")
    func generations() {
        var tally = KeyTally()
        count("a", 3, in: &tally)
        tally.rotate()
        count("a", 2, in: &tally)
        #expect(tally.top(5).map(\.count) == [5])
        #expect(tally.total == 5)
        tally.rotate()
        #expect(tally.top(5).map(\.count) == [2])
        tally.rotate()
        #expect(tally.top(5).isEmpty)
        #expect(tally.total == 0)
    }

    @Test("keys come with their text, the most counted first")
    func texts() {
        var tally = KeyTally()
        count("b", 3, in: &tally)
        count("a", 5, in: &tally)
        count("", 2, in: &tally)
        #expect(tally.top(9).map { String(decoding: $0.text, as: UTF8.self) } == ["a", "b", ""])
        #expect(tally.top(9).map(\.count) == [5, 3, 2])
        #expect(tally.top(1).map(\.count) == [5])
        #expect(tally.top(0).isEmpty && tally.top(-1).isEmpty)
    }

    @Test("of a long key 64 bytes are kept", arguments: [(63, false), (64, false), (65, true), (8192, true)])
    func longKeys(length: Int, isCut: Bool) {
        var tally = KeyTally()
        count(String(repeating: "x", count: length), 2, in: &tally)
        let top = tally.top(1)
        #expect(top.map(\.text.count) == [min(length, 64)])
        #expect(top.map(\.isCut) == [isCut])
    }

    @Test("a flood of keys that come once hides nobody and shows none of its own")
    func flood() {
        var tally = KeyTally(capacity: 16)
        for number in 0..<5_000 {
            count("once-\(number)", 1, in: &tally)
            if number % 10 == 0 { count("hot", 1, in: &tally) }
        }
        let top = tally.top(16)
        #expect(top.map { String(decoding: $0.text, as: UTF8.self) } == ["hot"])
        #expect(top.allSatisfy { $0.certain <= 500 && $0.count >= 500 })
    }

    @Test("counts are never too low, and too high by at most the error", arguments: 1...5 as ClosedRange<UInt64>)
    func bounds(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var tallies = [KeyTally(capacity: 20), KeyTally(capacity: 20)]
        var truth: [ShardKey: UInt64] = [:]
        for number in 0..<4_000 {
            // Small numbers are likelier.
            let key = min(random.below(60), random.below(60), random.below(60))
            let text = Array("k\(key)".utf8)
            truth[ShardKey(text.span), default: 0] += 1
            tallies[random.below(2)].count(ShardKey(text.span), text: text.span)
            if number == 2_500 { for index in tallies.indices { tallies[index].rotate() } }
        }
        let report = KeyTally.merge(tallies, top: 10)
        #expect(report.total == 4_000)
        #expect(report.keys.count == 10)
        for key in report.keys {
            let count = truth[key.key] ?? 0
            #expect(key.certain <= count, "seed \(seed)")
            // A generation that does not list a key may have counted it a few times.
            #expect(key.count + 4 * 4_000 / 20 >= count, "seed \(seed)")
        }
    }

    @Test("several loops' counts are added")
    func merging() {
        var tallies = [KeyTally](repeating: KeyTally(), count: 3)
        count("a", 3, in: &tallies[0])
        count("b", 4, in: &tallies[1])
        count("a", 2, in: &tallies[2])
        let report = KeyTally.merge(tallies, top: 5)
        #expect(report.total == 9)
        #expect(report.keys.map(\.text) == [[0x61], [0x62]])
        #expect(report.keys.map(\.count) == [5, 4])
        #expect(KeyTally.merge([], top: 5) == ShardCounts(total: 0, keys: []))
    }
}
