import Testing
import UsherCore
import UsherQuotas

@Suite("Windows of quotas", .timeLimit(.minutes(1)))
struct QuotaWindowTests {
    @Test(
        "an interval is rounded up, so that never more than the rate passes",
        arguments: [("10/s", 100_000_000), ("3/s", 333_333_334), ("1/d", 86_400_000_000_000), ("1000000/s", 1000)])
    func intervals(text: String, interval: UInt64) throws {
        let window = try QuotaWindow(Rate(text: text))
        #expect(window.interval == interval)
        #expect(window.burst == window.rate.count)
        #expect(window.span == interval * UInt64(window.burst))
    }

    @Test("what cannot be counted is refused", arguments: [("0/s", 1), ("1000001/s", 1), ("1/d", 401), ("5/s", 0)])
    func refused(text: String, burst: Int) throws {
        let rate = try Rate(text: text)
        #expect(throws: TextProblem.self) { try QuotaWindow(rate, burst: burst) }
    }

    @Test("clamping gives the same as checking, where that gives something")
    func clamping() throws {
        for (text, burst) in [("10/s", 10), ("1/d", 400), ("1000000/s", 7)] {
            let rate = try Rate(text: text)
            #expect(QuotaWindow(clamping: rate, burst: burst) == (try QuotaWindow(rate, burst: burst)))
        }
        let wild = QuotaWindow(clamping: Rate(count: .max, per: .zero), burst: .min)
        #expect(wild.interval >= 1 && wild.burst == 1)
        #expect(QuotaWindow(clamping: Rate(count: -5, per: .seconds(1)), burst: .max).span <= QuotaWindow.spanMaximum)
    }

    @Test("what is left falls by one for each unit, and never below none")
    func remaining() throws {
        let window = try QuotaWindow(Rate(text: "60/min"), burst: 10)
        #expect(window.remaining(debt: 0) == 10)
        #expect(window.remaining(debt: 1) == 9)
        #expect(window.remaining(debt: 1_000_000_000) == 9)
        #expect(window.remaining(debt: 1_000_000_001) == 8)
        #expect(window.remaining(debt: 10_000_000_000) == 0)
        #expect(window.remaining(debt: .max) == 0)
    }
}

@Suite("Decisions of quotas", .timeLimit(.minutes(1)))
struct QuotaDecisionTests {
    static func limit(_ windows: QuotaWindow...) -> QuotaLimit { QuotaLimit(name: "public", windows: windows) }

    @Test("a request takes of every window or of none")
    func allOrNothing() throws {
        let limit = Self.limit(try QuotaWindow(Rate(text: "10/s")), try QuotaWindow(Rate(text: "2/h")))
        var debts = QuotaDebts(repeating: 0)
        let first = limit.offer(cost: 1, debts: &debts)
        let second = limit.offer(cost: 1, debts: &debts)
        let before = (debts[0], debts[1])
        let third = limit.offer(cost: 1, debts: &debts)
        #expect(first && second && !third)
        #expect(debts[0] == before.0 && debts[1] == before.1)
    }

    @Test("the seconds until a request may pass are those after which it does", arguments: [1, 2, 3, 5, 60])
    func retryAfter(cost: UInt64) throws {
        let limit = Self.limit(try QuotaWindow(Rate(text: "60/min")))
        var debts = QuotaDebts(repeating: 0)
        while limit.offer(cost: 1, debts: &debts) {}
        let decision = QuotaDecision(isAllowed: false, debts: debts)
        let seconds = limit.retryAfterSeconds(decision, cost: cost)
        #expect(seconds == Int(cost))
        var later = debts
        later[0] -= min(later[0], UInt64(seconds) * 1_000_000_000)
        let passes = limit.offer(cost: cost, debts: &later)
        #expect(passes)
    }

    @Test("what never fits is refused, and its caller is not told to come again")
    func tooMuch() throws {
        let limit = Self.limit(try QuotaWindow(Rate(text: "10/s")))
        var debts = QuotaDebts(repeating: 0)
        let isAllowed = limit.offer(cost: 11, debts: &debts)
        #expect(!isAllowed)
        #expect(debts[0] == 0)
        #expect(limit.retryAfterSeconds(QuotaDecision(isAllowed: false, debts: debts), cost: 11) == 0)
        let overflows = limit.offer(cost: .max, debts: &debts)
        #expect(!overflows)
    }

    @Test("a cost of nothing always passes")
    func free() throws {
        let limit = Self.limit(try QuotaWindow(Rate(text: "1/h")))
        var debts = QuotaDebts(repeating: 0)
        let spent = limit.offer(cost: 1, debts: &debts)
        let free = limit.offer(cost: 0, debts: &debts)
        #expect(spent && free)
    }

    @Test("costs are digits; more than the most counts as that")
    func costs() {
        #expect(QuotaCost(Array("17".utf8).span)?.units == 17)
        #expect(QuotaCost(Array("0".utf8).span)?.units == 0)
        #expect(QuotaCost(Array(repeating: UInt8(ascii: "9"), count: 400).span)?.units == QuotaCost.maximum)
        for wrong in ["", "-1", "1.5", " 1", "1 ", "0x1", "é"] { #expect(QuotaCost(Array(wrong.utf8).span) == nil) }
    }
}
