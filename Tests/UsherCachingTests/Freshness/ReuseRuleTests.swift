import Testing
import UsherCaching
import UsherCore

@Suite("Reuse of stored answers", .timeLimit(.minutes(1)))
struct ReuseRuleTests {
    /// What a client with these directives gets `seconds` after the answer came.
    private static func judge(_ answer: String, _ request: String = "", at seconds: Double) throws -> Reuse {
        let facts = try Noon.facts("Cache-Control: \(answer)\n")
        let fields = request.isEmpty ? "" : "Cache-Control: \(request)\n"
        return ReuseRule.judge(facts, RequestDirectives(try Heads.request(fields)), now: Noon.at(seconds))
    }

    @Test("RFC 9111 §4.2: an answer is fresh while its lifetime is longer than its age")
    func fresh() throws {
        #expect(try Self.judge("max-age=10", at: 0) == .fresh)
        #expect(try Self.judge("max-age=10", at: 9.9) == .fresh)
        #expect(try Self.judge("max-age=10", at: 10) == .validate(.stale))
        #expect(try Self.judge("max-age=0", at: 0) == .validate(.stale))
    }

    @Test("RFC 9111 §5.2.2.4: with no-cache every use is validated, whatever the client takes")
    func noCache() throws {
        #expect(try Self.judge("no-cache, max-age=10", at: 0) == .validate(.stale))
        #expect(try Self.judge("no-cache, max-age=10", "max-stale", at: 0) == .validate(.stale))
        #expect(try Self.judge("no-cache=\"x\", max-age=10", at: 0) == .fresh)
    }

    @Test("RFC 9111 §5.2.1.1: max-age asks for a younger answer, and for no stale one")
    func requestMaxAge() throws {
        #expect(try Self.judge("max-age=10", "max-age=5", at: 5.9) == .fresh)
        #expect(try Self.judge("max-age=10", "max-age=5", at: 6) == .validate(.request))
        #expect(try Self.judge("max-age=10", "max-age=0", at: 0) == .validate(.request))
        #expect(try Self.judge("max-age=10", "max-age=1", at: 1.9) == .fresh)
        #expect(try Self.judge("max-age=10, stale-while-revalidate=9", "max-age=50", at: 11) == .validate(.stale))
        #expect(try Self.judge("max-age=10", "max-age=50, max-stale=5", at: 11) == .stale)
        #expect(try Self.judge("max-age=10", "max-age=10, max-stale=5", at: 11) == .validate(.request))
        #expect(try Self.judge("max-age=10, immutable", "max-age=0", at: 5) == .validate(.request))
    }

    @Test("RFC 9111 §5.2.1.2: max-stale takes an answer that is stale by no more than so much")
    func maxStale() throws {
        #expect(try Self.judge("max-age=10", "max-stale=5", at: 15.9) == .stale)
        #expect(try Self.judge("max-age=10", "max-stale=5", at: 16) == .validate(.stale))
        #expect(try Self.judge("max-age=10", "max-stale", at: 1e6) == .stale)
        #expect(try Self.judge("max-age=10", "max-stale", at: 5) == .fresh)
    }

    @Test(
        "RFC 9111 §4.2.4: no max-stale gets what the answer forbids to use stale",
        arguments: ["must-revalidate", "proxy-revalidate", "s-maxage=1"])
    func forbidden(directive: String) throws {
        #expect(try Self.judge("max-age=1, \(directive)", "max-stale", at: 2) == .validate(.stale))
        #expect(try Self.judge("max-age=1, \(directive)", "max-stale", at: 0) == .fresh)
    }

    @Test("RFC 9111 §5.2.1.3: min-fresh asks for an answer that stays fresh for so long")
    func minFresh() throws {
        #expect(try Self.judge("max-age=10", "min-fresh=4", at: 6.9) == .fresh)
        #expect(try Self.judge("max-age=10", "min-fresh=4", at: 7) == .validate(.request))
        #expect(try Self.judge("max-age=10, stale-while-revalidate=9", "min-fresh=1", at: 11) == .validate(.stale))
        #expect(try Self.judge("max-age=10", "min-fresh=1, max-stale", at: 11) == .validate(.stale))
    }

    @Test("RFC 9111 §5.2.1.4: no-cache asks the service, before all else")
    func requestNoCache() throws {
        #expect(try Self.judge("max-age=10", "no-cache", at: 0) == .validate(.request))
        #expect(try Self.judge("max-age=10", "no-cache, max-stale", at: 20) == .validate(.request))
    }

    @Test("RFC 5861 §3: for less than its window an answer is used while it is validated")
    func whileRevalidating() throws {
        let answer = "max-age=10, stale-while-revalidate=5"
        #expect(try Self.judge(answer, at: 9) == .fresh)
        #expect(try Self.judge(answer, at: 10) == .staleWhileRevalidate)
        #expect(try Self.judge(answer, at: 14.9) == .staleWhileRevalidate)
        #expect(try Self.judge(answer, at: 15) == .validate(.stale))
        #expect(try Self.judge(answer, "max-stale=60", at: 12) == .staleWhileRevalidate)
        #expect(try Self.judge(answer, "max-stale=60", at: 16) == .stale)
        #expect(try Self.judge("s-maxage=10, stale-while-revalidate=5", at: 12) == .staleWhileRevalidate)
        #expect(try Self.judge("\(answer), must-revalidate", at: 12) == .validate(.stale))
        #expect(try Self.judge("max-age=10, stale-while-revalidate=0", at: 10) == .validate(.stale))
    }

    @Test(
        "RFC 5861 §4: when the service fails a stale answer may do, if the answer or the client says so",
        arguments: [
            ("max-age=10, stale-if-error=5", "", 14.0, true), ("max-age=10, stale-if-error=5", "", 15, false),
            ("max-age=10", "", 11, false), ("max-age=10", "stale-if-error=5", 14, true),
            ("max-age=10", "stale-if-error=5", 15, false), ("s-maxage=10, stale-if-error=5", "", 14, true),
            ("s-maxage=10", "stale-if-error=5", 14, false),
            ("max-age=10, must-revalidate, stale-if-error=9", "", 12, false),
            ("max-age=10, must-revalidate", "stale-if-error=5", 14, false),
            ("max-age=10, no-cache, stale-if-error=9", "", 5, false),
            ("max-age=10, stale-if-error=5", "no-cache", 12, false),
            ("max-age=10, stale-if-error=5", "no-cache, stale-if-error=3", 12, true),
            ("max-age=10, stale-if-error=5", "max-age=0", 5, true), ("max-age=10", "max-age=0", 5, false),
        ])
    func onError(answer: String, request: String, seconds: Double, expected: Bool) throws {
        let facts = try Noon.facts("Cache-Control: \(answer)\n")
        let fields = request.isEmpty ? "" : "Cache-Control: \(request)\n"
        let directives = RequestDirectives(try Heads.request(fields))
        #expect(ReuseRule.mayServeOnError(facts, directives, now: Noon.at(seconds)) == expected)
    }

    @Test("RFC 5861 §4: which answers are failures")
    func errors() {
        let failures = (100..<600).filter { ReuseRule.isServerError($0) }
        #expect(failures == [500, 502, 503, 504])
    }

    @Test("RFC 9111 §4.2.4: over all directives, what is stale and must be revalidated is never used")
    func property() throws {
        let seed = Scribbler.seed()
        var random = SeededRandom(seed: seed)
        let answers = ["max-age=5", "s-maxage=4", "must-revalidate", "no-cache", "stale-while-revalidate=3", "public"]
        let requests = ["max-stale", "max-stale=2", "max-age=6", "min-fresh=2", "no-cache", "stale-if-error=9"]
        for _ in 0..<3000 {
            let answer = answers.filter { _ in random.below(2) == 0 }.joined(separator: ", ")
            let request = requests.filter { _ in random.below(3) == 0 }.joined(separator: ", ")
            let seconds = Double(random.below(12))
            let facts = try Noon.facts("Cache-Control: \(answer)\n")
            let reuse = try Self.judge(answer, request, at: seconds)
            let label = Comment(rawValue: "seed \(seed): \(answer) | \(request) | \(seconds)")
            let left = facts.timeToLive(now: Noon.at(seconds))
            if reuse == .fresh { #expect(left > 0 && !facts.noCache && !request.contains("no-cache"), label) }
            if reuse == .stale { #expect(left <= 0 && !facts.mustRevalidate, label) }
            if reuse == .staleWhileRevalidate { #expect(!answer.contains("must-revalidate"), label) }
        }
    }
}
