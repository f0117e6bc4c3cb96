import NIOCore
import Synchronization
import Testing
import UsherCore
import UsherTestKit
import UsherTransport

@Suite("Tunnels through real sockets", .timeLimit(.minutes(1)))
struct TunnelTests {
    private static let request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    private static let agreed = "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    /// A replica, a relay and a client in front of it.
    private static func stage(
        idle: Duration = .seconds(60), clientBuffer: Int? = nil, replicaBuffer: Int? = nil,
        _ script: @escaping ScriptedUpstream.Script,
        client body: (RawConnection, Relay, ScriptedUpstream) async throws -> Void
    ) async throws {
        let upstream = try await ScriptedUpstream.start(receiveBuffer: replicaBuffer, script: script)
        let relay = try await Relay.start(to: upstream.address, idle: idle)
        let listener = try await relay.listen()
        let client = try await RawClient.connect(port: listener.address?.port ?? 0, receiveBuffer: clientBuffer)
        try await body(client, relay, upstream)
        await client.close()
        try await relay.stop(listener)
        await upstream.stop()
    }

    /// Waits until the relay has noted this.
    private static func awaitNote(_ note: String, _ relay: Relay) async throws {
        var count = 0
        while !relay.notes.entries.contains(note) { count = try await relay.notes.wait(for: count + 1).count }
    }

    @Test("bytes pass both ways, those sent with the request and with the 101 included")
    func bothWays() async throws {
        try await Self.stage { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(Self.agreed + "with the 101;")
            #expect(String(buffer: try await peer.receive(count: 5)) == "early")
            #expect(String(buffer: try await peer.receive(count: 4)) == "ping")
            try await peer.send("pong")
            _ = try await peer.receiveUntilEnd()
        } client: { client, _, upstream in
            try await client.send(Self.request + "early")
            #expect(try await client.receive(through: "\r\n\r\n").contains("101 Switching"))
            #expect(try await client.receive(through: ";") == "with the 101;")
            try await client.send("ping")
            #expect(String(buffer: try await client.receive(count: 4)) == "pong")
            #expect(upstream.received[0].contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"))
        }
    }

    @Test("a 101 in pieces is the same 101")
    func pieces() async throws {
        try await Self.stage { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.sendByteByByte(Self.agreed + "x")
            _ = try await peer.receiveUntilEnd()
        } client: { client, _, _ in
            try await client.send(Self.request)
            #expect(try await client.receive(through: "\r\n\r\n").hasPrefix("HTTP/1.1 101 Switching\r\n"))
            #expect(String(buffer: try await client.receive(count: 1)) == "x")
        }
    }

    @Test("after a refusal the same connections carry the next request")
    func refusal() async throws {
        try await Self.stage { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
            #expect(try await peer.receive(through: "\r\n\r\n").hasPrefix("GET /next "))
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
            _ = try await peer.receiveUntilEnd()
        } client: { client, _, upstream in
            try await client.send(Self.request + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.receive(through: "no").contains("403 No"))
            #expect(try await client.receive(through: "yes").contains("200 OK"))
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("a client that closes: the replica gets all it sent, then the end, and the connection is not pooled")
    func clientCloses() async throws {
        let got = Mutex("")
        try await Self.stage { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(Self.agreed)
            let all = String(buffer: try await peer.receiveUntilEnd())
            got.withLock { $0 = all }
        } client: { client, relay, _ in
            try await client.send(Self.request)
            _ = try await client.receive(through: "\r\n\r\n")
            try await client.send("last words")
            await client.close()
            try await Self.awaitNote("replica gone", relay)
            #expect(relay.notes.entries.contains("client closed its tunnel"))
            #expect(try await relay.onLoop { $0.pool?.count } == 0)
        }
        #expect(got.withLock { $0 } == "last words")
    }

    @Test("a replica that closes: the client gets all it sent, then the end", arguments: [false, true])
    func replicaCloses(byReset: Bool) async throws {
        try await Self.stage { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(Self.agreed)
            #expect(String(buffer: try await peer.receive(count: 2)) == "go")
            if byReset { await peer.reset() } else { try await peer.send("last words") }
        } client: { client, relay, _ in
            try await client.send(Self.request)
            _ = try await client.receive(through: "\r\n\r\n")
            try await client.send("go")
            #expect(String(buffer: try await client.receiveUntilEnd()) == (byReset ? "" : "last words"))
            try await Self.awaitNote("tunnel ended", relay)
        }
    }

    @Test("silence both ways ends it after the idle time, traffic one way does not", arguments: [false, true])
    func idle(clientTalks: Bool) async throws {
        let talked = Signal()
        try await Self.stage(idle: .seconds(4)) { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(Self.agreed)
            // Each step is shorter than the idle time, all together are longer.
            for _ in 0..<10 {
                if clientTalks {
                    _ = try await peer.receive(count: 1)
                } else {
                    try await peer.send("x")
                    try await Task.sleep(for: .milliseconds(500))
                }
            }
            talked.fire()
            _ = try await peer.receiveUntilEnd()
        } client: { client, relay, _ in
            try await client.send(Self.request)
            _ = try await client.receive(through: "\r\n\r\n")
            if clientTalks {
                for _ in 0..<10 {
                    try await client.send("x")
                    try await Task.sleep(for: .milliseconds(500))
                }
            }
            try await talked.wait()
            #expect(!relay.notes.entries.contains("failed idleTimedOut"))
            try await client.waitForEnd()
            #expect(relay.notes.entries.contains("failed idleTimedOut"))
        }
    }

    // MARK: Back-pressure

    private static let total = 32 << 20
    /// What may lie between the sides: the kernel's buffers of one socket (4 MiB to send, 64 KiB to receive), which are
    /// counted as held, and a few pieces of ours.
    private static let heldMax = 12 << 20

    private static let pattern: ByteBuffer = {
        var random = SeededRandom(seed: 64)
        return ByteBuffer(bytes: (0..<65536).map { _ in UInt8(random.below(256)) })
    }()

    /// Bytes that tell their place, so that a lost, doubled or moved one is seen.
    private static func piece(at offset: Int) -> ByteBuffer {
        var buffer = self.pattern
        buffer.setInteger(UInt64(offset), at: 0)
        return buffer
    }

    private static func send(on peer: RawConnection) async throws {
        for offset in stride(from: 0, to: self.total, by: 65536) { try await peer.send(self.piece(at: offset)) }
    }

    /// Reads everything and says where the first wrong byte is; nil: none.
    private static func receive(on peer: RawConnection, _ relay: Relay) async throws -> Int? {
        for offset in stride(from: 0, to: self.total, by: 65536) {
            let piece = try await peer.receive(count: 65536)
            relay.delivered.add(65536, ordering: .relaxed)
            if piece != self.piece(at: offset) { return offset }
        }
        return nil
    }

    @Test("a replica that does not read stops the client, and nothing is lost when it reads again")
    func slowReplica() async throws {
        let relays = Journal<Relay>()
        let wrong = Journal<Int?>()
        try await Self.stage(replicaBuffer: 65536) { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(Self.agreed)
            let relay = try await relays.wait(for: 1)[0]
            try await relay.clientWaits.wait()
            wrong.note(try await Self.receive(on: peer, relay))
        } client: { client, relay, _ in
            relays.note(relay)
            try await client.send(Self.request)
            _ = try await client.receive(through: "\r\n\r\n")
            try await Self.send(on: client)
            #expect(try await wrong.wait(for: 1) == [nil])
            #expect(relay.peakHeld < Self.heldMax)
        }
    }

    @Test("a client that does not read stops the replica, and nothing is lost when it reads again")
    func slowClient() async throws {
        try await Self.stage(clientBuffer: 65536) { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(Self.agreed)
            try await Self.send(on: peer)
        } client: { client, relay, _ in
            try await client.send(Self.request)
            _ = try await client.receive(through: "\r\n\r\n")
            try await relay.replicaWaits.wait()
            #expect(try await Self.receive(on: client, relay) == nil)
            #expect(relay.peakHeld < Self.heldMax)
            // The replica's end follows its last byte.
            try await client.waitForEnd()
        }
    }

    @Test("what a client sent before it closed reaches a replica that reads slowly")
    func slowReplicaAtTheEnd() async throws {
        let relays = Journal<Relay>()
        let received = Journal<Int>()
        try await Self.stage(replicaBuffer: 65536) { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(Self.agreed)
            // The relay has bytes to send from now on, and when it hears of the client's end too.
            try await relays.wait(for: 1)[0].clientWaits.wait()
            received.note(try await peer.receiveUntilEnd().readableBytes)
        } client: { client, relay, _ in
            relays.note(relay)
            try await client.send(Self.request)
            _ = try await client.receive(through: "\r\n\r\n")
            let total = 8 << 20
            try await client.send(ByteBuffer(repeating: 1, count: total))
            await client.close()
            #expect(try await received.wait(for: 1) == [total])
            try await Self.awaitNote("replica gone", relay)
        }
    }
}
