import NIOCore
import NIOEmbedded
import Testing
import UsherCore
import UsherHTTP
import UsherTransport

@Suite("A replica's connection, bytes in and events out")
struct UpstreamConnectionTests {
    private final class Notes: UpstreamHandler {
        var head = ""
        var body = ""
        var end = ""
        var interim: [Int] = []

        var all: String { "\(self.interim) \(self.head) [\(self.body)] \(self.end)" }

        func upstreamInformational(_ head: ResponseHead) { self.interim.append(head.status) }
        func upstreamHead(_ head: ResponseHead) { self.head = "\(head.status)" }
        func upstreamBody(_ data: ByteBuffer) { self.body += String(buffer: data) }
        func upstreamEnded(_ trailers: Trailers?) { self.end += "ended\(trailers == nil ? "" : " with trailers")" }
        func upstreamReadComplete() {}
        func upstreamIsWritable() {}
        func upstreamFailed(_ failure: UpstreamFailure) { self.end += "\(failure.kind)" }
    }

    /// What a handler hears of an answer that arrives in these pieces, closed behind the last one.
    private func events(_ pieces: [[UInt8]], method: UsherHTTP.Method = .get) throws -> String {
        let channel = EmbeddedChannel()
        let loop = LoopContext(eventLoop: channel.embeddedEventLoop)
        let pool = UpstreamPool(
            .unix(path: "/none"),
            .init(connectionsMax: 1, keep: 1_000_000_000, connectTimeout: .seconds(1), headLimits: HeadLimits()),
            loop: loop)
        guard case .connect(let id) = pool.acquire(now: loop.now) else { return "no connection" }
        let connection = UpstreamConnection(
            id: id, loop: loop, address: pool.address, headLimits: HeadLimits(), pool: pool)
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let notes = Notes()
        let second: UInt64 = 1_000_000_000
        connection.send(
            ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"), nil, method: method, isWhole: true,
            deadlines: .init(response: 60 * second, idle: 60 * second, total: .max), now: loop.now, handler: notes)
        for piece in pieces where channel.isActive { try channel.writeInbound(ByteBuffer(bytes: piece)) }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return notes.all
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

    @Test("a connection that closes before a byte of the answer says so")
    func closedBeforeAnswer() throws {
        #expect(try self.events([]) == "[]  [] closedBeforeAnswer")
    }
}
