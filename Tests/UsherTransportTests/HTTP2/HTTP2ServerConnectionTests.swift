import NIOCore
import NIOEmbedded
import Testing
import UsherCore
import UsherHTTP
import UsherTestKit
import UsherTransport

@Suite("A client's HTTP/2 connection, frames in and frames out", .timeLimit(.minutes(1)))
struct HTTP2ServerConnectionTests {
    private typealias Wire = HTTP2Wire

    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"

    @Test("requests on many streams are answered, each on its own")
    func manyStreams() throws {
        let fixture = try HTTP2Fixture()
        try fixture.receive(
            Wire.get(1, "/a") + Wire.post(3, "/b") + Wire.get(5, "/c") + Wire.data(3, "body", ends: true))
        #expect(fixture.path.notes.filter { !$0.hasPrefix("ended") } == ["GET /a", "POST /b", "GET /c"])
        #expect(
            try fixture.sent() == [
                "HEADERS 1 :status=200, content-length=7, content-type=text/plain; charset=utf-8",
                "DATA 1 \"GET /a \" END_STREAM",
                "HEADERS 5 :status=200, content-length=7, content-type=text/plain; charset=utf-8",
                "DATA 5 \"GET /c \" END_STREAM",
                "HEADERS 3 :status=200, content-length=12, content-type=text/plain; charset=utf-8",
                "DATA 3 \"POST /b body\" END_STREAM",
            ])
        fixture.end()
    }

    @Test("everything that one turn of the loop answers leaves in one write")
    func oneWrite() throws {
        let fixture = try HTTP2Fixture()
        try fixture.receive((0..<20).flatMap { Wire.get(UInt32(2 * $0 + 1)) })
        fixture.turn()
        var writes = 0
        while try fixture.channel.readOutbound(as: ByteBuffer.self) != nil { writes += 1 }
        #expect(writes == 1)
        fixture.end()
    }

    @Test("a replica's answer loses what concerns its own connection")
    func passedAnswer() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1))
        fixture.path.exchanges[0].pass(Self.ok, body: "hello")
        fixture.path.exchanges[0].downstream.sendEnd(nil)
        #expect(
            try fixture.sent() == ["HEADERS 1 :status=200, content-length=5, x-a=b", "DATA 1 \"hello\" END_STREAM"])
        fixture.end()
    }

    @Test("chunks, trailers and interim answers have their frames")
    func chunkedAnswer() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1))
        let interim = ResponseHead()
        var input = ByteBuffer(string: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        _ = interim.parse(&input, requestMethod: .get, limits: HeadLimits())
        let downstream = fixture.path.exchanges[0].downstream
        downstream.sendInformational(interim)
        fixture.path.exchanges[0].pass("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body: "one")
        downstream.sendBody(ByteBuffer(string: "two"))
        downstream.sendEnd(Trailers(bytes: ByteBuffer(string: "X-Sum: 1\r\n")))
        #expect(
            try fixture.sent() == [
                "HEADERS 1 :status=103, link=</a>", "HEADERS 1 :status=200", "DATA 1 \"one\"", "DATA 1 \"two\"",
                "HEADERS 1 END_STREAM x-sum=1",
            ])
        fixture.end()
    }

    @Test(
        "an answer without a body ends with its head",
        arguments: [
            ("HTTP/1.1 204 No Content\r\n\r\n", ":status=204"),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ":status=304, content-length=7"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ":status=200, content-length=0"),
        ])
    func bodiless(head: String, fields: String) throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1))
        fixture.path.exchanges[0].pass(head)
        fixture.path.exchanges[0].downstream.sendEnd(nil)
        #expect(try fixture.sent() == ["HEADERS 1 END_STREAM \(fields)"])
        fixture.end()
    }

    @Test("an answer is not taken back when frames of other streams lie in between its own")
    func interleaved() throws {
        let fixture = try HTTP2Fixture(settings: [(4, 0)])
        fixture.path.behaviour = .wait
        // All of it in one turn of the loop, before anything leaves.
        try fixture.channel.writeInbound(ByteBuffer(bytes: Wire.get(1) + Wire.get(3)))
        let exchanges = fixture.path.exchanges
        exchanges[0].pass("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(exchanges[0].downstream.answerCanBeReplaced)
        exchanges[1].downstream.answer(LocalAnswer(status: 204, body: ByteBuffer()))
        try fixture.channel.writeInbound(ByteBuffer(bytes: Wire.windowUpdate(1, 100)))
        exchanges[0].downstream.sendBody(ByteBuffer(string: "part"))
        #expect(!exchanges[0].downstream.answerCanBeReplaced)
        exchanges[0].downstream.answer(LocalAnswer(status: 502, body: ByteBuffer()))
        #expect(
            try fixture.sent() == [
                "HEADERS 1 :status=200", "HEADERS 3 END_STREAM :status=204", "DATA 1 \"part\"",
                "RST_STREAM 1 INTERNAL_ERROR",
            ])
        fixture.end()
    }

    @Test("a TLS listener's promise replaces a service's own")
    func transportSecurity() throws {
        var configuration = Listener.Configuration()
        configuration.transportSecurityLine = Array("Strict-Transport-Security: max-age=9\r\n".utf8)
        let rules = ListenerRules()
        rules.follow(configuration)
        let fixture = try HTTP2Fixture(listener: rules)
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1) + Wire.get(3))
        fixture.path.exchanges[0].pass(
            "HTTP/1.1 204 No Content\r\nStrict-Transport-Security: max-age=1\r\n\r\n")
        fixture.path.exchanges[0].downstream.sendEnd(nil)
        fixture.path.exchanges[1].downstream.answer(LocalAnswer(status: 204, body: ByteBuffer()))
        #expect(
            try fixture.sent() == [
                "HEADERS 1 END_STREAM :status=204, strict-transport-security=max-age=9",
                "HEADERS 3 END_STREAM :status=204, strict-transport-security=max-age=9",
            ])
        fixture.end()
    }

    // MARK: Refusals

    @Test("a malformed request ends its stream, and the others go on")
    func malformed() throws {
        let fixture = try HTTP2Fixture()
        try fixture.receive(
            Wire.get(1, "/", [("X-Upper", "1")]) + Wire.get(3, "/", [("content-length", "5")])
                + Wire.get(5, "/", [("connection", "close")]) + Wire.get(7, "/ok"))
        #expect(
            try fixture.sent().prefix(3) == [
                "RST_STREAM 1 PROTOCOL_ERROR", "RST_STREAM 3 PROTOCOL_ERROR", "RST_STREAM 5 PROTOCOL_ERROR",
            ])
        #expect(fixture.path.notes == ["refused 400", "refused 400", "refused 400", "GET /ok", "ended GET /ok"])
        fixture.end()
    }

    @Test("what HTTP/1.1 would refuse with a status is refused with it, and the connection goes on")
    func refused() throws {
        let fixture = try HTTP2Fixture()
        let crumbs = (0..<101).map { _ in ("cookie", "a=b") }
        try fixture.receive(
            Wire.get(1, "/%zz") + Wire.get(3, "/", crumbs) + Wire.get(5, "/" + String(repeating: "a", count: 8300))
                + Wire.get(7))
        let sent = try fixture.sent().filter { $0.hasPrefix("HEADERS") }.map { $0.prefix(24) }
        #expect(
            sent == [
                "HEADERS 1 :status=400, c", "HEADERS 3 :status=431, c", "HEADERS 5 :status=414, c",
                "HEADERS 7 :status=200, c",
            ])
        fixture.end()
    }

    @Test("a connection that fails says why, and its exchanges hear of it")
    func failure() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1, "/a") + Wire.frame(0, stream: 0))
        #expect(try fixture.sent() == ["GOAWAY 1 PROTOCOL_ERROR"])
        #expect(fixture.path.notes == ["GET /a", "failed: DATA on stream 0", "closed GET /a"])
        fixture.end()
        #expect(fixture.path.open == 0)
    }

    // MARK: Bodies

    @Test("a body that nobody takes is held up to its window, and goes on when somebody does")
    func pausedBody() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .pause
        try fixture.receive(Wire.post(1))
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        try fixture.receive(Wire.data(1, piece) + Wire.data(1, piece) + Wire.data(1, piece))
        // One piece was taken.
        #expect(try fixture.sent() == ["WINDOW_UPDATE 1 +16384", "WINDOW_UPDATE 0 +16384"])
        #expect(fixture.path.exchanges[0].body.readableBytes == 16_384)
        fixture.path.exchanges[0].downstream.resumeBody()
        #expect(try fixture.sent() == ["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"])
        #expect(fixture.path.exchanges[0].body.readableBytes == 3 * 16_384)
        try fixture.receive(Wire.data(1, "end", ends: true))
        fixture.path.behaviour = .echo
        fixture.path.exchanges[0].downstream.resumeBody()
        #expect(try fixture.sent().last?.hasSuffix("END_STREAM") == true)
        fixture.end()
    }

    @Test("a client may go on for a while when its answer is there, then it is told to stop")
    func earlyAnswer() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .answerAtOnce
        try fixture.receive(Wire.post(1, "/a"))
        #expect(try fixture.sent().last == "DATA 1 \"at once\" END_STREAM")
        try fixture.receive(Wire.data(1, "some more") + Wire.data(1, "and the end", ends: true) + Wire.post(3, "/b"))
        #expect(try fixture.sent().contains { $0.hasPrefix("RST_STREAM") } == false)
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        var sent: [String] = []
        for _ in 0..<65 {
            try fixture.receive(Wire.data(3, piece))
            sent += try fixture.sent()
        }
        #expect(sent.last == "RST_STREAM 3 NO_ERROR")
        #expect(fixture.path.notes == ["POST /a", "ended POST /a", "POST /b", "ended POST /b"])
        try fixture.receive(Wire.data(3, piece) + Wire.get(5))
        #expect(try fixture.sent().contains("DATA 5 \"at once\" END_STREAM"))
        fixture.end()
    }

    @Test("trailers that are not allowed end the stream")
    func badTrailers() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.post(1, "/a") + Wire.headers(1, [(":path", "/b")]))
        #expect(try fixture.sent() == ["RST_STREAM 1 PROTOCOL_ERROR"])
        #expect(fixture.path.notes == ["POST /a", "closed POST /a"])
        fixture.end()
    }

    @Test("trailers that are not allowed end no stream twice: behind an answer that is complete they mean nothing")
    func badTrailersAfterAnswer() throws {
        // The machine had ended the stream with them. It was reset once more, by the number of no stream, and its place
        // was free twice: two streams shared it, and the count of streams was wrong until the process ended over it.
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .answerAtOnce
        try fixture.receive(Wire.post(1, "/a") + Wire.headers(1, [(":path", "/b")]))
        #expect(try fixture.sent().last == "DATA 1 \"at once\" END_STREAM")
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(3, "/c") + Wire.get(5, "/d"))
        for exchange in fixture.path.exchanges.dropFirst() { exchange.answer("ok") }
        let data = try fixture.sent().filter { $0.hasPrefix("DATA") }
        #expect(data == ["DATA 3 \"ok\" END_STREAM", "DATA 5 \"ok\" END_STREAM"])
        #expect(fixture.path.notes == ["POST /a", "ended POST /a", "GET /c", "GET /d", "ended GET /c", "ended GET /d"])
        fixture.end()
    }

    // MARK: Windows

    @Test("an answer waits for the client's window, and its giver is told to wait too")
    func window() throws {
        let fixture = try HTTP2Fixture(settings: [(4, 10)])
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1))
        let exchange = fixture.path.exchanges[0]
        exchange.pass("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body: "0123456789abcdef")
        #expect(try fixture.sent() == ["HEADERS 1 :status=200", "DATA 1 \"0123456789\""])
        #expect(!exchange.downstream.isWritable)
        try fixture.receive(Wire.windowUpdate(1, 4))
        #expect(try fixture.sent() == ["DATA 1 \"abcd\""])
        #expect(!fixture.path.notes.contains("writable"))
        try fixture.receive(Wire.windowUpdate(1, 4))
        #expect(try fixture.sent() == ["DATA 1 \"ef\""])
        #expect(exchange.downstream.isWritable && fixture.path.notes.contains("writable"))
        exchange.downstream.sendBody(ByteBuffer(string: "wxyz"))
        exchange.downstream.sendEnd(nil)
        #expect(try fixture.sent() == ["DATA 1 \"wx\""])
        try fixture.receive(Wire.windowUpdate(1, 2))
        #expect(try fixture.sent() == ["DATA 1 \"yz\" END_STREAM"])
        #expect(fixture.loop.heldBytes == 0)
        fixture.end()
    }

    @Test("streams that wait get the connection's window in turn")
    func fairness() throws {
        let fixture = try HTTP2Fixture(settings: [(4, 1_000_000)])
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1) + Wire.get(3))
        let body = String(repeating: "a", count: 100_000)
        for exchange in fixture.path.exchanges {
            exchange.pass("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body: body)
        }
        _ = try fixture.frames()
        try fixture.receive(Wire.windowUpdate(0, 65_536))
        let frames = try fixture.frames().filter { $0.type == 0 }
        #expect(frames.map(\.stream) == [1, 3, 1, 3] || frames.map(\.stream) == [1, 3, 1, 3, 1])
        fixture.end()
        #expect(fixture.loop.heldBytes == 0)
    }

    @Test("an answer that nobody has seen can be replaced, and one behind others cannot")
    func replaced() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1) + Wire.get(3) + Wire.get(5))
        let exchanges = fixture.path.exchanges
        exchanges[0].pass(Self.ok, body: "he")
        #expect(exchanges[0].downstream.answerCanBeReplaced)
        exchanges[0].answer("instead")
        exchanges[1].pass(Self.ok, body: "he")
        exchanges[2].pass(Self.ok, body: "hello")
        #expect(!exchanges[1].downstream.answerCanBeReplaced)
        exchanges[1].answer("too late")
        #expect(
            try fixture.sent() == [
                "HEADERS 1 :status=200, content-length=7, content-type=text/plain; charset=utf-8",
                "DATA 1 \"instead\" END_STREAM", "HEADERS 3 :status=200, content-length=5, x-a=b", "DATA 3 \"he\"",
                "HEADERS 5 :status=200, content-length=5, x-a=b", "DATA 5 \"hello\"", "RST_STREAM 3 INTERNAL_ERROR",
            ])
        #expect(!exchanges[2].downstream.answerCanBeReplaced)
        fixture.end()
    }

    @Test("an answer that breaks off resets its stream")
    func abort() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1, "/a"))
        fixture.path.exchanges[0].pass(Self.ok, body: "he")
        _ = try fixture.sent()
        fixture.path.exchanges[0].downstream.abort()
        #expect(try fixture.sent() == ["RST_STREAM 1 INTERNAL_ERROR"])
        #expect(fixture.path.notes == ["GET /a", "closed GET /a"])
        fixture.end()
    }

    // MARK: Ends

    @Test("a client that gives a stream up, or leaves, is told to its exchanges, once each")
    func clientLeaves() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1, "/a") + Wire.get(3, "/b") + Wire.reset(1))
        #expect(fixture.path.notes == ["GET /a", "GET /b", "closed GET /a"])
        fixture.path.exchanges[0].answer("nobody sees this")
        #expect(try fixture.sent() == [])
        fixture.end()
        #expect(fixture.path.notes == ["GET /a", "GET /b", "closed GET /a", "closed GET /b"])
        #expect(fixture.path.open == 0)
    }

    @Test("draining lets streams finish, takes those on their way, and then closes")
    func drain() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1))
        fixture.connection.drain()
        let sent = try fixture.frames()
        #expect(sent.map(\.description) == ["GOAWAY 2147483647 NO_ERROR", "PING 117.115.104.101.114.33.33.33"])
        try fixture.receive(Wire.get(3))
        try fixture.receive(Wire.ping(sent[1].payload, isAcknowledgement: true) + Wire.get(5))
        #expect(try fixture.sent() == ["GOAWAY 3 NO_ERROR"])
        #expect(fixture.path.exchanges.count == 2)
        fixture.path.exchanges[0].answer("one")
        fixture.path.exchanges[1].answer("two")
        #expect(try fixture.sent().last == "DATA 3 \"two\" END_STREAM")
        #expect(!fixture.channel.isActive)
        fixture.end()
    }

    @Test("draining waits for nobody who has not even said that it speaks HTTP/2")
    func drainSilent() throws {
        let fixture = try HTTP2Fixture(saying: Array(Wire.preface.prefix(10)))
        fixture.connection.drain()
        #expect(try fixture.sent() == ["GOAWAY 0 NO_ERROR"])
        fixture.end()
    }

    @Test("few streams that are answered linger for the rest of their requests; more are reset without blame")
    func lingering() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .answerAtOnce
        try fixture.receive((0..<18).flatMap { Wire.post(UInt32(2 * $0 + 1)) })
        let resets = try fixture.sent().filter { $0.hasPrefix("RST") }
        #expect(resets == ["RST_STREAM 1 NO_ERROR", "RST_STREAM 3 NO_ERROR"])
        #expect(fixture.path.notes.filter { $0.hasPrefix("ended") }.count == 18)
        fixture.end()
    }

    @Test("more requests in one piece than may be open take turns with other connections")
    func turns() throws {
        let fixture = try HTTP2Fixture()
        try fixture.channel.writeInbound(ByteBuffer(bytes: (0..<250).flatMap { Wire.get(UInt32(2 * $0 + 1)) }))
        func answered() -> Int { fixture.path.notes.count { $0.hasPrefix("ended") } }
        #expect(answered() == 100)
        try fixture.channel.writeInbound(ByteBuffer(bytes: Wire.get(501)))
        #expect(answered() == 100)
        fixture.turn()
        #expect(answered() == 251)
        #expect(try fixture.sent().filter { $0.hasPrefix("HEADERS") }.count == 251)
        fixture.end()
    }

    @Test("draining closes an idle connection as soon as its client has heard of it")
    func drainIdle() throws {
        let fixture = try HTTP2Fixture()
        fixture.connection.drain()
        #expect(fixture.channel.isActive)
        try fixture.receive(Wire.ping(isAcknowledgement: true))
        #expect(try fixture.sent().last == "GOAWAY 0 NO_ERROR")
        #expect(!fixture.channel.isActive)
        fixture.end()
    }

    @Test(
        "a connection that begins with the preface becomes one of HTTP/2, in any pieces", arguments: [1, 3, 23, 24, 60])
    func priorKnowledge(pieces: Int) throws {
        let fixture = try ServerFixture()
        let bytes = Wire.hello + Wire.get(1, "/a")
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            try fixture.receive(bytes[start..<min(bytes.count, start + pieces)])
        }
        #expect(fixture.path.notes == ["becomes HTTP2ServerConnection", "GET /a", "ended GET /a"])
        #expect(fixture.path.open == 1)
        fixture.end()
        #expect(fixture.path.open == 0)
    }

    @Test(
        "what only begins like the preface is HTTP/1.1",
        arguments: ["PRI * HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\n\r\n"])
    func noPriorKnowledge(text: String) throws {
        let fixture = try ServerFixture()
        for byte in text.utf8 { try fixture.receive([byte]) }
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 "))
        fixture.end()
    }
}
