import NIOCore
import Testing
import UsherTestKit

@Suite("Client connections", .timeLimit(.minutes(1)))
struct ConnectionTests {
    @Test("a connection serves one request after another over one replica connection")
    func keepAlive() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for number in 1...5 {
                try await client.send(Text.get("/\(number)"))
                let answer = try await client.receiveAnswer()
                #expect(answer.status == 200)
                #expect(answer.text == "ok")
                #expect(answer.values("connection").isEmpty)
            }
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("ten pipelined requests, some answered by Usher itself and one a POST, are answered in order")
    func pipelining() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    try await peer.send(Text.answer("\(request.method) \(request.target) \(request.text)"))
                }
            }
            let gateway = try await stage.gateway(
                """
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes:
                  - { match: { path: /local }, respond: { status: 200, body: local } }
                  - service: web
                """)
            let client = try await stage.client(gateway)
            var text = ""
            for number in 0..<10 {
                switch number {
                case 3, 7: text += Text.get("/local")
                case 5: text += Text.post("/\(number)", body: "five")
                default: text += Text.get("/\(number)")
                }
            }
            try await client.send(text)
            for number in 0..<10 {
                let answer = try await client.receiveAnswer()
                switch number {
                case 3, 7: #expect(answer.text == "local")
                case 5: #expect(answer.text == "POST /5 five")
                default: #expect(answer.text == "GET /\(number) ")
                }
            }
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("a thousand pipelined local answers come back in order and complete")
    func longPipeline() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway("routes: [{ respond: { status: 200, body: local } }]")
            let client = try await stage.client(gateway)
            client.sendInBackground(.init(string: String(repeating: Text.get("/"), count: 1000)))
            for _ in 0..<1000 {
                let answer = try await client.receiveAnswer()
                #expect(answer.status == 200)
            }
            try await client.send(Text.get("/", "Connection: close\r\n"))
            #expect(try await client.receiveAnswer().value("connection") == "close")
            #expect(try await client.waitForEnd() == .closed)
        }
    }

    @Test("a request that comes byte by byte reaches the replica as any other")
    func byteByByte() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() { try await peer.send(Text.answer(request.text)) }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.sendByteByByte(Text.post("/drip", body: "drop"))
            #expect(try await client.receiveAnswer().text == "drop")
            try await client.sendByteByByte(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n"
            )
            #expect(try await client.receiveAnswer().text == "abcde")
        }
    }

    @Test("an HTTP/1.0 client gets its answer and the connection closes")
    func oldClient() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            let answer = try await client.receiveAnswer()
            #expect(answer.startLine == "HTTP/1.1 200 OK")
            #expect(answer.value("connection") == "close")
            #expect(try await client.waitForEnd() == .closed)
            #expect(upstream.received.joined().hasPrefix("GET / HTTP/1.1\r\n"))
        }
    }

    @Test("an HTTP/1.0 client that asks for keep-alive keeps its connection")
    func oldClientKeepsAlive() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(to: try await stage.upstream())
            let client = try await stage.client(gateway)
            for _ in 1...2 {
                try await client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
                let answer = try await client.receiveAnswer()
                #expect(answer.value("connection") == "keep-alive")
                #expect(answer.text == "ok")
            }
        }
    }

    @Test("a chunked answer reaches an HTTP/1.0 client without chunks, ended by the close")
    func oldClientChunked() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(
                answering:
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX-End: 1\r\n\r\n"
            )
            let gateway = try await stage.gateway(to: upstream)
            let answer = try await gateway.ask("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            #expect(answer.values("transfer-encoding").isEmpty)
            #expect(answer.value("connection") == "close")
            #expect(answer.text == "abcdef")
        }
    }

    @Test("Connection: close is honoured, and what follows on the connection is not served")
    func close() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/first", "Connection: close\r\n") + Text.get("/second"))
            #expect(try await client.receiveAnswer().value("connection") == "close")
            #expect(try await client.receiveUntilEnd().readableBytes == 0)
            #expect(!upstream.received.joined().contains("/second"))
        }
    }

    @Test("an idle connection is closed after limits.idle, without a word")
    func idle() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway("limits: { idle: 3s }\nroutes: [{ respond: { status: 200 } }]")
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            _ = try await client.receiveAnswer()
            #expect(try await client.waitForEnd() == .closed)
            #expect(!client.received.contains("408"))
        }
    }

    @Test("above connections-per-client a connection is closed at once, and counted")
    func connectionsPerClient() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                "limits: { connections-per-client: 2 }\nroutes: [{ respond: { status: 200 } }]")
            var clients: [RawConnection] = []
            for _ in 0..<2 {
                let client = try await stage.client(gateway)
                try await client.send(Text.get())
                _ = try await client.receiveAnswer()
                clients.append(client)
            }
            let refused = try await stage.client(gateway)
            try await refused.waitForEnd()
            #expect(refused.received.isEmpty)
            #expect(
                try await gateway.metric("usher_client_connections_refused_total{reason=\"connections-per-client\"}")
                    == 1)
            await clients[0].close()
            try await gateway.wait(for: "usher_client_connections", toBe: 1)
            #expect(try await gateway.ask(Text.get()).status == 200)
        }
    }
}
