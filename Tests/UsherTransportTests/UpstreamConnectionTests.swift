import NIOCore
import NIOEmbedded
import NIOSSL
import Testing
import UsherCore
import UsherHTTP
import UsherTransport

@Suite("A replica's connection, bytes in and events out")
struct UpstreamConnectionTests {
    /// What a handler hears of an answer that arrives in these pieces, closed behind the last one.
    private func events(_ pieces: [[UInt8]], method: UsherHTTP.Method = .get, wantsUpgrade: Bool = false) throws
        -> String
    {
        let fixture = try UpstreamFixture()
        try fixture.send(method: method, wantsUpgrade: wantsUpgrade)
        for piece in pieces where fixture.channel.isActive { try fixture.receive(piece) }
        _ = try? fixture.channel.finish(acceptAlreadyClosed: true)
        return fixture.notes.all
    }

    @Test(
        "every split of an answer is the same answer",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "[] 200 [hello] ended"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n",
                "[] 200 [abcd] ended"
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: 1\r\n\r\n",
                "[] 200 [a] ended with trailers"
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
                "[100, 103] 204 [] ended"
            ),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the close", "[] 200 [until the close] ended"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "[] 200 [hell] closedInAnswer"),
            ("HTTP/1.1 200 OK\r\nContent-", "[]  [] closedInAnswer"),
            ("HTTP/1.1 101 Switching\r\n\r\n", "[]  [] badAnswer"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "[]  [] badAnswer"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "[] 200 [] badAnswer"),
            ("nonsense\r\n\r\n", "[]  [] badAnswer"),
        ])
    func everySplit(answer: String, expected: String) throws {
        let bytes = Array(answer.utf8)
        #expect(try self.events([bytes]) == expected)
        for split in 1..<bytes.count {
            #expect(try self.events([Array(bytes[..<split]), Array(bytes[split...])]) == expected, "split at \(split)")
        }
        #expect(try self.events(bytes.map { [$0] }) == expected)
    }

    @Test("an answer to HEAD ends with its head, whatever length it tells")
    func head() throws {
        let events = try self.events([Array("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".utf8)], method: .head)
        #expect(events == "[] 200 [] ended")
    }

    @Test(
        "every split of an upgrade is the same tunnel, and what is no upgrade is the same answer",
        arguments: [
            (
                "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\u{1}frame 1frame 2",
                "[]  to websocket [\u{1}frame 1frame 2] ended"
            ),
            (
                "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: a/1\r\nConnection: x, upgrade\r\n\r\n",
                "[100]  to a/1 [] ended"
            ),
            (
                "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                "[]  to x [HTTP/1.1 200 OK\r\n\r\n] ended"
            ),
            ("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", "[] 403 [no] ended"),
            ("HTTP/1.1 426 No\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", "[] 426 [] ended"),
            ("HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\nx", "[]  [] badAnswer"),
            ("HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\nx", "[]  [] badAnswer"),
            ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nx", "[]  [] badAnswer"),
            ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n\r\nx", "[]  [] badAnswer"),
            ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgra", "[]  [] closedInAnswer"),
        ])
    func everySplitOfUpgrade(answer: String, expected: String) throws {
        let bytes = Array(answer.utf8)
        #expect(try self.events([bytes], wantsUpgrade: true) == expected)
        for split in 1..<bytes.count {
            let pieces = [Array(bytes[..<split]), Array(bytes[split...])]
            #expect(try self.events(pieces, wantsUpgrade: true) == expected, "split at \(split)")
        }
        #expect(try self.events(bytes.map { [$0] }, wantsUpgrade: true) == expected)
    }

    @Test("a 101 that was not asked for is no answer, however well it is formed")
    func unaskedUpgrade() throws {
        let text = "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nx"
        #expect(try self.events([Array(text.utf8)]) == "[]  [] badAnswer")
    }

    @Test("traffic either way moves the end of a tunnel away, and silence ends it")
    func silence() throws {
        let fixture = try UpstreamFixture()
        try fixture.send(wantsUpgrade: true)
        try fixture.receive("HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n".utf8)
        let first = fixture.connection.deadline
        fixture.connection.sendBody(ByteBuffer(string: "raw"))
        let second = fixture.connection.deadline
        #expect(second > first)
        try fixture.receive("raw".utf8)
        let third = fixture.connection.deadline
        #expect(third > second)
        fixture.connection.timerFired(now: MonotonicTime(nanoseconds: third))
        #expect(fixture.notes.all == "[]  to x [raw] idleTimedOut")
        #expect(!fixture.channel.isActive)
    }

    @Test("a tunnel whose client reads slowly is not silent")
    func pausedTunnel() throws {
        let fixture = try UpstreamFixture()
        try fixture.send(wantsUpgrade: true)
        try fixture.receive("HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n".utf8)
        fixture.connection.pauseReading()
        fixture.connection.timerFired(now: MonotonicTime(nanoseconds: fixture.connection.deadline))
        #expect(fixture.channel.isActive)
        fixture.connection.resumeReading()
        fixture.connection.timerFired(now: MonotonicTime(nanoseconds: fixture.connection.deadline))
        #expect(!fixture.channel.isActive)
    }

    @Test("what is sent into a tunnel leaves as it is")
    func raw() throws {
        let fixture = try UpstreamFixture()
        try fixture.send(wantsUpgrade: true)
        try fixture.receive("HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n".utf8)
        _ = try fixture.channel.readOutbound(as: ByteBuffer.self)
        fixture.connection.sendBody(ByteBuffer(string: "\u{0}\r\nraw"))
        fixture.connection.flush()
        #expect(try fixture.channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "\u{0}\r\nraw"))
        #expect(!fixture.connection.isUsable)
        _ = try? fixture.channel.finish(acceptAlreadyClosed: true)
    }

    @Test("a connection that closes before a byte of the answer says so")
    func closedBeforeAnswer() throws {
        #expect(try self.events([]) == "[]  [] closedBeforeAnswer")
    }

    @Test("an answer that lasts until the close is not whole when the connection is cut off (RFC 9112 §9.8)")
    func cutOff() throws {
        let fixture = try UpstreamFixture()
        try fixture.send()
        try fixture.receive("HTTP/1.0 200 OK\r\n\r\nuntil the".utf8)
        fixture.channel.pipeline.fireErrorCaught(NIOSSLError.uncleanShutdown)
        #expect(fixture.notes.all == "[] 200 [until the] closedInAnswer")
    }

    @Test("nobody gets a connection that is being closed")
    func closing() throws {
        final class SlowClose: ChannelOutboundHandler {
            typealias OutboundIn = Never
            func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {}
        }
        let fixture = try UpstreamFixture()
        try fixture.channel.pipeline.syncOperations.addHandler(SlowClose(), position: .first)
        #expect(fixture.connection.isUsable)
        fixture.connection.close()
        #expect(!fixture.connection.isUsable)
    }
}
