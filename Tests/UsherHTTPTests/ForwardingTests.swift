import NIOCore
import Testing

@testable import UsherHTTP

@Suite("copying fields")
struct ForwardingTests {
    private func copied(
        _ fields: String, dropping: HeaderSet = [], names: [String] = []
    ) -> String {
        let head = RequestHead()
        #expect(readRequest([wire("GET / HTTP/1.1\nHost: a\n\(fields)\n")[...]], with: head).verdict == .complete)
        var out = ByteBuffer()
        head.copyFields(to: &out, dropping: dropping, droppingNames: names.map { Array($0.utf8) })
        return String(buffer: out)
    }

    @Test("lines pass byte for byte, in their order, with their case and white space")
    func unchanged() {
        let lines = "accept:  x \r\nX-Odd:\ty\r\nX-ODD: z\r\n"
        #expect(copied("accept:  x \nX-Odd:\ty\nX-ODD: z\n") == "Host: a\r\n" + lines)
    }

    @Test(
        "connection-bound fields never pass, under any spelling",
        arguments: [
            "Connection: close", "Keep-Alive: 5", "Proxy-Connection: x", "Proxy_Connection: x", "TE: trailers",
            "Transfer-Encoding: chunked", "Upgrade: h2c", "Proxy-Authorization: x", "Proxy-Authenticate: x",
            "Proxy: http://x", "PROXY: x", "HTTP2-Settings: x", "keep_alive: 5",
        ])
    func hopByHop(line: String) {
        #expect(copied("X: 1\n\(line)\nY: 2\n") == "Host: a\r\nX: 1\r\nY: 2\r\n")
    }

    @Test("fields that Connection names do not pass")
    func listed() {
        #expect(copied("X-A: 1\nConnection: x-a, X_B\nX-B: 2\nX-C: 3\n") == "Host: a\r\nX-C: 3\r\n")
    }

    @Test("every choice of lines is left out and the others stay", arguments: 0..<32)
    func runs(mask: Int) {
        let names = ["a", "b", "c", "d", "e"]
        let dropped = names.indices.filter { mask & 1 << $0 != 0 }.map { names[$0] }
        let expected = names.filter { !dropped.contains($0) }.map { "\($0): 1\r\n" }.joined()
        #expect(
            copied("a: 1\nb: 1\nc: 1\nd: 1\ne: 1\n", dropping: [.host], names: dropped) == expected)
    }

    @Test("names to drop are compared without case and with _ as -")
    func names() {
        #expect(
            copied("X-Debug: 1\nx_debug: 2\nX-Debugger: 3\n", dropping: [.host], names: ["x-debug"])
                == "X-Debugger: 3\r\n")
    }

    @Test("what passed reads again as the same fields", arguments: RequestCorpus.all)
    func roundTrip(request: RequestCase) {
        let head = RequestHead()
        let first = readRequest([wire(request.text)[...]], with: head)
        guard first.verdict == .complete, head.method != .connect else { return }
        let rewritten = rewrite(head)
        let again = RequestHead()
        let second = readRequest([Array(rewritten.readableBytesView)[...]], with: again)
        #expect(second.verdict == .complete)
        #expect(second.target == first.target)
        #expect(second.method == first.method)
        #expect(second.framing == first.framing)
        #expect(second.rest == "")
    }
}

/// The head as a gateway would send it on, with the client's framing.
func rewrite(_ head: RequestHead) -> ByteBuffer {
    var out = ByteBuffer()
    out.writeString("\(head.string(head.methodSlice)) \(head.string(head.target)) HTTP/1.1\r\n")
    out.writeString("Host: \(head.authority.isEmpty ? "none" : head.string(head.authority))\r\n")
    head.copyFields(to: &out, dropping: [.host, .expect])
    if head.framing == .chunked { out.writeString("Transfer-Encoding: chunked\r\n") }
    out.writeString("\r\n")
    return out
}
