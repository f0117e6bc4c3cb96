import Testing
import UsherCore
import UsherReplication

@Suite struct EndpointHistoryTests {
    @Test("the latest hundred events are kept, oldest first", arguments: [0, 1, 99, 100, 101, 250, 1_000])
    func keeps(count: Int) {
        var history = EndpointHistory()
        for number in 0..<count {
            history.append(unixMilliseconds: Int64(number), condition: "ready", reason: "event \(number)")
        }
        let first = max(count - EndpointHistory.capacity, 0)
        #expect(history.events.map(\.unixMilliseconds) == (first..<count).map { Int64($0) })
        #expect(history.events.map(\.reason) == (first..<count).map { "event \($0)" })
        #expect(history.count == min(count, EndpointHistory.capacity))
    }

    @Test("histories with the same events are equal")
    func equality() {
        var long = EndpointHistory()
        var short = EndpointHistory()
        for number in 0..<150 as Range<Int64> {
            long.append(unixMilliseconds: number, condition: "ready", reason: "")
            if number >= 50 { short.append(unixMilliseconds: number, condition: "ready", reason: "") }
        }
        #expect(long == short)
        #expect(long.hashValue == short.hashValue)
        short.append(unixMilliseconds: 150, condition: "ready", reason: "")
        #expect(long != short)
    }
}

@Suite struct PanicRuleTests {
    @Test(
        "it is a panic at or below the share",
        arguments: [
            (0, 0, 0, false), (0, 0, 3, true), (0, 1, 3, false), (0, 3, 3, false), (50, 0, 2, true), (50, 1, 2, true),
            (50, 2, 2, false), (50, 1, 3, true), (50, 2, 3, false), (34, 1, 3, true), (33, 1, 3, false),
            (100, 3, 3, true), (-1, 0, 3, true), (-1, 1, 3, false), (10, 1_000, 10_000, true),
            (10, 1_001, 10_000, false), (50, .max, .max, false), (50, -1, 1, true),
        ])
    func cases(percent: Int, ready: Int, total: Int, expected: Bool) {
        #expect(PanicRule(share: Share(percent: percent)).isPanic(ready: ready, of: total) == expected)
    }
}
