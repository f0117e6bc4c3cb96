import NIOCore
import Testing
import UsherTestKit

@Suite("Expect: 100-continue and interim answers", .timeLimit(.minutes(1)))
struct ExpectationTests {
    private static let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"

    @Test("the replica's 100 reaches the client, then the body the replica, then the answer the client")
    func relayed() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                let head = try await peer.receiveHead()
                #expect(head.value("expect") == "100-continue")
                try await peer.send("HTTP/1.1 100 Continue\r\n\r\n")
                let body = try await peer.receive(count: 4)
                try await peer.send(Text.answer(String(buffer: body)))
                while let next = try await peer.receiveRequest() { try await peer.send(Text.answer(next.target)) }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Self.head)
            #expect(try await client.receiveHead().startLine == "HTTP/1.1 100 Continue")
            try await client.send("body")
            #expect(try await client.receiveAnswer().text == "body")
            try await client.send(Text.get("/next"))
            #expect(try await client.receiveAnswer().text == "/next")
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("a final answer without 100 ends the exchange; the body that was never sent is not waited for")
    func refusedByReplica() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveHead()
                try await peer.send(Text.answer("no", status: "403 Forbidden"))
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Self.head)
            let answer = try await client.receiveAnswer()
            #expect(answer.status == 403)
            #expect(answer.value("connection") == "close")
            try await client.waitForEnd()
        }
    }

    @Test("a client that does not wait for 100 is served all the same")
    func impatient() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() { try await peer.send(Text.answer(request.text)) }
            }
            let gateway = try await stage.gateway(to: upstream)
            #expect(try await gateway.ask(Self.head + "body").text == "body")
        }
    }

    @Test("an unknown expectation is 417")
    func unknown() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let answer = try await gateway.ask(Text.get("/", "Expect: tea\r\n"))
            #expect(answer.status == 417)
            #expect(upstream.received.isEmpty)
        }
    }

    @Test("interim answers pass in order before the final one, for HTTP/1.1 clients")
    func interim() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(
                answering:
                    "HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\nConnection: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                    + Text.ok)
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            let hints = try await client.receiveAnswer()
            #expect(hints.status == 103)
            #expect(hints.value("link") == "</s.css>")
            #expect(hints.values("connection").isEmpty)
            #expect(try await client.receiveAnswer().status == 102)
            #expect(try await client.receiveAnswer().text == "ok")
            let old = try await gateway.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            #expect(old.status == 200)
        }
    }

    @Test("101 that nobody asked for is 502, and the connection is used no more")
    func unaskedSwitch() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            #expect(try await gateway.ask(Text.get()).status == 502)
        }
    }
}
