import Testing
import UsherCaching
import UsherHTTP

@Suite("Conditions on stored answers", .timeLimit(.minutes(1)))
struct PreconditionTests {
    private static func judge(_ stored: String, _ fields: String, _ line: String = "GET / HTTP/1.1", status: Int = 200)
        throws -> PreconditionVerdict
    {
        let lines = try Heads.lines(stored)
        let request = try Heads.request(fields, line)
        return Precondition.judge(request, lines: lines.span, unixReceived: Noon.unixSeconds, status: status)
    }

    @Test(
        "RFC 9110 §13.1.2: If-None-Match compares weakly, over all of its lines",
        arguments: [
            ("\"a\"", "\"a\"", true), ("\"a\"", "W/\"a\"", true), ("W/\"a\"", "\"a\"", true), ("\"a\"", "\"b\"", false),
            ("\"a\"", "\"b\", \"a\"", true), ("\"a\"", "\"b\"\nIf-None-Match: \"a\"", true), ("\"a\"", "*", true),
            ("\"a\"", "\"A\"", false), ("\"a\"", "a", false), ("\"a\"", "\"a", false),
            ("\"a,b\"", "\"c\",\"a,b\"", true),
            ("\"a\"", "\"x,\"a\",y\"", false), ("\"a\"", "w/\"a\"", false), ("\"a\"", ",, \"a\" ,", true),
            ("\"a\\\"", "\"b\\\",\"a\\\"", true), ("\"a\"", "\"a\"x", false), ("\"a\"", "x\"a\"", false),
            ("\"\"", "\"\"", true), ("a", "a", false), ("\"a\"", "", false), ("\"a\"", "*, \"b\"", false),
        ])
    func noneMatch(stored: String, asked: String, isSame: Bool) throws {
        let verdict = try Self.judge("ETag: \(stored)\n", "If-None-Match: \(asked)\n")
        #expect(verdict == (isSame ? .notModified : .proceed))
    }

    @Test("RFC 9110 §13.1.2: a star means any answer, also one without a tag")
    func star() throws {
        #expect(try Self.judge("", "If-None-Match: *\n") == .notModified)
        #expect(try Self.judge("", "If-None-Match: \"a\"\n") == .proceed)
    }

    @Test(
        "RFC 9110 §13.1.3: If-Modified-Since asks whether the last change is later",
        arguments: [(-10, -10, true), (-10, -9, true), (-10, 0, true), (-10, 500, true), (-10, -11, false)])
    func modifiedSince(changed: Int, asked: Int, isSame: Bool) throws {
        let stored = "Last-Modified: \(Noon.date(changed))\nDate: \(Noon.date(-1))\n"
        let verdict = try Self.judge(stored, "If-Modified-Since: \(Noon.date(asked))\n")
        #expect(verdict == (isSame ? .notModified : .proceed))
    }

    @Test("RFC 9111 §4.3.2: without Last-Modified the answer's date counts, and without that the time when it came")
    func substitutes() throws {
        #expect(try Self.judge("Date: \(Noon.date(-5))\n", "If-Modified-Since: \(Noon.date(-5))\n") == .notModified)
        #expect(try Self.judge("Date: \(Noon.date(-5))\n", "If-Modified-Since: \(Noon.date(-6))\n") == .proceed)
        #expect(try Self.judge("", "If-Modified-Since: \(Noon.date)\n") == .notModified)
        #expect(try Self.judge("", "If-Modified-Since: \(Noon.date(-1))\n") == .proceed)
        #expect(try Self.judge("Last-Modified: x\n", "If-Modified-Since: \(Noon.date)\n") == .notModified)
    }

    @Test(
        "RFC 9110 §13.1.3: what is no date, or not the only one, is passed over",
        arguments: [
            "If-Modified-Since: x\n", "If-Modified-Since:\n", "If-Modified-Since: \(Noon.date), \(Noon.date)\n",
            "If-Modified-Since: \(Noon.date)\nIf-Modified-Since: \(Noon.date)\n", "",
        ])
    func malformedDate(fields: String) throws {
        #expect(try Self.judge("Last-Modified: \(Noon.date(-10))\n", fields) == .proceed)
    }

    @Test("RFC 9110 §13.2.2: If-Modified-Since does not count beside If-None-Match")
    func precedence() throws {
        let stored = "ETag: \"a\"\nLast-Modified: \(Noon.date(-10))\n"
        let since = "If-Modified-Since: \(Noon.date)\n"
        #expect(try Self.judge(stored, "\(since)If-None-Match: \"b\"\n") == .proceed)
        #expect(try Self.judge(stored, "\(since)If-None-Match: x\n") == .proceed)
        #expect(try Self.judge(stored, "If-Modified-Since: \(Noon.date(-99))\nIf-None-Match: \"a\"\n") == .notModified)
    }

    @Test("RFC 9110 §13.2.1: conditions are for GET and HEAD, and for answers that are 2xx")
    func scope() throws {
        let fields = "If-None-Match: *\n"
        #expect(try Self.judge("", fields, "HEAD / HTTP/1.1") == .notModified)
        #expect(try Self.judge("", fields, "OPTIONS / HTTP/1.1") == .proceed)
        for status in [301, 404, 500] { #expect(try Self.judge("", fields, status: status) == .proceed) }
        #expect(try Self.judge("", fields, status: 203) == .notModified)
    }

    @Test("RFC 9111 §4.3.2: If-Match and If-Unmodified-Since are for the service")
    func bypass() throws {
        #expect(try Precondition.mustBypass(Heads.request("If-Match: \"a\"\n")))
        #expect(try Precondition.mustBypass(Heads.request("If-Unmodified-Since: x\n")))
        #expect(try !Precondition.mustBypass(Heads.request("If-None-Match: \"a\"\nIf-Range: \"a\"\n")))
    }

    @Test(
        "RFC 9110 §13.1.5: If-Range needs the very same, by a strong validator",
        arguments: [
            ("", true), ("If-Range: \"a\"\n", true), ("If-Range: W/\"a\"\n", false), ("If-Range: \"b\"\n", false),
            ("If-Range: a\n", false), ("If-Range:\n", false), ("If-Range: \"a\"\nIf-Range: \"a\"\n", false),
            ("If-Range: \(Noon.date(-10))\n", true), ("If-Range: \(Noon.date(-9))\n", false),
            ("If-Range: \(Noon.date(-11))\n", false), ("If-Range: \"a\", \"b\"\n", false),
        ])
    func ifRange(fields: String, holds: Bool) throws {
        let lines = try Heads.lines("ETag: \"a\"\nLast-Modified: \(Noon.date(-10))\nDate: \(Noon.date(-9))\n")
        let request = try Heads.request(fields)
        let isHolding = Precondition.ifRangeHolds(request, lines: lines.span)
        #expect(isHolding == holds)
    }

    @Test("RFC 9110 §8.8.2.2: a date is no strong validator of an answer made in the same second, or at no known time")
    func weakDate() throws {
        let request = try Heads.request("If-Range: \(Noon.date(-10))\n")
        for made in ["Date: \(Noon.date(-10))\n", "Date: x\n", ""] {
            let lines = try Heads.lines("Last-Modified: \(Noon.date(-10))\n\(made)")
            let holds = Precondition.ifRangeHolds(request, lines: lines.span)
            #expect(!holds)
        }
        let weak = try Heads.lines("ETag: W/\"a\"\n")
        let weakRequest = try Heads.request("If-Range: W/\"a\"\n")
        let holds = Precondition.ifRangeHolds(weakRequest, lines: weak.span)
        #expect(!holds)
    }

    @Test("RFC 9111 §4.3.1: a service is asked with all validators that there are")
    func conditions() throws {
        func written(_ stored: String) throws -> String {
            var out: [UInt8] = []
            let lines = try Heads.lines(stored)
            Validators.writeConditions(from: lines.span, to: &out)
            return Heads.text(out)
        }
        #expect(
            try written("ETag: W/\"a\"\nLast-Modified: \(Noon.date)\n")
                == "If-None-Match: W/\"a\"\nIf-Modified-Since: \(Noon.date)\n")
        #expect(try written("ETag: a\nLast-Modified: x\n") == "")
        let lines = try Heads.lines("ETag: W/\"a\"\nLast-Modified: \(Noon.date)\n")
        let validators = Validators(lines.span)
        #expect(validators.isWeak && !validators.isEmpty)
        #expect(validators.eTag.map { String(decoding: lines[$0], as: UTF8.self) } == "W/\"a\"")
        #expect(validators.lastModified.map { String(decoding: lines[$0], as: UTF8.self) } == Noon.date)
        let tagless = try Heads.lines("ETag: a\n")
        let none = Validators(tagless.span)
        #expect(none.isEmpty)
    }

    @Test("RFC 9110 §13.1.2: random lists in front of a tag never make another tag of it")
    func fuzz() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = ["\"", "W/", ",", " ", "a", "\\", "*", "\"b\""]
        for _ in 0..<5000 {
            let text = scribbler.text(morsels)
            let fields = "If-None-Match: \(text)\nIf-None-Match: \"wanted\"\n"
            #expect(try Self.judge("ETag: \"wanted\"\n", fields) == .notModified, "seed \(seed): \(text)")
            let verdict = try Self.judge("ETag: \"other\"\n", fields)
            #expect(verdict == .proceed || text.contains("*"), "seed \(seed): \(text)")
        }
        for unit in ["\"", "\"a ,", "W/\"", ",", "\"a\",", "a,"] {
            let list = String(repeating: unit, count: 500_000 / unit.utf8.count)
            _ = try Self.judge("ETag: \"wanted\"\n", "If-None-Match: \(list)\n")
        }
    }
}
