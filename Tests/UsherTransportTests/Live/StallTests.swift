import NIOCore
import Testing
import UsherCore
import UsherTestKit
import UsherTransport

@Suite("A client that takes nothing", .timeLimit(.minutes(1)))
struct StallTests {
    @Test("is cut off when its time is over, whatever it sends meanwhile")
    func sendingWithoutReading() async throws {
        // Everything that it sent gave it the whole time once more.
        let upstream = try await ScriptedUpstream.start { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
            try? await peer.send(ByteBuffer(repeating: 0, count: 20_000_000))
            _ = try await peer.waitForEnd()
        }
        let relay = try await Relay.start(to: upstream.address)
        let listener = try await relay.listen { $0.limits.writeStall = 300_000_000 }
        let client = try await RawClient.connect(port: listener.address?.port ?? 0, receiveBuffer: 4096)
        let windows = HTTP2Wire.settings([(4, 1 << 30)]) + HTTP2Wire.windowUpdate(0, 1 << 30)
        try await client.send(ByteBuffer(bytes: HTTP2Wire.preface + windows + HTTP2Wire.get(1)))
        var isOver = false
        for _ in 0..<200 where !isOver {
            // The pace is what is tested: a frame well within the time, again and again.
            try await Task.sleep(for: .milliseconds(50))
            client.sendInBackground(ByteBuffer(bytes: HTTP2Wire.ping()))
            isOver = relay.notes.entries.contains("client timedOut")
        }
        #expect(isOver)
        await client.close()
        try await relay.stop(listener)
        await upstream.stop()
    }
}
