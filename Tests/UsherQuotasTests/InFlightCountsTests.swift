import Testing
import UsherCore
import UsherQuotas

@Suite("Requests on their way", .timeLimit(.minutes(1)))
struct InFlightCountsTests {
    @Test("one caller has as many as the limit says, and again when one is over")
    func limit() {
        var counts = InFlightCounts()
        let key = KeyedHash(high: 1, low: 2)
        let begun = (0..<3).map { _ in counts.begin(key, limit: 2) }
        #expect(begun == [true, true, false])
        counts.end(key)
        let again = counts.begin(key, limit: 2)
        #expect(again)
        let other = counts.begin(KeyedHash(high: 1, low: 3), limit: 2)
        #expect(other)
        counts.end(key)
        counts.end(key)
        counts.end(key)
        #expect(counts.count(of: key) == 0)
    }
}
