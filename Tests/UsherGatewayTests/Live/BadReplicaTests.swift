import NIOCore
import Testing
import UsherTestKit

@Suite("Replicas that lie", .timeLimit(.minutes(1)))
struct BadReplicaTests {
    @Test(
        "what is no HTTP/1.1 answer is 502, is not tried again, and its connection is not used again",
        arguments: [
            "SSH-2.0-OpenSSH\r\n", "\0\0\0\u{12}\u{4}", "HTTP/2 200\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n",
            "HTTP/1.1 2000 X\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        ])
    func garbage(answer: String) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while try await peer.receiveRequest() != nil { try await peer.send(answer) }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for _ in 1...2 {
                try await client.send(Text.get())
                #expect(try await client.receiveAnswer().status == 502)
            }
            #expect(upstream.connections.entries.count == 2)
        }
    }

    @Test("a head that never ends is 502")
    func endlessHead() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                peer.sendInBackground(
                    ByteBuffer(
                        string: "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Filler: 0123456789\r\n", count: 10_000)))
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            #expect(try await gateway.ask(Text.get()).status == 502)
        }
    }

    @Test("a body that is shorter than its length is cut off visibly, not ended in order")
    func shortBody() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/", "Connection: keep-alive\r\n"))
            await #expect(throws: TestKitError.self) { _ = try await client.receiveAnswer() }
            #expect(client.received.hasSuffix("short"))
        }
    }

    @Test("a chunked body that breaks off has no last chunk for the client either")
    func brokenChunks() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo")
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            await #expect(throws: TestKitError.self) { _ = try await client.receiveAnswer() }
            #expect(!client.received.contains("0\r\n\r\n"))
        }
    }

    @Test(
        "bytes behind an answer reach no client, and their connection is not used again",
        arguments: ["extra", Text.answer("second"), "\r\n"])
    func twoAnswers(extra: String) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while try await peer.receiveRequest() != nil { try await peer.send(Text.answer("first") + extra) }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for _ in 1...3 {
                try await client.send(Text.get())
                #expect(try await client.receiveAnswer().text == "first")
            }
            #expect(!client.received.contains("second"))
            #expect(!client.received.contains("extra"))
            #expect(upstream.connections.entries.count == 3)
        }
    }

    @Test("an answer that arrives on an idle connection is nobody's")
    func unaskedAnswer() async throws {
        try await onStage { stage in
            let sent = Signal()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Text.answer("asked"))
                try await peer.send(Text.answer("unasked"))
                sent.fire()
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            #expect(try await client.receiveAnswer().text == "asked")
            try await sent.wait()
            try await gateway.wait(for: "usher_client_connections", toBe: 1)
            try await client.send(Text.get())
            #expect(try await client.receiveAnswer().text == "asked")
        }
    }

    @Test("an answer that begins before the request's body was read ends the exchange in order")
    func earlyAnswer() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveHead()
                try await peer.send(Text.answer("too large", status: "413 Content Too Large"))
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nbegin")
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 413)
            #expect(answer.value("connection") == "close")
            try await client.waitForEnd()
        }
    }

    @Test("a half head and then the close is 502")
    func halfHead() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Le")
            }
            let gateway = try await stage.gateway(to: upstream)
            #expect(try await gateway.ask(Text.get()).status == 502)
        }
    }

    @Test("hop-by-hop fields of a replica end at Usher")
    func hopByHop() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(
                answering: Text.answer(
                    "ok", "Connection: keep-alive, X-Secret\r\nKeep-Alive: timeout=5\r\nX-Secret: 1\r\nX-Kept: 1\r\n"))
            let gateway = try await stage.gateway(to: upstream)
            let answer = try await gateway.ask(Text.get())
            #expect(answer.values("x-secret").isEmpty)
            #expect(answer.values("keep-alive").isEmpty)
            #expect(answer.values("connection").isEmpty)
            #expect(answer.value("x-kept") == "1")
        }
    }
}
