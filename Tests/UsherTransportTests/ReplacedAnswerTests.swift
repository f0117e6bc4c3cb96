import NIOCore
import NIOEmbedded
import Testing
import UsherHTTP
import UsherTransport

@Suite("An answer that turns out to be broken before it left")
struct ReplacedAnswerTests {
    private static func fixture(_ requests: String) throws -> ServerFixture {
        let fixture = try ServerFixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array(requests.utf8))
        return fixture
    }

    private static let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let own = LocalAnswer(status: 502, body: ByteBuffer(string: "broken"))

    @Test("Usher's own answer takes its place, and the connection goes on")
    func replaced() throws {
        let fixture = try Self.fixture(Self.get)
        let exchange = fixture.path.exchanges[0]
        #expect(!exchange.downstream.answerCanBeReplaced)
        exchange.pass(Self.begun, body: "start")
        #expect(exchange.downstream.answerCanBeReplaced)
        exchange.downstream.answer(Self.own)
        #expect(
            try fixture.sent() == "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n"
                + "Content-Type: text/plain; charset=utf-8\r\n\r\nbroken")
        #expect(fixture.path.notes == ["GET /a", "ended GET /a"])
        #expect(fixture.channel.isActive)
        fixture.end()
    }

    @Test("only what left counts as sent")
    func bytesSent() throws {
        let plain = try Self.fixture(Self.get)
        plain.path.exchanges[0].downstream.answer(Self.own)
        let replaced = try Self.fixture(Self.get)
        replaced.path.exchanges[0].pass(Self.begun, body: "start")
        replaced.path.exchanges[0].downstream.answer(Self.own)
        #expect(plain.connection.bytesSent > 0)
        #expect(replaced.connection.bytesSent == plain.connection.bytesSent)
        plain.end()
        replaced.end()
    }

    @Test("the answer before it and interim answers stay")
    func others() throws {
        let fixture = try ServerFixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array((Self.get + Self.get).utf8))
        // Not flushed, as when both answers come from one read.
        fixture.path.exchanges[0].pass("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", body: "one")
        fixture.path.exchanges[0].downstream.sendEnd(nil)
        let second = fixture.path.exchanges[1]
        let interim = ResponseHead()
        var input = ByteBuffer(string: "HTTP/1.1 103 Early\r\n\r\n")
        _ = interim.parse(&input, requestMethod: .get, limits: HeadLimits())
        second.downstream.sendInformational(interim)
        second.pass(Self.begun, body: "two")
        #expect(second.downstream.answerCanBeReplaced)
        second.downstream.answer(Self.own)
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 502"))
        #expect(!sent.contains("two"))
        fixture.end()
    }

    @Test("once a byte of it left it cannot be replaced, and trying cuts it off", arguments: [false, true])
    func tooLate(isLarge: Bool) throws {
        let fixture = try Self.fixture(Self.get)
        let exchange = fixture.path.exchanges[0]
        // A large piece goes to the channel at once, a small one with the flush.
        exchange.pass(Self.begun, body: String(repeating: "x", count: isLarge ? 20000 : 10))
        if !isLarge { exchange.downstream.flush() }
        #expect(!exchange.downstream.answerCanBeReplaced)
        exchange.downstream.answer(Self.own)
        #expect(!fixture.channel.isActive)
        #expect(!(try fixture.sent().contains("502")))
        #expect(fixture.path.notes == ["GET /a", "closed GET /a"])
    }

    @Test("an answer that would have ended the connection no longer does")
    func keepsConnection() throws {
        let fixture = try Self.fixture("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let exchange = fixture.path.exchanges[0]
        exchange.pass(Self.begun, body: "start")
        exchange.downstream.answer(Self.own)
        #expect(try fixture.sent().contains("Connection: keep-alive"))
        #expect(fixture.channel.isActive)
        fixture.end()
    }
}
