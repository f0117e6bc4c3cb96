import Foundation
import NIOCore
import NIOEmbedded
import Testing
import UsherCore
import UsherHTTP
import UsherTransport

@Suite("A client's connection, bytes in and bytes out")
struct ServerConnectionTests {
    private typealias Fixture = ServerFixture

    private static let corpus: [String] = [
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloHEAD /b HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: 1\r\n\r\n"
            + "PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\nGET /never HTTP/1.0\r\n\r\n",
        "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\nabcX\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    @Test("every split of its input gives the same answers in the same order", arguments: corpus)
    func everySplit(input: String) throws {
        let bytes = Array(input.utf8)
        let whole = try Fixture()
        try whole.receive(bytes)
        let expected = try whole.sent()
        let expectedNotes = whole.path.notes
        whole.end()
        #expect(expected.contains("HTTP/1.1 "))
        #expect(!expectedNotes.contains { $0.contains("never") })
        for split in 1..<bytes.count {
            let fixture = try Fixture()
            try fixture.receive(bytes[..<split])
            try fixture.receive(bytes[split...])
            #expect(try fixture.sent() == expected, "split at \(split)")
            #expect(fixture.path.notes == expectedNotes, "split at \(split)")
            fixture.end()
        }
        let drip = try Fixture()
        for byte in bytes { try drip.receive([byte]) }
        #expect(try drip.sent() == expected)
        drip.end()
    }

    @Test("the answers to requests that came in one read leave in one write")
    func oneWrite() throws {
        let fixture = try Fixture()
        try fixture.receive(Array(String(repeating: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", count: 3).utf8))
        var writes = 0
        while try fixture.channel.readOutbound(as: ByteBuffer.self) != nil { writes += 1 }
        #expect(writes <= 3)
        #expect(fixture.path.exchanges.count == 3)
        fixture.end()
    }

    @Test("while one exchange runs, the next request waits")
    func oneExchangeAtATime() throws {
        let fixture = try Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(fixture.path.notes == ["GET /a"])
        fixture.path.exchanges[0].answer("one")
        #expect(fixture.path.notes == ["GET /a", "ended GET /a", "GET /b"])
        fixture.path.exchanges[1].answer("two")
        #expect(try fixture.sent().components(separatedBy: "HTTP/1.1 200").count == 3)
        fixture.end()
    }

    @Test("an exchange under way hears that its client left, once")
    func clientLeaves() throws {
        let fixture = try Fixture()
        fixture.path.behaviour = .wait
        try fixture.receive(Array("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(fixture.path.open == 1)
        fixture.end()
        #expect(fixture.path.notes == ["GET /a", "closed GET /a"])
        #expect(fixture.path.open == 0)
    }

    @Test("a short body behind an early answer is thrown away, and the connection goes on")
    func discardsBody() throws {
        let fixture = try Fixture()
        fixture.path.behaviour = .answerAtOnce
        try fixture.receive(Array("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello".utf8))
        #expect(!(try fixture.sent().contains("Connection: close")))
        try fixture.receive(Array("world".utf8))
        try fixture.receive(Array("GET /b HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(fixture.path.notes.filter { $0.hasPrefix("GET /b") } == ["GET /b"])
        fixture.end()
    }

    @Test(
        "a long or chunked body behind an early answer ends the connection",
        arguments: [
            "Content-Length: 70000", "Transfer-Encoding: chunked", "Content-Length: 10\r\nExpect: 100-continue",
        ])
    func refusesBody(framing: String) throws {
        let fixture = try Fixture()
        fixture.path.behaviour = .answerAtOnce
        try fixture.receive(Array("POST /a HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n".utf8))
        #expect(try fixture.sent().contains("Connection: close"))
        try fixture.receive(Array("GET /b HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(!fixture.path.notes.contains("GET /b"))
        fixture.end()
    }

    @Test("draining closes an idle connection at once and a busy one after its answer")
    func drain() throws {
        let idle = try Fixture()
        idle.connection.drain()
        #expect(!idle.channel.isActive)
        let busy = try Fixture()
        busy.path.behaviour = .wait
        try busy.receive(Array("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        busy.connection.drain()
        #expect(busy.channel.isActive)
        busy.path.exchanges[0].answer("done")
        #expect(try busy.sent().contains("Connection: close"))
        busy.end()
    }
}
