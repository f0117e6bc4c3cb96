import NIOCore
import Testing
import UsherConfiguration
import UsherCore
import UsherReplication

@testable import UsherGateway

@Suite struct CookieSessionsTests {
    private static let settings = SessionSettings.cookie(name: "usher-session", ttl: .seconds(3600))
    private static let now = SessionStage.now
    private let stage: SessionStage

    init() throws {
        self.stage = try SessionStage(Self.settings)
    }

    private func newSession() throws -> Session {
        try #require(try self.stage.recognise([]))
    }

    @Test("a request without a cookie may go anywhere and gets a cookie")
    func new() throws {
        let session = try self.newSession()
        #expect(session.isNew && session.needsCookie && session.key == nil && session.refusal == nil)
        #expect(session.outcome == .new)
    }

    @Test("the cookie is set for the whole site, out of reach of scripts, and over TLS for TLS only")
    func line() throws {
        let session = try self.newSession()
        for isSecure in [false, true] {
            let line = try #require(
                self.stage.plan.setCookieLine(session, tag: SessionStage.home, isSecure: isSecure, nowSeconds: Self.now)
            )
            let text = String(buffer: line)
            #expect(text.hasPrefix("Set-Cookie: usher-session="))
            let attributes = text.drop { $0 != ";" }
            let secure = isSecure ? "; Secure" : ""
            #expect(attributes == "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax\(secure)\r\n")
            #expect(text.utf8.count == "Set-Cookie: usher-session=".utf8.count + 52 + attributes.utf8.count)
        }
    }

    @Test("a session that comes back belongs to its replica and needs nothing")
    func kept() throws {
        let value = try self.stage.value(of: try self.newSession())
        let session = try #require(try self.stage.recognise(["Cookie: a=1; usher-session=\(value); b=2"]))
        #expect(session.wanted == SessionStage.home && session.key != nil)
        #expect(!session.needsCookie && !session.isNew && session.refusal == nil)
        let line = self.stage.plan.setCookieLine(
            session, tag: SessionStage.home, isSecure: false, nowSeconds: Self.now)
        #expect(line == nil)
    }

    @Test("no two new sessions have the same number")
    func numbers() throws {
        var keys: Set<SessionKey?> = []
        for _ in 0..<50 {
            let value = try self.stage.value(of: try self.newSession())
            keys.insert(try self.stage.recognise(["Cookie: usher-session=\(value)"])?.key)
        }
        #expect(keys.count == 50 && !keys.contains(nil))
    }

    @Test("a session that moved gets a cookie for its new replica and keeps its number")
    func moved() throws {
        let value = try self.stage.value(of: try self.newSession())
        var session = try #require(try self.stage.recognise(["Cookie: usher-session=\(value)"]))
        session.picked(isFirstChoice: true)
        #expect(session.outcome == .moved)
        let next = try self.stage.value(of: session, tag: SessionStage.other)
        let later = try #require(try self.stage.recognise(["Cookie: usher-session=\(next)"]))
        #expect(later.wanted == SessionStage.other && later.key == session.key && !later.needsCookie)
    }

    @Test(
        "a cookie is renewed when a tenth of its time is gone",
        arguments: [(0, false), (360, false), (361, true), (3_599, true)])
    func renewal(age: Int, isDue: Bool) throws {
        let value = try self.stage.value(of: try self.newSession())
        let session = try #require(try self.stage.recognise(["Cookie: usher-session=\(value)"], at: Self.now + age))
        #expect(session.wanted == SessionStage.home && session.needsCookie == isDue)
        guard isDue else { return }
        let next = try self.stage.value(of: session, at: Self.now + age)
        let later = try #require(try self.stage.recognise(["Cookie: usher-session=\(next)"], at: Self.now + age + 300))
        #expect(!later.needsCookie && later.key == session.key)
    }

    /// What a cookie is worth that somebody else made, or that came too late.
    static func worthless() throws -> [(name: String, value: String, seconds: Int, refusal: Session.Refusal)] {
        func made(_ service: String, _ cookie: String, _ secret: String) throws -> String {
            let stage = try SessionStage(.cookie(name: cookie, ttl: .seconds(3600)), service: service, secret: secret)
            return try stage.value(of: try #require(try stage.recognise([])))
        }
        let secret = "0123456789abcdef"
        let ours = try made("cart", "usher-session", secret)
        let changed = String(ours.dropLast()) + (ours.last == "A" ? "B" : "A")
        return [
            ("another secret", try made("cart", "usher-session", "0123456789abcdeX"), 0, .forged),
            ("another service", try made("shop", "usher-session", secret), 0, .forged),
            ("another cookie", try made("cart", "usher-sessions", secret), 0, .forged),
            ("a changed character", changed, 0, .forged),
            ("too late", ours, 3600, .expired),
            ("a character less", String(ours.dropLast()), 0, .malformed),
            ("a character more", ours + "A", 0, .malformed),
            ("quotes", "\"\(ours)\"", 0, .malformed),
            ("nothing", "", 0, .malformed),
            ("bytes above ASCII", String(repeating: "é", count: 26), 0, .malformed),
            ("a long value", String(repeating: "A", count: 8_000), 0, .malformed),
        ]
    }

    @Test("a worthless cookie is replaced, never trusted, and the reason is told")
    func worthless() throws {
        for (name, value, seconds, refusal) in try Self.worthless() {
            let session = try #require(
                try self.stage.recognise(["Cookie: usher-session=\(value)"], at: Self.now + seconds))
            #expect(session.refusal == refusal, "\(name)")
            #expect(session.isNew && session.needsCookie && session.key == nil, "\(name)")
        }
    }

    @Test("of several cookies of the name the first valid one counts, in one field or in many")
    func several() throws {
        let home = try self.stage.value(of: try self.newSession())
        let other = try self.stage.value(of: try self.newSession(), tag: SessionStage.other)
        let together = try #require(
            try self.stage.recognise(["Cookie: usher-session=x; usher-session=\(home); usher-session=\(other)"]))
        #expect(together.wanted == SessionStage.home && together.refusal == .malformed && !together.needsCookie)
        let apart = try #require(
            try self.stage.recognise(["Cookie: a=b", "Cookie: usher-session=\(other)", "Cookie: usher-session=\(home)"])
        )
        #expect(apart.wanted == SessionStage.other && apart.refusal == nil)
    }

    @Test("behind a few worthless ones no more cookies are looked at", arguments: [3, 4, 200])
    func flood(count: Int) throws {
        let home = try self.stage.value(of: try self.newSession())
        let worthless = String(repeating: "usher-session=x; ", count: count)
        let session = try #require(try self.stage.recognise(["Cookie: \(worthless)usher-session=\(home)"]))
        #expect((session.wanted != nil) == (count < 4))
        let apart = try #require(
            try self.stage.recognise(
                (0..<min(count, 90)).map { _ in "Cookie: usher-session=x" } + ["Cookie: usher-session=\(home)"]))
        #expect((apart.wanted != nil) == (count < 4))
    }

    /// A reload from `ttl: 1d` to `ttl: 1h` must not end the sessions of the day.
    @Test("a cookie of a longer ttl than the present one stays valid and is renewed")
    func shorterLifetime() throws {
        let before = try SessionStage(.cookie(name: "usher-session", ttl: .seconds(86_400)))
        let value = try before.value(of: try #require(try before.recognise([])))
        let session = try #require(try self.stage.recognise(["Cookie: usher-session=\(value)"]))
        #expect(session.wanted == SessionStage.home && session.needsCookie && session.refusal == nil)
    }
}
