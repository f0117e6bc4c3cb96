import Testing
import UsherCaching
import UsherCore

@Suite("Age and lifetime of answers", .timeLimit(.minutes(1)))
struct AnswerFactsTests {
    @Test("RFC 9111 §4.2.3: without Date and Age an answer is as old as its stay, in whole seconds")
    func residence() throws {
        let facts = try Noon.facts("Cache-Control: max-age=10\n")
        #expect(facts.age(now: Noon.received) == 0)
        #expect(facts.age(now: Noon.at(0.999)) == 0)
        #expect(facts.age(now: Noon.at(1)) == 1)
        #expect(facts.age(now: Noon.at(3600)) == 3600)
        // A moment before it came counts as the moment when it came.
        #expect(facts.age(now: .start) == 0)
    }

    @Test("RFC 9111 §4.2.3: the larger of apparent age, and Age with the way, is the age at the start")
    func initialAge() throws {
        #expect(try Noon.facts("Date: \(Noon.date(-7))\n").age(now: Noon.received) == 7)
        #expect(try Noon.facts("Age: 9\nDate: \(Noon.date(-7))\n").age(now: Noon.received) == 9)
        #expect(try Noon.facts("Age: 6\nDate: \(Noon.date(-7))\n", delay: 0.9).age(now: Noon.received) == 7)
        let slow = try Noon.facts("Age: 6\nDate: \(Noon.date(-7))\n", delay: 1.5)
        #expect(slow.age(now: Noon.received) == 7)
        #expect(slow.age(now: Noon.at(0.5)) == 8)
        // The way counts although there is no Age.
        #expect(try Noon.facts("", delay: 3.2).age(now: Noon.at(0.8)) == 4)
    }

    @Test("RFC 9111 §4.2.3: a date in the future makes nothing younger than new")
    func futureDate() throws {
        let facts = try Noon.facts("Date: \(Noon.date(500))\nCache-Control: max-age=10\n")
        #expect(facts.age(now: Noon.received) == 0)
        #expect(facts.timeToLive(now: Noon.at(4)) == 6)
    }

    @Test(
        "RFC 9111 §5.1: of several Ages the first counts; one that is no number does not",
        arguments: [
            ("Age: 5\n", 5), ("Age: 5, 9\n", 5), ("Age: 5 ,x\n", 5), ("Age: 5\nAge: 9\n", 5), ("Age: -5\n", 0),
            ("Age: x, 9\n", 0), ("Age: 1.5\n", 0), ("Age:\n", 0), ("Age: +5\n", 0), ("Age: 5s\n", 0),
            ("Age: 2147483648\n", 2_147_483_648), ("Age: 99999999999999999999999\n", 2_147_483_648),
        ])
    func ageField(fields: String, age: Int) throws {
        #expect(try Noon.facts(fields).age(now: Noon.received) == age)
    }

    @Test("RFC 9111 §1.2.2: ages end at 2³¹, and no clock overflows them")
    func bounds() throws {
        let facts = try Noon.facts("Age: 2147483647\nCache-Control: max-age=2147483648\n", delay: 900)
        let end = MonotonicTime(nanoseconds: .max)
        #expect(facts.age(now: end) == 2_147_483_648)
        #expect(facts.timeToLive(now: end) == 0)
        let head = try Heads.response("Age: 2147483648\nDate: Sat, 01 Jan 0000 00:00:00 GMT\n")
        let late = AnswerFacts(
            head, ResponseDirectives(head), requestedAt: .start, receivedAt: end, unixSeconds: Noon.unixSeconds)
        #expect(late.age(now: end) == 2_147_483_648)
    }

    @Test(
        "RFC 9111 §4.2.1: s-maxage goes before max-age, and max-age before Expires",
        arguments: [
            ("Cache-Control: s-maxage=5, max-age=10\nExpires: \(Noon.date(20))\n", 5),
            ("Cache-Control: max-age=10\nExpires: \(Noon.date(20))\n", 10),
            ("Expires: \(Noon.date(20))\n", 20), ("Cache-Control: max-age=10, s-maxage=0\n", 0),
            ("Cache-Control: max-age=x\nExpires: \(Noon.date(20))\n", 0),
            ("CDN-Cache-Control: max-age=3\nCache-Control: s-maxage=9\n", 3),
        ])
    func lifetime(fields: String, lifetime: Int) throws {
        let facts = try Noon.facts(fields)
        #expect(facts.lifetime == lifetime && !facts.isHeuristic)
    }

    @Test(
        "RFC 9111 §5.3: Expires counts from Date; what is no date is over, and so are two that differ",
        arguments: [
            ("Date: \(Noon.date(-30))\nExpires: \(Noon.date(20))\n", 50),
            ("Date: \(Noon.date(30))\nExpires: \(Noon.date(20))\n", 0),
            ("Date: garbage\nExpires: \(Noon.date(20))\n", 20), ("Expires: 0\n", 0), ("Expires: -1\n", 0),
            ("Expires:\n", 0), ("Expires: Thu, 17 Nov 2033 12:00:00 UTC\n", 0), ("Expires: \(Noon.date(-1))\n", 0),
            ("Expires: \(Noon.date(20))\nExpires: \(Noon.date(20))\n", 20),
            ("Expires: \(Noon.date(20))\nExpires: \(Noon.date(21))\n", 0),
            ("Expires: 0\nExpires: \(Noon.date(21))\n", 0), ("Expires: Tuesday, 17-Nov-26 12:00:20 GMT\n", 20),
            ("Expires: Fri, 31 Dec 9999 23:59:59 GMT\n", 2_147_483_648),
        ])
    func expires(fields: String, lifetime: Int) throws {
        let facts = try Noon.facts(fields)
        #expect(facts.lifetime == lifetime && !facts.isHeuristic)
    }

    @Test("RFC 9213 §2.2: beside a targeted field Expires does not count")
    func targetedExpires() throws {
        let facts = try Noon.facts("CDN-Cache-Control: public\nExpires: \(Noon.date(20))\n")
        #expect(facts.isHeuristic && facts.lifetime == 0)
    }

    @Test("RFC 9111 §4.2.2: a tenth of the time since the last change, at most a day")
    func heuristic() throws {
        let date = "Date: \(Noon.date)\n"
        let facts = try Noon.facts(date + "Last-Modified: \(Noon.date(-1000))\n")
        #expect(facts.isHeuristic && facts.lifetime == 100)
        #expect(try Noon.facts("Last-Modified: \(Noon.date(-999))\n").lifetime == 99)
        #expect(try Noon.facts(date + "Last-Modified: \(Noon.date(-10_000_000))\n").lifetime == 86_400)
        #expect(try Noon.facts(date + "Last-Modified: \(Noon.date(60))\n").lifetime == 0)
        #expect(try Noon.facts(date + "Last-Modified: x\n").lifetime == 0)
        #expect(try Noon.facts(date).lifetime == 0)
        #expect(try Noon.facts(date + "Last-Modified: \(Noon.date(-1000))\nExpires: 0\n").lifetime == 0)
    }

    @Test("RFC 9110 §15.1: guesses are for statuses that allow them, and for what is explicitly public")
    func heuristicStatus() throws {
        let changed = "Last-Modified: \(Noon.date(-1000))\n"
        for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
            #expect(try Noon.facts(changed, status: status).lifetime == 100, "\(status)")
        }
        for status in [201, 202, 302, 303, 307, 400, 403, 429, 500, 502, 503, 504] {
            #expect(try Noon.facts(changed, status: status).lifetime == 0, "\(status)")
            let isPublic = try Noon.facts("\(changed)Cache-Control: public\n", status: status)
            #expect(isPublic.lifetime == 100 && isPublic.isHeuristic, "\(status)")
        }
    }

    @Test(
        "RFC 9111 §4.2.4: what forbids that an answer is used stale",
        arguments: [
            ("max-age=1", false), ("must-revalidate", true), ("proxy-revalidate", true), ("s-maxage=5", true),
            ("no-cache", true), ("no-cache=\"x\"", false), ("max-age=1, public", false),
        ])
    func mustRevalidate(directives: String, expected: Bool) throws {
        #expect(try Noon.facts("Cache-Control: \(directives)\n").mustRevalidate == expected)
    }

    @Test("RFC 5861 §3, §4: windows count beside s-maxage and not beside what forbids stale use")
    func windows() throws {
        let windows = "stale-while-revalidate=5, stale-if-error=6"
        for directives in ["max-age=1", "s-maxage=1", "public"] {
            let facts = try Noon.facts("Cache-Control: \(directives), \(windows)\n")
            #expect(facts.staleWhileRevalidate == 5 && facts.staleIfError == 6)
        }
        for directives in ["must-revalidate", "proxy-revalidate", "no-cache"] {
            let facts = try Noon.facts("Cache-Control: \(directives), \(windows)\n")
            #expect(facts.staleWhileRevalidate == nil && facts.staleIfError == nil)
        }
        #expect(try Noon.facts("").staleIfError == nil)
    }

    @Test(
        "RFC 9111 §4.3.1: a validator is an entity tag or a date that can be read",
        arguments: [
            ("ETag: \"a\"\n", true), ("ETag: W/\"\"\n", true), ("ETag: a\n", false), ("ETag: \"a\n", false),
            ("ETag: w/\"a\"\n", false), ("Last-Modified: \(Noon.date)\n", true), ("Last-Modified: x\n", false),
            ("", false), ("ETag: x\nLast-Modified: \(Noon.date)\n", true),
        ])
    func validator(fields: String, expected: Bool) throws {
        #expect(try Noon.facts(fields).hasValidator == expected)
    }

    @Test("expired answers are stale from that moment on, and once only")
    func expire() throws {
        var facts = try Noon.facts("Cache-Control: max-age=100, stale-while-revalidate=10\nETag: \"a\"\n")
        facts.expire(now: Noon.at(40))
        #expect(facts.timeToLive(now: Noon.at(40)) == 0 && facts.timeToLive(now: Noon.at(45)) == -5)
        #expect(facts.hasValidator && facts.staleWhileRevalidate == 10)
        facts.expire(now: Noon.at(60))
        #expect(facts.timeToLive(now: Noon.at(60)) == -20)
        facts.expire()
        #expect(facts.timeToLive(now: Noon.at(60)) == -60)
    }

    @Test("facts are small, because there are millions of them")
    func size() {
        #expect(MemoryLayout<AnswerFacts>.stride <= 32)
    }
}
