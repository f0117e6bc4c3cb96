import NIOCore
import Testing
import UsherTestKit

@Suite("WebSockets and other upgrades", .timeLimit(.minutes(1)))
struct TunnelTests {
    private static let agreement = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"

    @Test("bytes pass both ways after the 101, and the handshake's own fields pass as they are")
    func echo() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Self.agreement + "Sec-WebSocket-Accept: abc=\r\n\r\n")
                while let bytes = try await peer.receive() { try await peer.send(bytes) }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(
                Text.upgrade("/chat", "Sec-WebSocket-Key: dGhl\r\nSec-WebSocket-Version: 13\r\nOrigin: http://a\r\n"))
            let answer = try await client.receiveHead()
            #expect(answer.status == 101)
            #expect(answer.value("upgrade") == "websocket")
            #expect(answer.value("connection")?.lowercased() == "upgrade")
            #expect(answer.value("sec-websocket-accept") == "abc=")
            for text in ["a", "\u{0}\u{1}\r\n\r\nGET / HTTP/1.1\r\n\r\n", String(repeating: "long ", count: 50_000)] {
                #expect(try await client.echo(text) == text)
            }
            let request = upstream.received.joined()
            #expect(request.contains("Connection: Upgrade\r\nUpgrade: websocket\r\n"))
            #expect(request.contains("Sec-WebSocket-Key: dGhl\r\nSec-WebSocket-Version: 13\r\nOrigin: http://a\r\n"))
        }
    }

    @Test("what the client sends before the 101 reaches the replica after the request, and not before it agreed")
    func early() async throws {
        try await onStage { stage in
            let seen = Journal<String>()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveHead()
                seen.note(peer.received)
                try await peer.send(Self.agreement + "\r\n")
                seen.note(String(buffer: try await peer.receive(count: 5)))
                try await peer.send("and back")
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.upgrade() + "early")
            #expect(try await client.receiveHead().status == 101)
            #expect(String(buffer: try await client.receive(count: 8)) == "and back")
            let entries = try await seen.wait(for: 2)
            #expect(entries[0].hasSuffix("\r\n\r\n"))
            #expect(entries[1] == "early")
        }
    }

    @Test("what the replica sends together with its 101 follows it")
    func together() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Self.agreement + "\r\nhello")
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.upgrade())
            #expect(try await client.receiveHead().status == 101)
            #expect(String(buffer: try await client.receive(count: 5)) == "hello")
        }
    }

    @Test("a replica that does not agree answers as always, and the connection takes the next request")
    func refused() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    let isUpgrade = request.value("upgrade") != nil
                    try await peer.send(isUpgrade ? Text.answer("no", status: "403 Forbidden") : Text.ok)
                }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            let answer = try await client.ask(Text.upgrade())
            #expect(answer.status == 403 && answer.text == "no")
            #expect(answer.values("upgrade").isEmpty)
            #expect(try await client.ask().text == "ok")
            #expect(upstream.connections.entries.count == 1)
            #expect(try await gateway.metric("usher_tunnels_opened_total", of: upstream) == 0)
        }
    }

    @Test("any protocol may be switched to", arguments: ["foo", "chat/2", "websocket, foo/1"])
    func others(name: String) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.becomeTunnel(Text.upgrade("/", to: name))
            #expect(try await client.echo("x") == "x")
            #expect(upstream.received.joined().contains("Upgrade: \(name)\r\n"))
        }
    }

    @Test("another form of HTTP is never offered to a replica", arguments: ["h2c", "H2C", "h2c, websocket", "TLS/1.0"])
    func noHTTP2(name: String) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            let request = Text.upgrade("/", to: name, "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n")
            #expect(try await client.ask(request).text == "web")
            let seen = upstream.received.joined().lowercased()
            #expect(!seen.contains("upgrade"))
            #expect(!seen.contains("http2-settings"))
            #expect(try await client.ask().text == "web")
        }
    }

    @Test("a 101 that nobody asked for is a bad answer")
    func unasked() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Self.agreement + "\r\n")
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            #expect(try await gateway.ask(Text.get()).status == 502)
        }
    }

    @Test("a tunnel that is silent for longer than timeouts.idle is closed on both sides")
    func idle() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(to: upstream, keys: "timeouts: { idle: 300ms }")
            let client = try await stage.client(gateway)
            try await client.becomeTunnel()
            try await client.waitForEnd()
            try await upstream.connections.entries.first?.waitForEnd()
            try await gateway.stop()
            #expect((try gateway.accessLog().first?["why"] as? String)?.contains("silent") == true)
        }
    }

    @Test("timeouts.total and timeouts.response end no tunnel")
    func otherTimeouts() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(
                to: upstream, keys: "timeouts: { response: 1500ms, total: 1500ms, idle: 20s }")
            let client = try await stage.client(gateway)
            try await client.becomeTunnel()
            let end = ContinuousClock.now + .milliseconds(2000)
            var count = 0
            while ContinuousClock.now < end, try await client.echo("x") == "x" { count += 1 }
            #expect(count > 0)
            #expect(try await client.echo("after") == "after")
        }
    }

    @Test("a client that reads slowly slows the replica down, and one way does not hold up the other")
    func backPressure() async throws {
        try await onStage { stage in
            let size = 64 << 20
            let isHeldUp = Signal()
            let sent = Signal()
            let fromClient = Signal()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Self.agreement + "\r\n")
                let pump = Task {
                    try await peer.send(ByteBuffer(repeating: 0x61, count: size))
                    sent.fire()
                }
                if String(buffer: try await peer.receive(count: 4)) == "ping" { fromClient.fire() }
                if !sent.hasFired { isHeldUp.fire() }
                try await pump.value
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway, receiveBuffer: 1 << 16)
            try await client.becomeTunnel()
            try await client.send("ping")
            try await fromClient.wait()
            #expect(isHeldUp.hasFired)
            var left = size
            while left > 0 {
                let piece = min(left, 1 << 20)
                _ = try await client.receive(count: piece)
                left -= piece
            }
            try await sent.wait()
        }
    }

    @Test("when the replica closes, the client gets its last bytes and then the end")
    func replicaCloses() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Self.agreement + "\r\n")
                _ = try await peer.receive(count: 3)
                try await peer.send("last words")
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.becomeTunnel()
            try await client.send("bye")
            #expect(String(buffer: try await client.receiveUntilEnd()) == "last words")
            let labels = "{service=\"web\",endpoint=\"\(upstream.address)\"}"
            try await gateway.wait(for: "usher_endpoint_connections" + labels, toBe: 0)
        }
    }

    @Test("when the client closes, the replica gets its last bytes and then the end")
    func clientCloses() async throws {
        try await onStage { stage in
            let seen = Journal<String>()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Self.agreement + "\r\n")
                seen.note(String(buffer: try await peer.receiveUntilEnd()))
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.becomeTunnel()
            try await client.send("last words")
            await client.close()
            #expect(try await seen.wait(for: 1) == ["last words"])
        }
    }

    @Test("Usher that is told to stop lets tunnels go on, and ends when they have")
    func drain() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            let idle = try await stage.client(gateway)
            #expect(try await idle.ask().text == "web")
            try await client.becomeTunnel()
            await gateway.beginShutdown()
            // That idle connections are closed shows that draining has begun.
            try await idle.waitForEnd()
            #expect(try await client.echo("still") == "still")
            await client.close()
            try await gateway.stop()
        }
    }

    @Test("tunnels are counted while they are open, their bytes when they end, and the log has one line with 101")
    func counters() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Self.agreement + "\r\n")
                _ = try await peer.receive(count: 10)
                try await peer.send("seven b")
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.becomeTunnel(Text.upgrade("/chat"))
            #expect(try await gateway.metric("usher_tunnels", of: upstream) == 1)
            #expect(try await gateway.metric("usher_tunnels_opened_total", of: upstream) == 1)
            try await client.send("ten bytes!")
            #expect(String(buffer: try await client.receive(count: 7)) == "seven b")
            await client.close()
            let labels = "{service=\"web\",endpoint=\"\(upstream.address)\"}"
            try await gateway.wait(for: "usher_tunnels" + labels, toBe: 0)
            #expect(try await gateway.metric("usher_tunnels_opened_total" + labels) == 1)
            #expect(try await gateway.metric("usher_tunnel_received_bytes_total" + labels) == 10)
            #expect(try await gateway.metric("usher_tunnel_sent_bytes_total" + labels) == 7)
            #expect(
                try await gateway.metric("usher_requests_total{service=\"web\",route=\"*\",code=\"1xx\"}") == 1)
            try await gateway.stop()
            let lines = try gateway.accessLog()
            #expect(lines.count == 1)
            #expect(lines.first?["status"] as? Int == 101)
            #expect(lines.first?["path"] as? String == "/chat")
            #expect(lines.first?["replica"] as? String == "\(upstream.address)")
            #expect(lines.first?["why"] == nil)
        }
    }
}
