import NIOCore
import Testing

@testable import UsherHTTP

/// A response head and what must come of it.
struct ResponseCase: Sendable, CustomTestStringConvertible {
    var text: String
    var method = UsherHTTP.Method.get
    /// Nil when the head is refused.
    var framing: BodyFraming?
    var keepAlive = true

    init(_ text: String, to method: UsherHTTP.Method = .get, _ framing: BodyFraming?, keepAlive: Bool = true) {
        self.text = text
        self.method = method
        self.framing = framing
        self.keepAlive = keepAlive
    }

    var testDescription: String { "\(method) \(text)" }

    static let all: [ResponseCase] = [
        .init("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", .length(5)),
        .init("HTTP/1.1 200 OK\nContent-Length: 0\n\n", .length(0)),
        .init("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n\n", .chunked),
        .init("HTTP/1.1 200 OK\n\nhello", .untilClose, keepAlive: false),
        .init("HTTP/1.1 200 OK\nConnection: keep-alive\n\n", .untilClose, keepAlive: false),
        .init("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 1\n\n", .length(1), keepAlive: false),
        .init("HTTP/1.0 200 OK\nContent-Length: 1\n\n", .length(1), keepAlive: false),
        .init("HTTP/1.0 200 OK\nConnection: keep-alive\nContent-Length: 1\n\n", .length(1)),
        .init("HTTP/1.1 200 \nContent-Length: 1\n\n", .length(1)),
        .init("HTTP/1.1 200\nContent-Length: 1\n\n", .length(1)),
        .init("HTTP/1.1 200 Grün und\tgut\nContent-Length: 1\n\n", .length(1)),
        .init("HTTP/1.1 999 Odd\nContent-Length: 1\n\n", .length(1)),
        .init("HTTP/1.1 404 Not Found\nContent-Length: 1\n\n", .length(1)),
        // Bodies that are not there (RFC 9112 §6.3).
        .init("HTTP/1.1 200 OK\nContent-Length: 5\n\n", to: .head, BodyFraming.none),
        .init("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", to: .head, BodyFraming.none),
        .init("HTTP/1.1 200 OK\n\n", to: .head, BodyFraming.none),
        .init("HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n", BodyFraming.none),
        .init("HTTP/1.1 304 Not Modified\n\n", BodyFraming.none),
        .init("HTTP/1.1 204 No Content\n\n", BodyFraming.none),
        .init("HTTP/1.1 204 No Content\nContent-Length: 0\n\n", BodyFraming.none),
        .init("HTTP/1.1 100 Continue\n\n", BodyFraming.none),
        .init("HTTP/1.1 103 Early Hints\nLink: </a>\n\n", BodyFraming.none),
        .init("HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\n\n", BodyFraming.none),
        .init("HTTP/1.1 200 OK\n\n", to: .connect, BodyFraming.none),
        .init("HTTP/1.1 200 OK\nContent-Length: 5\n\n", to: .connect, BodyFraming.none),
        .init("HTTP/1.1 403 No\nContent-Length: 5\n\n", to: .connect, .length(5)),
        .init("HTTP/1.1 205 Reset\nContent-Length: 0\n\n", .length(0)),
        // Bodies where none may be would be taken for the next response.
        .init("HTTP/1.1 204 No Content\nContent-Length: 5\n\nhello", nil),
        .init("HTTP/1.1 204 No Content\nTransfer-Encoding: chunked\n\n", nil),
        .init("HTTP/1.1 100 Continue\nContent-Length: 5\n\n", nil),
        .init("HTTP/1.1 103 Early Hints\nTransfer-Encoding: chunked\n\n", nil),
        // Framing that could be read in two ways.
        .init("HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", nil),
        .init("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\n", nil),
        .init("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 5\n\n", nil),
        .init("HTTP/1.1 200 OK\nContent-Length: 5, 5\n\n", nil),
        .init("HTTP/1.1 200 OK\nContent-Length: -1\n\n", nil),
        .init("HTTP/1.1 200 OK\nContent_Length: 5\n\n", nil),
        .init("HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n", nil),
        .init("HTTP/1.1 200 OK\nTransfer-Encoding: chunked, identity\n\n", nil),
        .init("HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n", nil),
        .init("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", to: .connect, BodyFraming.none),
        // Malformed lines.
        .init("\nHTTP/1.1 200 OK\n\n", nil), .init("HTTP/2.0 200 OK\n\n", nil), .init("HTTP/1.2 200 OK\n\n", nil),
        .init("http/1.1 200 OK\n\n", nil), .init("HTTP/1.1  200 OK\n\n", nil), .init("HTTP/1.1 20 OK\n\n", nil),
        .init("HTTP/1.1 2000 OK\n\n", nil), .init("HTTP/1.1 099 OK\n\n", nil), .init("HTTP/1.1 -10 OK\n\n", nil),
        .init("HTTP/1.1 2x0 OK\n\n", nil), .init("HTTP/1.1 200OK\n\n", nil), .init("HTTP/1.1200 OK\n\n", nil),
        .init("HTTP/1.1 200 O\0K\n\n", nil), .init("HTTP/1.1 200 O\u{7F}K\n\n", nil), .init("ICY 200 OK\n\n", nil),
        .init("HTTP/1.1 200 OK¬Content-Length: 5\n\n", nil), .init("HTTP/1.1 200 OK®X: y\n\n", nil),
        .init("HTTP/1.1 200 OK\nX: y\n z\n\n", nil), .init("HTTP/1.1 200 OK\nX : y\n\n", nil),
        .init("HTTP/1.1 200 OK\nX\n\n", nil), .init("HTTP/1.1 200 OK\nX: a¬Set-Cookie: b\n\n", nil),
        .init("hello", nil),
    ]
}

@Suite("reading response heads", .timeLimit(.minutes(1)))
struct ResponseHeadTests {
    @Test("a response is judged as the table says, however it is cut", arguments: ResponseCase.all)
    func verdict(response: ResponseCase) {
        let bytes = wire(response.text)
        let whole = readResponse([bytes[...]], to: response.method)
        if let framing = response.framing {
            #expect(whole.verdict == .complete)
            #expect(whole.framing == framing)
            #expect(whole.flags.contains("keep-alive") == response.keepAlive)
        } else {
            #expect(whole.refusedStatus != nil)
        }
        let reused = ResponseHead()
        for pieces in Cutting.all(bytes) {
            #expect(readResponse(pieces, to: response.method, with: reused) == whole)
        }
    }

    @Test("status and reason are given out")
    func line() {
        let reading = readResponse([wire("HTTP/1.0 404 Not  Found \nX: y\n\nrest")[...]])
        #expect(reading.status == 404)
        #expect(reading.reason == "Not  Found ")
        #expect(reading.version == .http10)
        #expect(reading.rest == "rest")
        #expect(readResponse([wire("HTTP/1.1 200\n\n")[...]]).reason == "")
        #expect(readResponse([wire("HTTP/1.1 200 \n\n")[...]]).reason == "")
    }

    @Test(
        "interim answers are told from final ones", arguments: [(100, true), (103, true), (101, false), (200, false)])
    func interim(status: Int, isInterim: Bool) {
        let head = ResponseHead()
        #expect(readResponse([wire("HTTP/1.1 \(status) X\n\n")[...]], with: head).verdict == .complete)
        #expect(head.isInterim == isInterim)
    }

    @Test("a length is not passed on where none may be", arguments: [(204, false), (304, true), (200, true)])
    func lengthInCopy(status: Int, passes: Bool) {
        let head = ResponseHead()
        let text = "HTTP/1.1 \(status) X\nContent-Length: 0\nServer: s\nConnection: x-a\nX-A: 1\n\n"
        #expect(readResponse([wire(text)[...]], with: head).verdict == .complete)
        var out = ByteBuffer()
        head.copyFields(to: &out)
        #expect(String(buffer: out) == (passes ? "Content-Length: 0\r\n" : "") + "Server: s\r\n")
    }

    @Test("limits hold to the byte", arguments: [(27, false), (26, true), (5, true), (0, true)])
    func limits(head: Int, refused: Bool) {
        let bytes = wire("HTTP/1.1 200 OK\nX: yyy\n\n")
        #expect(bytes.count == 27)
        for pieces in Cutting.all(bytes) {
            #expect((readResponse(pieces, limits: HeadLimits(head: head)).refusedStatus == 431) == refused)
        }
    }
}
