import NIOCore
import Testing
import UsherTestKit

@Suite("Requests that are refused", .timeLimit(.minutes(1)))
struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var status: Int
        var name: String
        var request: String

        var testDescription: String { "\(self.status): \(self.name)" }

        init(_ status: Int, _ name: String, _ request: String) {
            self.status = status
            self.name = name
            self.request = request
        }
    }

    private static func post(_ fields: String, _ body: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
    }

    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    static let cases: [Case] = [
        Case(400, "no Host", "GET / HTTP/1.1\r\n\r\n"),
        Case(400, "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        Case(400, "space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case(400, "not HTTP", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n"),
        Case(400, "NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
        Case(400, "bare LF", "GET / HTTP/1.1\nHost: a\n\n"),
        Case(400, "bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
        Case(400, "obs-fold", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
        Case(400, "space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n"),
        Case(400, "encoded NUL", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case(400, "authority that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        Case(414, "long request line", "GET /\(String(repeating: "a", count: 8200)) HTTP/1.1\r\nHost: a\r\n\r\n"),
        Case(431, "long field", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 17000))\r\n\r\n"),
        Case(
            431, "too many fields",
            "GET / HTTP/1.1\r\nHost: a\r\n" + (0..<101).map { "X\($0): 1\r\n" }.joined() + "\r\n"),
        Case(417, "unknown expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"),
        Case(505, "HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        Case(505, "HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        Case(501, "CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
        Case(501, "a coding that is not chunked", post("Transfer-Encoding: gzip\r\n")),
        // Smuggling: two readers could see different ends of the body.
        Case(400, "CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled)),
        Case(400, "TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "12\r\n" + smuggled)),
        Case(400, "differing lengths", post("Content-Length: 4\r\nContent-Length: 50\r\n", "body" + smuggled)),
        Case(400, "length list", post("Content-Length: 4, 50\r\n", "body" + smuggled)),
        Case(400, "signed length", post("Content-Length: +4\r\n", "body" + smuggled)),
        Case(400, "length with a space inside", post("Content-Length: 4 0\r\n", "body" + smuggled)),
        Case(400, "length in hexadecimal", post("Content-Length: 0x4\r\n", "body" + smuggled)),
        Case(400, "overflowing length", post("Content-Length: 18446744073709551620\r\n", "body" + smuggled)),
        Case(400, "underscored length", post("Content_Length: 4\r\n", "body" + smuggled)),
        Case(
            400, "two Transfer-Encodings",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n" + smuggled)),
        Case(400, "chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n" + smuggled)),
        Case(400, "chunked not last", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n" + smuggled)),
        Case(400, "tab before chunked's colon", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n" + smuggled)),
        Case(
            400, "chunked in HTTP/1.0",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled),
        Case(
            400, "Connection names a framing field", post("Connection: content-length\r\nContent-Length: 4\r\n", "body")
        ),
    ]

    @Test("gets its status and a short body, the connection closes, and no replica sees a byte", arguments: cases)
    func refused(_ sample: Case) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            client.sendInBackground(.init(string: sample.request))
            let answer = try await client.receiveAnswer()
            #expect(sample.status == answer.status || sample.name.hasPrefix("chunked ") && answer.status == 501)
            #expect(answer.value("connection") == "close")
            #expect((1...200).contains(answer.body.readableBytes))
            #expect(try await client.receiveUntilEnd().readableBytes == 0)
            #expect(upstream.received.joined().isEmpty)
        }
    }

    @Test("TRACE is 405 and never reaches a replica")
    func trace() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            #expect(try await gateway.ask("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").status == 405)
            #expect(upstream.received.joined().isEmpty)
        }
    }

    @Test(
        "a body that breaks the chunk rules is refused, and the replica never gets it as a whole request",
        arguments: [
            "g\r\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcX0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n", "-1\r\nabc\r\n0\r\n\r\n", "ffffffffffffffff3\r\nabc\r\n0\r\n\r\n",
            "3\r\nabc\r\n0\r\nA\r\n\r\n",
            "3\r\nabc\r\n0\r\nContent-Length : 4\r\n\r\n", "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n",
            "3;a=\(String(repeating: "a", count: 9000))\r\nabc\r\n0\r\n\r\n",
        ])
    func brokenChunks(body: String) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            client.sendInBackground(
                .init(string: Self.post("Transfer-Encoding: chunked\r\n", body + Self.smuggled)))
            let answer = try await client.receiveAnswer()
            #expect([400, 413, 431].contains(answer.status), "\(answer.head)")
            try await client.waitForEnd()
            let seen = upstream.received.joined()
            #expect(!seen.contains("/smuggled"))
            #expect(!seen.contains("0\r\n\r\n"))
        }
    }

    @Test("what is one request for us is one request for the replica: nothing of the body becomes a request")
    func onlyOneRequest() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() { try await peer.send(Text.answer(request.target)) }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(
                Self.post("Content-Length: \(Self.smuggled.utf8.count)\r\n", Self.smuggled) + Text.get("/after"))
            #expect(try await client.receiveAnswer().text == "/")
            #expect(try await client.receiveAnswer().text == "/after")
        }
    }

    @Test("a head that takes longer than head-time is 408, however steadily its bytes drip")
    func slowHead() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                "limits: { head-time: 500ms }\nservices: { web: { replicas: [\"\(upstream.address)\"] } }")
            let client = try await stage.client(gateway)
            let drip = Task {
                for _ in 0..<1000 {
                    try? await client.send(".")
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            try await client.send("GET /slow")
            let answer = try await client.receiveAnswer()
            drip.cancel()
            #expect(answer.status == 408)
            try await client.waitForEnd()
            #expect(upstream.received.isEmpty)
        }
    }

    @Test("refusals are counted by status and logged with what was understood")
    func counted() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway("routes: [{ respond: { status: 200 } }]")
            for _ in 1...3 { _ = try await gateway.ask("GET / HTTP/1.1\r\n\r\n") }
            _ = try await gateway.ask("GET / HTTP/3.0\r\nHost: a\r\n\r\n")
            #expect(try await gateway.metric("usher_refused_requests_total{status=\"400\"}") == 3)
            #expect(try await gateway.metric("usher_refused_requests_total{status=\"505\"}") == 1)
            try await gateway.stop()
            #expect(try gateway.accessLog().map { $0["status"] as? Int } == [400, 400, 400, 505])
        }
    }
}
