import NIOCore
import Testing
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherReplication

@testable import UsherGateway

/// What the tests of sessions have in common: heads from text, and one secret.
struct SessionStage {
    static let now = 1_700_000_000
    static let home = EndpointTag(name: "127.0.0.1:9001")
    static let other = EndpointTag(name: "127.0.0.1:9002")

    let plan: SessionPlan

    init(_ session: SessionSettings, service: String = "cart", secret: String = "0123456789abcdef") throws {
        var settings = ServiceSettings(name: service, replicas: .list([]))
        settings.session = session
        let secret = try #require(SessionSecret(bytes: Array(secret.utf8)))
        self.plan = try #require(SessionPlan(settings, secret: secret))
    }

    static func request(_ lines: [String]) throws -> RequestHead {
        let head = RequestHead()
        var input = ByteBuffer(string: (["GET / HTTP/1.1", "Host: a"] + lines + ["", ""]).joined(separator: "\r\n"))
        try #require(head.parse(&input, limits: HeadLimits()) == .complete)
        return head
    }

    static func response(_ lines: [String] = []) throws -> ResponseHead {
        let head = ResponseHead()
        var input = ByteBuffer(
            string: (["HTTP/1.1 200 OK", "Content-Length: 0"] + lines + ["", ""]).joined(separator: "\r\n"))
        try #require(head.parse(&input, requestMethod: .get, limits: HeadLimits()) == .complete)
        return head
    }

    func recognise(_ lines: [String], at seconds: Int = now, now: MonotonicTime = .start) throws -> Session? {
        var scratch: [UInt8] = [9, 9, 9]
        let head = try Self.request(lines)
        return self.plan.recognise(head, source: Fields(head: head), scratch: &scratch, nowSeconds: seconds, now: now)
    }

    /// The value of the cookie that a session of this replica gets.
    func value(of session: Session, tag: EndpointTag = home, at seconds: Int = now) throws -> String {
        let line = try #require(self.plan.setCookieLine(session, tag: tag, isSecure: false, nowSeconds: seconds))
        let text = String(buffer: line)
        return String(text.drop { $0 != "=" }.dropFirst().prefix { $0 != ";" })
    }

    /// Templates read header fields here, and nothing else.
    struct Fields: TemplateSource {
        let head: RequestHead

        func append(_ variable: Template.Variable, to bytes: inout [UInt8]) -> Bool {
            guard case .header(let name) = variable, let slice = self.head.first(named: name) else { return false }
            bytes.append(contentsOf: self.head.string(slice).utf8)
            return !slice.isEmpty
        }
    }
}

@Suite struct SessionPlanTests {
    @Test("a service without session has no plan")
    func none() throws {
        let secret = try #require(SessionSecret(bytes: [UInt8](repeating: 1, count: 16)))
        #expect(SessionPlan(ServiceSettings(name: "web", replicas: .list([])), secret: secret) == nil)
    }

    private static func hash(_ texts: [String], atMost: Share? = nil) throws -> SessionStage {
        try SessionStage(.hash(try texts.map { try Template(text: $0) }, atMost: atMost))
    }

    @Test("a hash is that of the filled templates, joined so that values cannot be shifted")
    func hashing() throws {
        let stage = try Self.hash(["{header.x-user}", "{header.x-shop}"])
        let key = try stage.recognise(["X-User: ab", "X-Shop: c"])?.key
        #expect(try stage.recognise(["X-Shop: c", "X-User: ab"])?.key == key && key != nil)
        #expect(try stage.recognise(["X-User: a", "X-Shop: bc"])?.key != key)
        #expect(try stage.recognise(["X-User: abc"])?.key != key)
        var hasher = SessionKey.Hasher()
        hasher.append(part: Array("ab".utf8).span)
        hasher.append(part: Array("c".utf8).span)
        #expect(key == hasher.finish())
    }

    @Test("values that are all missing make no session, whatever text stands around them")
    func missing() throws {
        #expect(try Self.hash(["{header.x-user}"]).recognise([]) == nil)
        #expect(try Self.hash(["{header.x-user}"]).recognise(["X-User:"]) == nil)
        #expect(try Self.hash(["user-{header.x-user}", "fixed"]).recognise([]) == nil)
        #expect(try Self.hash(["user-{header.x-user}", "fixed"]).recognise(["X-User: a"]) != nil)
        #expect(try Self.hash(["{header.x-user}", "{header.x-shop}"]).recognise(["X-Shop: c"]) != nil)
    }

    @Test("a hashed session has moved when its first choice was not taken, and no cookie is set for it")
    func hashOutcome() throws {
        let stage = try Self.hash(["{header.x-user}"], atMost: Share(percent: 125))
        var session = try #require(try stage.recognise(["X-User: a"]))
        #expect(stage.plan.bound == LoadBound(atMost: Share(percent: 125)))
        #expect(!session.isNew)
        session.picked(isFirstChoice: true)
        #expect(session.outcome == .kept)
        session.picked(isFirstChoice: false)
        #expect(session.outcome == .moved)
        #expect(stage.plan.setCookieLine(session, tag: SessionStage.home, isSecure: true, nowSeconds: 0) == nil)
    }
}
