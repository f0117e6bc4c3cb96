import NIOCore
import Testing
import UsherCore
import UsherHTTP
import UsherQuotas

@Suite("Fields that tell what is left", .timeLimit(.minutes(1)))
struct QuotaFieldsTests {
    private static func lines(_ limit: QuotaLimit, _ debts: QuotaDebts) -> [String] {
        let fields = RateLimitFields(limit, debts)
        var out = ByteBuffer()
        out.writeHead(reserving: fields.count) { fields.write(to: &$0) }
        #expect(out.readableBytes <= fields.count)
        return String(buffer: out).split(separator: "\r\n").map(String.init)
    }

    @Test("one window: its numbers, in both forms")
    func one() throws {
        let limit = QuotaLimit(name: "public", windows: [try QuotaWindow(Rate(text: "60/min"))])
        var debts = QuotaDebts(repeating: 0)
        let isAllowed = limit.offer(cost: 3, debts: &debts)
        #expect(isAllowed)
        #expect(
            Self.lines(limit, debts) == [
                "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 57", "X-RateLimit-Reset: 3",
                "RateLimit-Policy: \"public\";q=60;w=60", "RateLimit: \"public\";r=57;t=3",
            ])
    }

    @Test("several windows: the old form speaks of the tightest, the new one of all")
    func several() throws {
        let limit = QuotaLimit(
            name: "api",
            windows: [try QuotaWindow(Rate(text: "100/s")), try QuotaWindow(Rate(text: "1000/h"), burst: 10)])
        var debts = QuotaDebts(repeating: 0)
        let isAllowed = limit.offer(cost: 4, debts: &debts)
        #expect(isAllowed)
        #expect(
            Self.lines(limit, debts) == [
                "X-RateLimit-Limit: 10", "X-RateLimit-Remaining: 6", "X-RateLimit-Reset: 15",
                "RateLimit-Policy: \"api-1s\";q=100;w=1, \"api-1h-10\";q=10;w=36",
                "RateLimit: \"api-1s\";r=96;t=1, \"api-1h-10\";r=6;t=15",
            ])
        #expect(limit.left(debts) == 6)
    }

    @Test("names of several windows differ, whatever their bursts")
    func names() throws {
        let windows = [
            try QuotaWindow(Rate(text: "10/s")), try QuotaWindow(Rate(text: "20/s"), burst: 5),
            try QuotaWindow(Rate(text: "7/s"), burst: 6), try QuotaWindow(Rate(text: "9/s")),
        ]
        let lines = Self.lines(QuotaLimit(name: "q", windows: windows), QuotaDebts(repeating: 0))
        let policy = try #require(lines.first { $0.hasPrefix("RateLimit-Policy: ") }).dropFirst(18)
        let names = policy.split(separator: ", ").map { $0.prefix { $0 != ";" } }
        #expect(Set(names).count == 4)
    }
}
