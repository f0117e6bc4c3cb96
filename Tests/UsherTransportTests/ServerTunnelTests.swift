import NIOCore
import NIOEmbedded
import Testing
import UsherHTTP
import UsherTransport

@Suite("A client's connection that becomes a tunnel")
struct ServerTunnelTests {
    private static let request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    private static let agreed =
        "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nX-A: 1\r\nConnection: upgrade, x-b\r\nX-B: 2\r\n"
        + "Sec-WebSocket-Accept: abc\r\nUsher-Session: x\r\n\r\n"

    /// A connection that is a tunnel, with what it has sent taken away.
    private static func tunnel() throws -> ServerFixture {
        let fixture = try ServerFixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array(self.request.utf8))
        fixture.path.exchanges[0].pass(self.agreed)
        fixture.path.exchanges[0].downstream.flush()
        _ = try fixture.sent()
        return fixture
    }

    @Test("the client gets the 101 with its own connection lines and the end-to-end fields")
    func answer() throws {
        let fixture = try ServerFixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array(Self.request.utf8))
        var edits = HeadEdits()
        edits.removedNames = [Array("x-a".utf8)]
        edits.addedLines = ByteBuffer(string: "X-C: 3\r\n")
        let exchange = fixture.path.exchanges[0]
        exchange.pass(Self.agreed, body: "first frame", edits: edits)
        exchange.downstream.flush()
        #expect(
            try fixture.sent() == "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: abc\r\nConnection: Upgrade\r\n"
                + "Upgrade: websocket\r\nX-C: 3\r\n\r\nfirst frame")
        fixture.end()
    }

    @Test("what comes with the request is held until the 101, at every split")
    func held() throws {
        let bytes = Array((Self.request + "\u{1}GET / HTTP/1.1\r\n\r\n").utf8)
        for split in 1..<bytes.count {
            let fixture = try ServerFixture()
            fixture.path.behaviour = .wait
            try fixture.receive(bytes[..<split])
            try fixture.receive(bytes[split...])
            let exchange = fixture.path.exchanges[0]
            #expect(exchange.body.readableBytes == 0)
            exchange.pass(Self.agreed)
            #expect(String(buffer: exchange.body) == "\u{1}GET / HTTP/1.1\r\n\r\n", "split at \(split)")
            try fixture.receive(Array("more".utf8))
            #expect(String(buffer: exchange.body).hasSuffix("\r\n\r\nmore"))
            #expect(fixture.path.exchanges.count == 1)
            fixture.end()
        }
    }

    @Test("when the replica says no, what was held is the next request")
    func refused() throws {
        let fixture = try ServerFixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array((Self.request + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n").utf8))
        let exchange = fixture.path.exchanges[0]
        exchange.pass("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n", body: "no")
        exchange.downstream.sendEnd(nil)
        #expect(fixture.path.notes == ["GET /ws", "ended GET /ws", "GET /next"])
        #expect(exchange.body.readableBytes == 0)
        fixture.end()
    }

    @Test("bytes pass as they are, both ways")
    func raw() throws {
        let fixture = try Self.tunnel()
        let exchange = fixture.path.exchanges[0]
        try fixture.receive([0, 255, 13, 10])
        #expect(Array(exchange.body.readableBytesView) == [0, 255, 13, 10])
        exchange.downstream.sendBody(ByteBuffer(bytes: [9, 8, 7]))
        exchange.downstream.sendBody(ByteBuffer(repeating: 6, count: 10000))
        exchange.downstream.flush()
        var sent: [UInt8] = []
        while let piece = try fixture.channel.readOutbound(as: ByteBuffer.self) {
            sent += Array(piece.readableBytesView)
        }
        #expect(sent == [9, 8, 7] + .init(repeating: 6, count: 10000))
        #expect(exchange.downstream.bytesReceived == Self.request.utf8.count + 4)
        fixture.end()
    }

    @Test("a client that closes is told of once, and not as a broken request")
    func clientCloses() throws {
        let fixture = try Self.tunnel()
        try fixture.receive(Array("last words".utf8))
        fixture.end()
        #expect(fixture.path.notes == ["GET /ws", "tunnel closed"])
        #expect(String(buffer: fixture.path.exchanges[0].body) == "last words")
        #expect(fixture.path.open == 0)
    }

    @Test("while it is paused nothing is handed over, and what was held is not lost when the client closes")
    func paused() throws {
        let fixture = try Self.tunnel()
        let exchange = fixture.path.exchanges[0]
        exchange.downstream.pauseBody()
        try fixture.receive(Array("held".utf8))
        try fixture.receive(Array(" too".utf8))
        #expect(exchange.body.readableBytes == 0)
        exchange.downstream.resumeBody()
        #expect(String(buffer: exchange.body) == "held too")
        exchange.downstream.pauseBody()
        try fixture.receive(Array(" end".utf8))
        fixture.end()
        #expect(String(buffer: exchange.body) == "held too end")
        #expect(fixture.path.notes.last == "tunnel closed")
    }

    @Test("when the replica closes, the client gets all that was sent and its end")
    func replicaCloses() throws {
        let fixture = try Self.tunnel()
        let exchange = fixture.path.exchanges[0]
        exchange.downstream.sendBody(ByteBuffer(string: "last words"))
        exchange.downstream.sendEnd(nil)
        #expect(fixture.path.notes == ["GET /ws", "ended GET /ws"])
        #expect(try fixture.sent() == "last words")
        try fixture.receive(Array("nobody hears this".utf8))
        #expect(exchange.body.readableBytes == 0)
        fixture.end()
        #expect(fixture.path.notes == ["GET /ws", "ended GET /ws"])
    }

    @Test("draining leaves a tunnel alone")
    func drain() throws {
        let fixture = try Self.tunnel()
        fixture.connection.drain()
        #expect(fixture.channel.isActive)
        #expect(!fixture.connection.isIdle)
        try fixture.receive(Array("still here".utf8))
        #expect(String(buffer: fixture.path.exchanges[0].body) == "still here")
        fixture.connection.abort()
        #expect(!fixture.channel.isActive)
        #expect(fixture.path.notes.last == "closed GET /ws")
    }

    @Test("a 101 that does not say to what cannot make a tunnel")
    func malformed() throws {
        let fixture = try ServerFixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array(Self.request.utf8))
        fixture.path.exchanges[0].pass("HTTP/1.1 101 Switching\r\n\r\n")
        #expect(!fixture.channel.isActive)
    }
}
