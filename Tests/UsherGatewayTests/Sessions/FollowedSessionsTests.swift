import Testing
import UsherConfiguration
import UsherCore
import UsherReplication

@testable import UsherGateway

@Suite struct FollowedSessionsTests {
    private static func stage(_ template: String) throws -> SessionStage {
        try SessionStage(.follow(try Template(text: template)))
    }

    private static func learn(
        _ stage: SessionStage, _ request: [String], _ response: [String], tag: EndpointTag = SessionStage.home,
        now: MonotonicTime = .start
    ) throws {
        let session = try #require(try stage.recognise(request, now: now))
        stage.plan.learn(session, from: try SessionStage.response(response), tag: tag, now: now)
    }

    @Test("a cookie that the application sets leads back to the replica that set it")
    func cookie() throws {
        let stage = try Self.stage("{cookie.SID}")
        try Self.learn(stage, [], ["Set-Cookie: theme=dark; Path=/", "Set-Cookie: SID=abc; Path=/; HttpOnly"])
        let session = try #require(try stage.recognise(["Cookie: a=1; SID=abc"]))
        #expect(session.wanted == SessionStage.home && session.key != nil && !session.isNew)
        #expect(try stage.recognise(["Cookie: SID=abd"])?.wanted == nil)
        #expect(try stage.recognise(["Cookie: sid=abc"])?.wanted == nil)
        #expect(try stage.recognise(["Cookie: theme=dark"])?.wanted == nil)
        #expect(stage.plan.learnedCount == 1)
    }

    @Test("a header that the application sets does the same")
    func header() throws {
        let stage = try Self.stage("{header.x-session}")
        try Self.learn(stage, [], ["X-Session: abc"])
        #expect(try stage.recognise(["x-session: abc"])?.wanted == SessionStage.home)
        #expect(try stage.recognise(["Cookie: x-session=abc"])?.wanted == nil)
    }

    @Test("of alternatives the first that is present counts, in requests and in answers")
    func alternatives() throws {
        let stage = try Self.stage("{cookie.SID|header.x-session}")
        try Self.learn(stage, [], ["X-Session: abc"])
        try Self.learn(stage, [], ["X-Session: xyz", "Set-Cookie: SID=def"], tag: SessionStage.other)
        #expect(try stage.recognise(["X-Session: abc"])?.wanted == SessionStage.home)
        #expect(try stage.recognise(["X-Session: abc", "Cookie: SID=def"])?.wanted == SessionStage.other)
        #expect(try stage.recognise(["X-Session: xyz"])?.wanted == nil)
    }

    @Test("a value that nobody saw set stays where its first request went")
    func unknown() throws {
        let stage = try Self.stage("{cookie.SID}")
        var session = try #require(try stage.recognise(["Cookie: SID=abc"]))
        #expect(session.isNew && session.key != nil)
        session.picked(isFirstChoice: false)
        #expect(session.outcome == .new)
        stage.plan.learn(session, from: try SessionStage.response(), tag: SessionStage.other, now: .start)
        #expect(try stage.recognise(["Cookie: SID=abc"])?.wanted == SessionStage.other)
    }

    @Test("all gateways put an unknown value at the same place")
    func agreement() throws {
        let first = try Self.stage("{cookie.SID}").recognise(["Cookie: SID=abc"])
        let second = try Self.stage("{header.x-session}").recognise(["X-Session: abc"])
        #expect(first?.key != nil && first?.key == second?.key)
    }

    @Test("a session whose replica is gone moves, and stays where it moved to")
    func moving() throws {
        let stage = try Self.stage("{cookie.SID}")
        try Self.learn(stage, [], ["Set-Cookie: SID=abc"])
        var session = try #require(try stage.recognise(["Cookie: SID=abc"]))
        session.picked(isFirstChoice: true)
        #expect(session.outcome == .moved)
        stage.plan.learn(session, from: try SessionStage.response(), tag: SessionStage.other, now: .start)
        #expect(try stage.recognise(["Cookie: SID=abc"])?.wanted == SessionStage.other)
    }

    @Test("a value that is not used for an hour is forgotten")
    func idling() throws {
        let stage = try Self.stage("{cookie.SID}")
        try Self.learn(stage, [], ["Set-Cookie: SID=abc"])
        let hour = MonotonicTime.start.advanced(by: .seconds(3600))
        #expect(try stage.recognise(["Cookie: SID=abc"], now: hour)?.wanted == SessionStage.home)
        let later = hour.advanced(by: .seconds(3601))
        #expect(try stage.recognise(["Cookie: SID=abc"], now: later)?.wanted == nil)
    }

    @Test(
        "what names no session teaches nothing",
        arguments: [
            [], ["Set-Cookie: SID="], ["Set-Cookie: SID=; Max-Age=0"], ["Set-Cookie: SID"],
            ["Set-Cookie: a=1; SID=abc"],
            ["Set-Cookie: a; SID=abc"], ["Cookie: SID=abc"], ["SID: abc"], ["Set-Cookie:"],
        ])
    func nothing(lines: [String]) throws {
        let stage = try Self.stage("{cookie.SID}")
        try Self.learn(stage, [], lines)
        try Self.learn(stage, ["Cookie: SID=; a=1"], lines)
        #expect(stage.plan.learnedCount == 0)
        let session = try #require(try stage.recognise(["Cookie: SID="]))
        #expect(session.key == nil && session.isNew)
    }

    @Test("no cookie of Usher's own is set")
    func line() throws {
        let stage = try Self.stage("{cookie.SID}")
        let session = try #require(try stage.recognise(["Cookie: SID=abc"]))
        #expect(stage.plan.setCookieLine(session, tag: SessionStage.home, isSecure: true, nowSeconds: 0) == nil)
    }

    @Test("workers share what was learned, and the table has a bound", .timeLimit(.minutes(1)))
    func sharing() async throws {
        let sessions = FollowedSessions(try Template(text: "{cookie.SID}"), capacity: 1_600)
        await withTaskGroup { group in
            for worker in 0..<4 {
                group.addTask {
                    for number in 0..<2_000 {
                        guard let head = try? SessionStage.response(["Set-Cookie: SID=\(worker)-\(number)"]) else {
                            return
                        }
                        sessions.learn(Session(), from: head, tag: SessionStage.home, now: .start)
                    }
                }
            }
        }
        // Shards fill unevenly, but after five times the room all are full.
        #expect(sessions.count == 1_600)
        let last = try SessionStage.request(["Cookie: SID=3-1999"])
        let again = try SessionStage.response(["Set-Cookie: SID=3-1999"])
        sessions.learn(Session(), from: again, tag: SessionStage.other, now: .start)
        #expect(sessions.recognise(last, now: .start).wanted == SessionStage.other)
    }
}
