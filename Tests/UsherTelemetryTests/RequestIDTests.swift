import NIOCore
import Testing
import UsherCore
import UsherHTTP

@testable import UsherTelemetry

@Suite struct RequestIDTests {
    private func head(_ fields: String) throws -> RequestHead {
        let head = RequestHead()
        var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")
        guard case .complete = head.parse(&buffer, limits: HeadLimits()) else {
            Issue.record("the test's own request is refused: \(fields)")
            return head
        }
        return head
    }

    private func trace() throws -> TraceContext {
        try #require(TraceContext(Array("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".utf8)))
    }

    private func text(_ id: RequestID, _ head: RequestHead) -> String {
        var buffer = ByteBuffer(string: "x-request-id: ")
        id.write(to: &buffer, head: head)
        return String(buffer: buffer)
    }

    @Test(
        "a readable id of the client is kept",
        arguments: [
            "a", "order-17", "7f3c9a8e-0b1d-4c55-9c1e-0c7b7a1f0001", "~!#$%&()*+-./:;<=>?@[]^_`{|}",
            String(repeating: "x", count: 128),
        ])
    func kept(id: String) throws {
        let head = try head("X-Request-Id: \(id)\r\n")
        let request = RequestID(head, trace: try trace())
        #expect(request.slice.map { head.string($0) } == id)
        #expect(text(request, head) == "x-request-id: \(id)")
    }

    @Test(
        "anything else makes the trace's id the request's",
        arguments: [
            "", "X-Request-Id:\r\n", "X-Request-Id: a b\r\n", "X-Request-Id: a,b\r\n", "X-Request-Id: \"a\"\r\n",
            "X-Request-Id: it's\r\n", "X-Request-Id: a\\b\r\n", "X-Request-Id: a\tb\r\n", "X-Request-Id: é\r\n",
            "X-Request-Id: a\r\nX-Request-Id: b\r\n", "X-Request-Id: a\r\nx-request-id: a\r\n",
            "X-Request-Id: \(String(repeating: "x", count: 129))\r\n",
        ])
    func replaced(fields: String) throws {
        let head = try head(fields)
        let request = RequestID(head, trace: try trace())
        #expect(request.slice == nil)
        #expect(text(request, head) == "x-request-id: 4bf92f3577b34da6a3ce929d0e0e4736")
    }

    @Test("of all bytes only visible ASCII without quotes, comma and backslash may stand in an id")
    func everyByte() {
        for byte in UInt8.min ... .max {
            let isVisible = (0x21...0x7e).contains(byte)
            let expected = isVisible && !"\"',\\".utf8.contains(byte)
            #expect(RequestID.isValid([0x61, byte].span) == expected, "byte \(byte)")
            #expect(RequestID.isValid([byte, 0x61].span) == expected, "byte \(byte)")
        }
    }
}
