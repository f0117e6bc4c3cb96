import Testing

@testable import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct NaturalOrderTests {
    /// Each differs from some others in one thing.
    private static let names = [
        "", "0", "00", "1", "01", "2", "10", "99999999999999999999998", "99999999999999999999999", "S1", "a", "a0",
        "a1", "a01", "a1a", "a1b2", "a1b02", "a01b2", "a1b10", "a2", "a10", "a10b", "a-1", "aa", "b", "s2x", "s10",
        "é1",
        "é2", "日本2", "日本10",
    ]

    @Test("numbers stand by their value and all else by bytes, and every pair has one order")
    func pairs() {
        let sorted = Self.names.sorted { NaturalOrder.precedes($0, $1) }
        for (place, left) in sorted.enumerated() {
            for (otherPlace, right) in sorted.enumerated() {
                #expect(NaturalOrder.precedes(left, right) == (place < otherPlace), "\(left) and \(right)")
            }
        }
    }

    @Test(
        "names stand as people count",
        arguments: [
            ("s2", "s10"), ("s9", "s10"), ("s", "s0"), ("s1", "s01"), ("s01", "s2"), ("a1b2", "a1b10"), ("a1", "a1a"),
            ("a1b2", "a1b02"), ("a1b02", "a01b2"), ("99999999999999999999998", "99999999999999999999999"), ("A", "a"),
            ("z", "é"),
        ])
    func order(first: String, second: String) {
        #expect(NaturalOrder.precedes(first, second))
        #expect(!NaturalOrder.precedes(second, first))
    }
}
