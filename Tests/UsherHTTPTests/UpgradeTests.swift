import NIOCore
import Testing

@testable import UsherHTTP

@Suite("asking for another protocol")
struct UpgradeTests {
    private static func asked(_ text: String) -> String? {
        let head = RequestHead()
        guard readRequest([wire(text)[...]], with: head).verdict == .complete else { return "refused" }
        return head.upgrade.map { head.string($0) }
    }

    @Test(
        "one well-formed field may pass, whatever it lists",
        arguments: [
            ("websocket", "websocket"), ("WebSocket", "WebSocket"), ("  websocket\t", "websocket"),
            ("websocket/13, chat/2.0", "websocket/13, chat/2.0"), ("h2cx", "h2cx"),
            ("IRC/6.9 ,RTA/x11", "IRC/6.9 ,RTA/x11"),
        ])
    func passes(value: String, expected: String) {
        let text = "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: \(value)\n\n"
        #expect(Self.asked(text) == expected)
    }

    @Test(
        "what is malformed or another form of HTTP is dropped",
        arguments: [
            "", ",", "websocket,", ",websocket", "web socket", "websocket/", "/13", "websocket//13", "a/b/c", "\"x\"",
            "h2c", "H2C", "h2", "h2c/1", "websocket, h2c", "HTTP/2.0", "http", "TLS/1.0", "websocket;q=1",
            "a,b,c,d,e,f,g,h,i",
        ])
    func dropped(value: String) {
        #expect(Self.asked("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: \(value)\n\n") == nil)
    }

    @Test(
        "a request that cannot become a tunnel asks for nothing",
        arguments: [
            "GET / HTTP/1.0\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\n",
            "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n\n",
            "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\n\n",
            "GET / HTTP/1.1\nHost: a\nConnection: x\nUpgrade: websocket\n\n",
            "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nUpgrade: websocket\n\n",
            "POST / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nContent-Length: 1\n\nx",
            "POST / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nTransfer-Encoding: chunked\n\n",
        ])
    func impossible(text: String) {
        #expect(Self.asked(text) == nil)
    }

    @Test("an empty body is no body")
    func emptyBody() {
        let text = "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nContent-Length: 0\n\n"
        #expect(Self.asked(text) == "websocket")
    }

    @Test("nothing of an earlier request stays")
    func reused() {
        let head = RequestHead()
        _ = readRequest([wire("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")[...]], with: head)
        #expect(head.upgrade != nil)
        _ = readRequest([wire("GET / HTTP/1.1\nHost: a\n\n")[...]], with: head)
        #expect(head.upgrade == nil)
    }

    @Test("every split gives the same, also beside a target that is rewritten")
    func splits() {
        let bytes = wire("GET /%41/../b HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: x, upgrade\n\n")
        for pieces in Cutting.all(bytes) {
            let head = RequestHead()
            #expect(readRequest(pieces, with: head).verdict == .complete)
            #expect(head.upgrade.map { head.string($0) } == "websocket")
        }
    }

    @Test(
        "an answer switches protocols only when it says to what",
        arguments: [
            ("101 S\nConnection: upgrade\nUpgrade: websocket\n\n", "websocket"),
            ("101 S\nConnection: keep-alive, Upgrade\nUpgrade: a/1\n\n", "a/1"),
            ("101 S\nUpgrade: websocket\n\n", nil), ("101 S\nConnection: upgrade\n\n", nil),
            ("101 S\nConnection: upgrade\nUpgrade: h2c\n\n", nil),
            ("101 S\nConnection: upgrade\nUpgrade: a\nUpgrade: a\n\n", nil),
            ("426 R\nConnection: upgrade\nUpgrade: websocket\n\n", nil),
        ] as [(String, String?)])
    func answers(text: String, expected: String?) {
        let head = ResponseHead()
        #expect(readResponse([wire("HTTP/1.1 \(text)")[...]], with: head).verdict == .complete)
        #expect(head.upgrade.map { head.string($0) } == expected)
        _ = readResponse([wire("HTTP/1.1 200 OK\n\n")[...]], with: head)
        #expect(head.upgrade == nil)
    }

    @Test("an HTTP/1.0 answer cannot switch")
    func oldAnswer() {
        let head = ResponseHead()
        _ = readResponse([wire("HTTP/1.0 101 S\nConnection: upgrade\nUpgrade: websocket\n\n")[...]], with: head)
        #expect(head.upgrade == nil)
    }
}
