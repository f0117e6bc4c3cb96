import NIOCore
import NIOEmbedded
import Testing
import UsherTransport

@Suite("A request's body on its way to a replica", .timeLimit(.minutes(1)))
struct UpstreamBodyTests {
    private func sent(_ channel: EmbeddedChannel) throws -> [String] {
        var sent: [String] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { sent.append(String(buffer: piece)) }
        return sent
    }

    @Test("small pieces leave as one, in their order among large ones")
    func joined() throws {
        // Each kept its whole read buffer in the channel's queue: a client that sent a byte at a time to a replica that
        // did not read cost 260 MiB before it was told to wait.
        let fixture = try UpstreamFixture()
        let (connection, channel) = (fixture.connection, fixture.channel)
        let large = String(repeating: "L", count: 10_000)
        for _ in 0..<1000 { connection.sendBody(ByteBuffer(string: "x")) }
        connection.sendBody(ByteBuffer(string: large))
        for _ in 0..<1000 { connection.sendBody(ByteBuffer(string: "y")) }
        #expect(try self.sent(channel) == [])
        connection.flush()
        #expect(
            try self.sent(channel) == [
                String(repeating: "x", count: 1000), large, String(repeating: "y", count: 1000),
            ])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("a connection whose small pieces wait takes no more once there are 64 KiB of them")
    func writability() throws {
        let fixture = try UpstreamFixture()
        let (connection, channel) = (fixture.connection, fixture.channel)
        let piece = ByteBuffer(repeating: 0, count: 1024)
        for _ in 0..<63 { connection.sendBody(piece) }
        #expect(connection.isWritable)
        connection.sendBody(piece)
        #expect(!connection.isWritable)
        connection.flush()
        #expect(connection.isWritable)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
