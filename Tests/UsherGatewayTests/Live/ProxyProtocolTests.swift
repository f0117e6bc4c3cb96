import NIOCore
import Testing
import UsherTestKit

@Suite("PROXY protocol and trusted hops", .timeLimit(.minutes(1)))
struct ProxyProtocolTests {
    private static func listener(_ trusted: String, _ more: String = "") -> String {
        "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [\(trusted)]\(more) }]\n"
    }

    private static let behindProxy = listener("127.0.0.0/8", ", proxy-protocol: true")
    private static let version1 = "PROXY TCP4 192.0.2.7 198.51.100.9 5000 80\r\n"
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    /// The same addresses, with four bytes behind them that mean nothing to Usher.
    private static let version2 =
        signature + [0x21, 0x11, 0, 16, 192, 0, 2, 7, 198, 51, 100, 9, 0x13, 0x88, 0, 80] + [4, 0, 1, 0]
    /// From 2001:db8::7.
    private static let version2IPv6: [UInt8] =
        signature + [0x21, 0x21, 0, 36, 0x20, 0x01, 0x0d, 0xb8] + .init(repeating: 0, count: 11) + [7]
        + [0x20, 0x01, 0x0d, 0xb8] + .init(repeating: 0, count: 11) + [9, 0x13, 0x88, 0, 80]
    private static let local: [UInt8] = signature + [0x20, 0x00, 0, 0]

    /// Answers with the client as the replica was told it.
    private static func upstream(_ stage: Stage) async throws -> ScriptedUpstream {
        try await stage.upstream { peer in
            while let request = try await peer.receiveRequest() {
                try await peer.send(Text.answer(request.values("x-forwarded-for").joined(separator: "|")))
            }
        }
    }

    @Test(
        "the client's address is the one in the header",
        arguments: [
            (Array(version1.utf8), "192.0.2.7"), (version2, "192.0.2.7"), (version2IPv6, "2001:db8::7"),
            (local, "127.0.0.1"), (Array("PROXY UNKNOWN\r\n".utf8), "127.0.0.1"),
        ])
    func address(header: [UInt8], client address: String) async throws {
        try await onStage { stage in
            let upstream = try await Self.upstream(stage)
            let gateway = try await stage.gateway(
                Self.behindProxy + "services: { web: { replicas: \(list(upstream)) } }")
            let client = try await stage.client(gateway)
            try await client.send(ByteBuffer(bytes: header + Array(Text.get().utf8)))
            #expect(try await client.receiveAnswer().text == address)
            #expect(try await client.ask().text == address)
            try await gateway.stop()
            #expect(try gateway.accessLog().map { $0["client"] as? String } == [address, address])
        }
    }

    @Test("a header may come in pieces, and a request in the same piece as its end", arguments: [1, 2])
    func pieces(version: Int) async throws {
        try await onStage { stage in
            let upstream = try await Self.upstream(stage)
            let gateway = try await stage.gateway(
                Self.behindProxy + "services: { web: { replicas: \(list(upstream)) } }")
            let client = try await stage.client(gateway)
            let header = version == 1 ? Array(Self.version1.utf8) : Self.version2
            for byte in header.dropLast() { try await client.send(ByteBuffer(bytes: [byte])) }
            try await client.send(ByteBuffer(bytes: header.suffix(1) + Array(Text.get().utf8)))
            #expect(try await client.receiveAnswer().text == "192.0.2.7")
        }
    }

    @Test("a peer that is not trusted cannot connect, and is counted")
    func untrusted() async throws {
        try await onStage { stage in
            let upstream = try await Self.upstream(stage)
            let gateway = try await stage.gateway(
                Self.listener("10.0.0.0/8", ", proxy-protocol: true")
                    + "services: { web: { replicas: \(list(upstream)) } }")
            let client = try await stage.client(gateway)
            client.sendInBackground(ByteBuffer(string: Self.version1 + Text.get()))
            try await client.waitForEnd()
            #expect(client.received.isEmpty)
            #expect(
                try await gateway.metric("usher_client_connections_refused_total{reason=\"untrusted-proxy\"}") == 1)
            #expect(upstream.connections.entries.isEmpty)
        }
    }

    @Test(
        "a trusted peer without a good header is closed without an answer, and counted",
        arguments: [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 99999 80\r\n", "\r\n\r\n\0nothing",
        ])
    func malformed(start: String) async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                Self.behindProxy + "routes: [{ respond: { status: 200, body: ok } }]")
            let client = try await stage.client(gateway)
            client.sendInBackground(ByteBuffer(string: start))
            try await client.waitForEnd()
            #expect(client.received.isEmpty)
            #expect(
                try await gateway.metric("usher_client_connections_refused_total{reason=\"bad-proxy-header\"}") == 1)
        }
    }

    @Test("without proxy-protocol a header is only a malformed request")
    func notWanted() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway("routes: [{ respond: { status: 200, body: ok } }]")
            let client = try await stage.client(gateway)
            client.sendInBackground(ByteBuffer(string: Self.version1 + Text.get()))
            #expect(try await client.receiveAnswer().status == 400)
        }
    }

    // MARK: Trusted hops

    @Test(
        "the log's client is the nearest hop that is not trusted",
        arguments: [
            ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
            ("X-Forwarded-For: 203.0.113.5, 192.0.2.7, 127.0.0.9\r\n", "192.0.2.7"),
            ("X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-For: 192.0.2.8\r\n", "192.0.2.8"),
            ("X-Forwarded-For: 192.0.2.7, nonsense\r\n", "127.0.0.1"), ("", "127.0.0.1"),
        ])
    func hops(fields: String, address: String) async throws {
        try await onStage { stage in
            let upstream = try await Self.upstream(stage)
            let gateway = try await stage.gateway(
                Self.listener("127.0.0.0/8")
                    + """
                    services: { web: { replicas: \(list(upstream)) } }
                    routes:
                      - { match: { path: /local }, respond: { status: 200 } }
                      - { match: { path: / }, service: web }
                    """)
            _ = try await gateway.ask(Text.get("/", fields))
            _ = try await gateway.ask(Text.get("/local", fields))
            _ = try await gateway.ask(Text.get("/nowhere", fields))
            try await gateway.stop()
            let clients = try gateway.accessLog().map { $0["client"] as? String }
            #expect(clients == [address, address, address])
        }
    }

    @Test("a stranger's word about itself is not believed")
    func stranger() async throws {
        try await onStage { stage in
            let upstream = try await Self.upstream(stage)
            let gateway = try await stage.gateway(
                Self.listener("10.0.0.0/8") + "services: { web: { replicas: \(list(upstream)) } }")
            #expect(try await gateway.ask(Text.get("/", "X-Forwarded-For: 192.0.2.7\r\n")).text == "127.0.0.1")
            try await gateway.stop()
            #expect(try gateway.accessLog().first?["client"] as? String == "127.0.0.1")
        }
    }

    @Test("CONNECT is refused with 501, and what follows it is not read as a request")
    func connect() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            client.sendInBackground(
                ByteBuffer(string: "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n" + Text.get()))
            #expect(try await client.receiveAnswer().status == 501)
            try await client.waitForEnd()
            #expect(upstream.connections.entries.isEmpty)
        }
    }
}
