import Foundation
import Testing
import UsherCore
import UsherLoad

@Suite("With the cache and without", .timeLimit(.minutes(1)))
struct ComparisonReportTests {
    private static func report(
        _ answers: [(status: Int, cache: CacheOutcome?, count: Int)], timeouts: Int = 0, rate: Int? = nil,
        isInterrupted: Bool = false
    ) throws -> LoadReport {
        LoadReport(
            LoadReportTests.tally(answers, timeouts: timeouts), plan: try LoadReportTests.plan(rate),
            duration: .seconds(1), isInterrupted: isInterrupted)
    }

    @Test("the sentence gives the rate without the cache, rounded down")
    func sentence() throws {
        let comparison = ComparisonReport(
            withCache: try Self.report([(200, .hit, 39_060), (200, .uriMiss, 2_940)]),
            bypassed: try Self.report([(200, .bypass, 3_499)]))
        #expect(
            comparison.sentence == "If the cache is lost, this system survives about 3,400 requests/s; with it, "
                + "42,000 requests/s at a hit ratio of 93.0%.")
        #expect(comparison.survivesPerSecond == 3499 && !comparison.isLowerBound && comparison.notes.isEmpty)
    }

    @Test("a system that took all that was asked of it may survive more")
    func lowerBound() throws {
        let comparison = ComparisonReport(
            withCache: try Self.report([(200, .hit, 500)], rate: 500),
            bypassed: try Self.report([(200, .bypass, 500)], rate: 500))
        #expect(comparison.isLowerBound)
        #expect(
            comparison.sentence == "If the cache is lost, this system survives at least 500 requests/s, which is all "
                + "that was asked of it; with it, at least 500 requests/s at a hit ratio of 100.0%.")
    }

    @Test("answers that fail do not count as survived")
    func failures() throws {
        let comparison = ComparisonReport(
            withCache: try Self.report([(200, .hit, 1000)], rate: 1000),
            bypassed: try Self.report(
                [(200, .bypass, 120), (503, .bypass, 580), (429, .bypass, 100)], timeouts: 200, rate: 1000))
        #expect(comparison.sentence.contains("survives about 120 requests/s while 88.0% of all requests fail;"))
        #expect(comparison.survivesPerSecond == 120)
        let none = ComparisonReport(
            withCache: try Self.report([(200, .hit, 1)]), bypassed: try Self.report([(503, nil, 9)]))
        #expect(none.sentence.contains("survives no requests at all"))
    }

    @Test("what speaks against the comparison is said")
    func notes() throws {
        let unknown = ComparisonReport(
            withCache: try Self.report([(200, nil, 10)]), bypassed: try Self.report([(200, nil, 10)]))
        #expect(unknown.notes.count == 1 && unknown.notes[0].contains("Cache-Status"))
        let refused = ComparisonReport(
            withCache: try Self.report([(200, .hit, 10)]),
            bypassed: try Self.report([(200, .hit, 10)], isInterrupted: true))
        #expect(refused.notes.count == 2 && refused.survivesPerSecond == nil)
        #expect(refused.sentence.contains("is not known"))
        #expect(refused.notes[0].hasPrefix("10 answers of the run without the cache came from it"))
        let cold = ComparisonReport(
            withCache: try Self.report([(200, .uriMiss, 10)]), bypassed: try Self.report([(200, .bypass, 10)]))
        #expect(cold.notes.count == 1 && cold.notes[0].contains("next to nothing"))
    }

    @Test("both runs stand side by side, and in the JSON")
    func table() throws {
        let comparison = ComparisonReport(
            withCache: try Self.report([(200, .hit, 10)]), bypassed: try Self.report([(200, nil, 4)]))
        let lines = comparison.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[1].contains("WITH CACHE") && lines[1].contains("CACHE BYPASSED"))
        let hits = try #require(lines.first { $0.contains("hit ratio") })
        #expect(hits.contains("100.0% (hit 10)") && hits.hasSuffix("-"))
        #expect(lines.contains { $0.hasPrefix("If the cache is lost") })
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(comparison))
        let json = try #require(object as? [String: Any])
        #expect(
            Set(json.keys) == [
                "with_cache", "cache_bypassed", "survives_per_second", "survives_at_least", "sentence", "notes",
            ])
    }
}
