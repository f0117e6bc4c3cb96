import Testing
import UsherCaching
import UsherCore
import UsherHTTP

@Suite("Answers made fresh again", .timeLimit(.minutes(1)))
struct FresheningTests {
    private static let changed = "Last-Modified: \(Noon.date(-500))\n"

    @Test(
        "RFC 9111 §4.3.4: a 304 speaks of the answer whose validators it has",
        arguments: [
            ("ETag: \"a\"\n", "ETag: \"a\"\n", true), ("ETag: \"a\"\n", "ETag: \"b\"\n", false),
            ("ETag: W/\"a\"\n", "ETag: \"a\"\n", true), ("ETag: \"a\"\n", "ETag: W/\"a\"\n", true),
            ("ETag: W/\"a\"\n", "ETag: W/\"a\"\n", true), ("", "ETag: \"a\"\n", false),
            ("", "ETag: W/\"a\"\n", false), (changed, "ETag: W/\"a\"\n\(changed)", true),
            (changed, "ETag: \"a\"\n\(changed)", false), (changed, changed, true),
            (changed, "Last-Modified: Tuesday, 17-Nov-26 11:51:40 GMT\n", false),
            (changed, "Last-Modified: \(Noon.date(-499))\n", false), ("ETag: \"a\"\n", "\(changed)", false),
            ("ETag: \"a\"\n\(changed)", changed, true), ("ETag: \"a\"\n", "", true), (changed, "", true),
            ("ETag: \"a\"\n", "ETag: a\n", false), ("", "ETag: a\n\(changed)", false),
            ("ETag: \"a\"\n\(changed)", "ETag: \"b\"\n\(changed)", false),
        ])
    func applies(stored: String, new: String, expected: Bool) throws {
        let lines = try Heads.lines(stored)
        let head = try Heads.response(new, status: 304)
        let applies = Freshening.applies(lines.span, to: head)
        #expect(applies == expected)
        let whole = try Heads.response(new, status: 200)
        let appliesWhole = Freshening.applies(lines.span, to: whole)
        #expect(!appliesWhole)
    }

    private static func refresh(
        _ stored: String, _ new: String, date: String = "Date: \(Noon.date(60))\n"
    ) throws -> FreshenedAnswer {
        let lines = try Heads.lines(stored)
        let head = try Heads.response(new, status: 304)
        return Freshening.refresh(
            lines.span, status: 200, with: head, date: Heads.wire(date), requestedAt: Noon.at(60),
            receivedAt: Noon.at(60), unixSeconds: Noon.unixSeconds + 60)
    }

    @Test("RFC 9111 §4.3.4: what the 304 says counts from now on, what it leaves out stays")
    func refreshed() throws {
        let answer = try Self.refresh(
            "Date: \(Noon.date)\nCache-Control: max-age=10\nETag: \"a\"\nX-A: 1\nX-A: 2\nX-B: 3\n",
            "Date: \(Noon.date(60))\nx-a: 4\nETag: \"a\"\nAge: 3\n")
        #expect(
            Heads.text(answer.lines)
                == "Cache-Control: max-age=10\nETag: \"a\"\nX-B: 3\nDate: \(Noon.date(60))\nx-a: 4\n")
        #expect(answer.facts.lifetime == 10 && answer.facts.hasValidator)
        #expect(answer.facts.age(now: Noon.at(60)) == 3 && answer.facts.timeToLive(now: Noon.at(62)) == 5)
    }

    @Test("RFC 9111 §4.3.4: directives of the 304 take the place of the stored ones")
    func directives() throws {
        let longer = try Self.refresh("Cache-Control: max-age=10, private=\"x\"\nX: 1\n", "Cache-Control: max-age=99\n")
        #expect(longer.facts.lifetime == 99 && longer.directives.privateFields.isEmpty)
        let gone = try Self.refresh("Cache-Control: max-age=10\n", "Cache-Control: no-store\n")
        #expect(gone.directives.noStore && !gone.mayBeStored && longer.mayBeStored)
        let kept = try Self.refresh("Cache-Control: max-age=10\n", "")
        #expect(kept.directives.maxAge == 10)
        let target = try Self.refresh("CDN-Cache-Control: max-age=10\n", "Cache-Control: max-age=99\n")
        #expect(target.directives.isTargeted && target.facts.lifetime == 10)
        let targeted = try Self.refresh("Cache-Control: max-age=10\n", "CDN-Cache-Control: max-age=20\n")
        #expect(targeted.facts.lifetime == 20)
    }

    @Test("RFC 9111 §4.2.2: after a 304 the guess is made anew")
    func heuristic() throws {
        let answer = try Self.refresh("Date: \(Noon.date)\n\(Self.changed)ETag: x\nLast-Modified: x\n", "")
        #expect(answer.facts.isHeuristic && answer.facts.lifetime == 56 && answer.facts.hasValidator)
    }

    @Test("RFC 9110 §6.6.1: a 304 without Date was made when it came")
    func undated() throws {
        let answer = try Self.refresh("Date: \(Noon.date)\nExpires: \(Noon.date(100))\n", "")
        #expect(answer.facts.age(now: Noon.at(60)) == 0 && answer.facts.lifetime == 40)
        #expect(Heads.text(answer.lines) == "Expires: \(Noon.date(100))\nDate: \(Noon.date(60))\n")
        let dateless = try Self.refresh("Date: \(Noon.date)\nCache-Control: max-age=5\n", "", date: "")
        #expect(dateless.facts.age(now: Noon.at(60)) == 0)
        #expect(Heads.text(dateless.lines) == "Date: \(Noon.date)\nCache-Control: max-age=5\n")
    }

    @Test("RFC 9111 §5.2.2.7: a 304 brings no field that the stored directives withhold")
    func withheld() throws {
        let answer = try Self.refresh("Cache-Control: max-age=10, private=\"x-user\"\nX-User: 1\n", "X-User: 2\nB: 1\n")
        #expect(!Heads.text(answer.lines).contains("X-User"))
        let later = try Self.refresh("Cache-Control: public\nX-User: 1\n", "Cache-Control: private=\"x-user\"\n")
        #expect(!Heads.text(later.lines).contains("X-User"))
    }

    @Test(
        "RFC 9111 §4.3.5: HEAD updates the same answer and ends another's freshness",
        arguments: [
            ("ETag: \"a\"\n", "ETag: \"a\"\n", HeadUpdate.update), ("ETag: \"a\"\n", "ETag: \"b\"\n", .invalidate),
            ("ETag: \"a\"\n", "ETag: W/\"a\"\n", .invalidate), ("", "ETag: \"a\"\n", .invalidate),
            ("ETag: \"a\"\n", "", .update), (changed, changed, .update), ("", changed, .invalidate),
            (changed, "Last-Modified: \(Noon.date)\n", .invalidate), ("", "Content-Length: 7\n", .update),
            ("", "Content-Length: 8\n", .invalidate), ("", "Content-Length: 700000000000000\n", .invalidate),
            ("ETag: \"a\"\n", "ETag: \"a\"\nContent-Length: 0\n", .invalidate),
        ])
    func head(stored: String, new: String, expected: HeadUpdate) throws {
        let lines = try Heads.lines(stored)
        let head = try Heads.response(new, to: .head)
        let update = HeadUpdate.judge(lines.span, storedLength: 7, head)
        #expect(update == expected)
        for status in [206, 304, 404, 500] {
            let other = try Heads.response(new, status: status, to: .head)
            let left = HeadUpdate.judge(lines.span, storedLength: 7, other)
            #expect(left == .leave)
        }
    }
}
