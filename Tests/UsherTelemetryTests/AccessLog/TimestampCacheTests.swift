import Foundation
import Testing
import UsherCore

@testable import UsherTelemetry

@Suite struct TimestampCacheTests {
    @Test(
        "a second is written as calendar and clock in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_795_341_600, "2026-11-22T10:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
            (.max, "9999-12-31T23:59:59Z"), (.min, "0000-01-01T00:00:00Z"),
        ] as [(Int64, String)])
    func table(seconds: Int64, expected: String) {
        #expect(rfc3339(unixSeconds: seconds) == expected)
    }

    @Test("random moments agree with the calendar of the standard library", arguments: [5, 6] as [UInt64])
    func random(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            // The years 1600 to 3700, where both calendars are Gregorian.
            let seconds = Int64(random.below(66_000_000_000)) - 11_600_000_000
            let expected = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
            #expect(rfc3339(unixSeconds: seconds) == expected, "seed \(seed)")
        }
    }

    @Test("the combined form names the month")
    func combined() {
        var cache = TimestampCache()
        cache.update(unixSeconds: 1_795_341_600)
        #expect(String(decoding: cache.combined, as: UTF8.self) == "22/Nov/2026:10:00:00 +0000")
        cache.update(unixSeconds: 1_767_225_599)
        #expect(String(decoding: cache.combined, as: UTF8.self) == "31/Dec/2025:23:59:59 +0000")
    }
}
