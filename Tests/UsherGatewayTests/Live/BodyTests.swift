import Foundation
import NIOCore
import Testing
import UsherTestKit

@Suite("Bodies, both ways", .timeLimit(.minutes(1)))
struct BodyTests {
    @Test("a chunked upload keeps its bytes and trailers")
    func chunkedUpload() async throws {
        try await onStage { stage in
            let seen = Journal<ReceivedMessage>()
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    seen.note(request)
                    try await peer.send(Text.ok)
                }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(
                "PUT /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n")
            try await client.send("1;name=value\r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 42\r\n\r\n")
            #expect(try await client.receiveAnswer().status == 200)
            let request = try await seen.wait(for: 1)[0]
            #expect(request.text == "hello world")
            #expect(request.trailers.map(\.name) == ["X-Sum"])
            #expect(request.trailers.map(\.value) == ["42"])
            #expect(request.values("content-length").isEmpty)
        }
    }

    @Test("a chunked answer keeps its bytes and trailers, and the connection goes on")
    func chunkedAnswer() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(
                answering: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                    + "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n")
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for _ in 1...2 {
                try await client.send(Text.get())
                let answer = try await client.receiveAnswer()
                #expect(answer.text == "hello world")
                #expect(answer.trailers.map(\.value) == ["42"])
                #expect(answer.values("transfer-encoding") == ["chunked"])
            }
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("an answer that ends with the replica's close is chunked for the client, who keeps the connection")
    func closeDelimited() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil ")
                try await peer.send("the end")
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for _ in 1...2 {
                try await client.send(Text.get())
                let answer = try await client.receiveAnswer()
                #expect(answer.text == "until the end")
                #expect(answer.value("transfer-encoding") == "chunked")
            }
            #expect(upstream.connections.entries.count == 2)
        }
    }

    @Test("an HTTP/1.0 replica's answer passes, and its connection is used once")
    func oldReplica() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold")
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for _ in 1...2 {
                try await client.send(Text.get())
                let answer = try await client.receiveAnswer()
                #expect(answer.startLine == "HTTP/1.1 200 OK")
                #expect(answer.text == "old")
            }
        }
    }

    @Test(
        "answers without a body: the next one on the connection is told apart",
        arguments: [
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "1000"),
            ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", nil),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", nil),
            ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"a\"\r\n\r\n", "1000"),
            ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0"),
        ] as [(String, String, String?)])
    func withoutBody(method: String, answer: String, length: String?) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(answering: answer)
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for _ in 1...3 {
                try await client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
                let received = try await client.receiveAnswer(to: method)
                #expect(answer.hasPrefix(received.startLine + "\r\n"))
                #expect(received.value("content-length") == length)
            }
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("64 MiB go down intact, whether their length is known or not", arguments: [true, false])
    func largeAnswer(hasLength: Bool) async throws {
        try await onStage { stage in
            let body = Self.pattern(64 << 20)
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(
                    "HTTP/1.1 200 OK\r\n\(hasLength ? "Content-Length: \(body.readableBytes)\r\n" : "")\r\n")
                try await peer.send(body)
            }
            let gateway = try await stage.gateway(to: upstream)
            let answer = try await gateway.ask(Text.get())
            #expect(answer.body == body, "\(answer.body.readableBytes) bytes arrived")
        }
    }

    @Test("64 MiB go up intact, whether their length is known or not", arguments: [true, false])
    func largeUpload(hasLength: Bool) async throws {
        try await onStage { stage in
            let body = Self.pattern(64 << 20)
            let arrived = Journal<Bool>()
            let upstream = try await stage.upstream { peer in
                guard let request = try await peer.receiveRequest() else { return }
                arrived.note(request.body == body)
                try await peer.send(Text.ok)
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            let framing = hasLength ? "Content-Length: \(body.readableBytes)" : "Transfer-Encoding: chunked"
            try await client.send("PUT / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
            if hasLength {
                try await client.send(body)
            } else {
                var rest = body
                while let piece = rest.readSlice(length: min(1_000_003, rest.readableBytes)), piece.readableBytes > 0 {
                    try await client.send(String(piece.readableBytes, radix: 16) + "\r\n")
                    try await client.send(piece)
                    try await client.send("\r\n")
                }
                try await client.send("0\r\n\r\n")
            }
            #expect(try await client.receiveAnswer().status == 200)
            #expect(try await arrived.wait(for: 1) == [true])
        }
    }

    @Test("a body over limits.body is 413: at once by its length, in the middle when chunked")
    func bodyLimit() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                """
                limits: { body: 1KiB }
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes:
                  - { match: { path: /big }, limits: { body: 4KiB }, service: web }
                  - { service: web }
                """)
            #expect(try await gateway.ask(Text.post("/", body: String(repeating: "x", count: 1024))).status == 200)
            #expect(try await gateway.ask(Text.post("/big", body: String(repeating: "x", count: 4096))).status == 200)
            let refused = try await gateway.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n")
            #expect(refused.status == 413)
            let client = try await stage.client(gateway)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n300\r\n")
            try await client.send(
                String(repeating: "x", count: 0x300) + "\r\n300\r\n" + String(repeating: "y", count: 0x300))
            #expect(try await client.receiveAnswer().status == 413)
            try await client.waitForEnd()
        }
    }

    @Test("a body that grows over the limit while its answer already flows is cut off, not answered twice")
    func bodyLimitInsideAnswer() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveHead()
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(
                "limits: { body: 1KiB }\nservices: { web: { replicas: [\"\(upstream.address)\"] } }")
            let client = try await stage.client(gateway)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            _ = try await client.receive(through: "begun")
            client.sendInBackground(.init(string: "1000\r\n" + String(repeating: "y", count: 0x1000)))
            try await client.waitForEnd()
            #expect(client.received.components(separatedBy: "HTTP/1.1").count == 2, "\(client.received)")
        }
    }

    /// Bytes that repeat at no power of two, so that a lost or doubled block shows.
    static func pattern(_ count: Int) -> ByteBuffer {
        let period = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(count)
        while buffer.readableBytes + period.count <= count { buffer.writeBytes(period) }
        buffer.writeBytes(period.prefix(count - buffer.readableBytes))
        return buffer
    }
}
