import NIOCore
import Testing
import UsherCore
import UsherTestKit
import UsherTransport

@Suite("Listeners, the PROXY protocol and changes while they run", .timeLimit(.minutes(1)))
struct ListenerTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func stage(
        _ change: @escaping @Sendable (inout Listener.Configuration) -> Void = { _ in },
        _ body: (Relay, BoundListener, Int) async throws -> Void
    ) async throws {
        let upstream = try await ScriptedUpstream.answering()
        let relay = try await Relay.start(to: upstream.address)
        let listener = try await relay.listen(change)
        try await body(relay, listener, listener.address?.port ?? 0)
        try await relay.stop(listener)
        await upstream.stop()
    }

    private static func trusting(_ text: String) -> [IPRange] {
        (try? IPRange(text: text)).map { [$0] } ?? []
    }

    private static let behindProxy: @Sendable (inout Listener.Configuration) -> Void = {
        $0.proxyProtocol = true
        $0.trustedProxies = Self.trusting("127.0.0.0/8")
    }

    @Test(
        "a trusted peer's header tells whose connection it is",
        arguments: [
            ("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n", "192.0.2.7 to 198.51.100.1"),
            ("PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "2001:db8::7 to 2001:db8::1"),
            ("PROXY UNKNOWN\r\n", "127.0.0.1 to 127.0.0.1"),
        ])
    func header(header: String, addresses: String) async throws {
        try await Self.stage(Self.behindProxy) { relay, _, port in
            let whole = try await RawClient.connect(port: port)
            try await whole.send(header + Self.get)
            #expect(try await whole.receive(through: "ok").contains("200 OK"))
            try await whole.send(Self.get)
            #expect(try await whole.receive(through: "ok").contains("200 OK"))
            let drip = try await RawClient.connect(port: port)
            try await drip.sendByteByByte(header + Self.get)
            #expect(try await drip.receive(through: "ok").contains("200 OK"))
            let opened = relay.notes.entries.filter { $0.hasPrefix("opened") }
            #expect(opened == ["opened at 3 from \(addresses)", "opened at 3 from \(addresses)"])
            await whole.close()
            await drip.close()
        }
    }

    @Test("what is accepted sends without delay, as its listener was told to")
    func withoutDelay() async throws {
        try await Self.stage { relay, _, port in
            let client = try await RawClient.connect(port: port)
            try await client.send(Self.get)
            #expect(try await client.receive(through: "ok").contains("200 OK"))
            #expect(relay.isWithoutDelay.entries == [true])
            await client.close()
        }
    }

    @Test("anybody else is closed at once and counted")
    func untrusted() async throws {
        try await Self.stage {
            $0.proxyProtocol = true
            $0.trustedProxies = Self.trusting("10.0.0.0/8")
        } _: { relay, _, port in
            let client = try await RawClient.connect(port: port)
            client.sendInBackground(ByteBuffer(string: "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n\(Self.get)"))
            try await client.waitForEnd()
            #expect(relay.notes.entries == ["refused untrustedProxy"])
        }
    }

    @Test(
        "a trusted peer without a header is closed and counted",
        arguments: [get, "PROXY TCP4 x\r\n", "\u{16}\u{3}\u{1}"])
    func noHeader(bytes: String) async throws {
        try await Self.stage(Self.behindProxy) { relay, _, port in
            let client = try await RawClient.connect(port: port)
            client.sendInBackground(ByteBuffer(string: bytes))
            try await client.waitForEnd()
            #expect(relay.notes.entries.first == "refused badProxyHeader")
        }
    }

    @Test("a header that does not come in time is none", arguments: ["", "PROXY TC"])
    func lateHeader(bytes: String) async throws {
        try await Self.stage {
            Self.behindProxy(&$0)
            $0.limits.headTime = 100_000_000
        } _: { relay, _, port in
            let client = try await RawClient.connect(port: port)
            try await client.send(bytes)
            try await client.waitForEnd()
            #expect(relay.notes.entries.first == "refused badProxyHeader")
        }
    }

    @Test("a peer that goes away before its header leaves nothing behind")
    func goneBeforeHeader() async throws {
        try await Self.stage(Self.behindProxy) { relay, _, port in
            let silent = try await RawClient.connect(port: port)
            try await silent.send("PROXY")
            await silent.close()
            let other = try await RawClient.connect(port: port)
            try await other.send("PROXY UNKNOWN\r\n" + Self.get)
            _ = try await other.receive(through: "ok")
            let told = relay.notes.entries.filter { $0.hasPrefix("opened") || $0.hasPrefix("refused") }
            #expect(told == ["opened at 3 from 127.0.0.1 to 127.0.0.1"])
            await other.close()
        }
    }

    @Test("a new configuration holds for the next connection and leaves those that are there alone")
    func update() async throws {
        try await Self.stage { relay, listener, port in
            let first = try await RawClient.connect(port: port)
            try await first.send(Self.get)
            _ = try await first.receive(through: "ok")
            try await relay.onLoop { _ in Self.behindProxy(&listener.configuration) }
            let second = try await RawClient.connect(port: port)
            try await second.send("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n\(Self.get)")
            _ = try await second.receive(through: "ok")
            try await first.send(Self.get)
            _ = try await first.receive(through: "ok")
            #expect(
                relay.notes.entries.filter { $0.hasPrefix("opened") } == [
                    "opened at 3 from 127.0.0.1 to 127.0.0.1", "opened at 3 from 192.0.2.7 to 198.51.100.1",
                ])
            #expect(try await relay.onLoop { $0.connections.map(\.listener.id) } == [3, 3])
            await first.close()
            await second.close()
        }
    }

    @Test("a closed listener takes nobody, keeps whom it has, and closes twice without complaint")
    func close() async throws {
        try await Self.stage { _, listener, port in
            let client = try await RawClient.connect(port: port)
            try await client.send(Self.get)
            _ = try await client.receive(through: "ok")
            try await listener.close().get()
            try await listener.close().get()
            await #expect(throws: (any Error).self) { _ = try await RawClient.connect(port: port) }
            try await client.send(Self.get)
            _ = try await client.receive(through: "ok")
            await client.close()
        }
    }
}
