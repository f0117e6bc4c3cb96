import Testing
import UsherCore
import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct KeyTallyTests {
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

    private func count(_ key: String, _ times: Int, in tally: inout KeyTally) {
        let key = Array(key.utf8)
        for _ in 0..<times { tally.count(ShardKey(key.span), text: key.span) }
    }
}
