import NIOCore
import NIOEmbedded
import UsherHTTP
import UsherTransport

/// One client connection in a channel without a socket.
struct ServerFixture {
    let channel = EmbeddedChannel()
    let path = ScriptedRequestPath()
    let connection: HTTP1ServerConnection

    init() throws {
        self.connection = HTTP1ServerConnection(
            loop: LoopContext(eventLoop: self.channel.embeddedEventLoop), limits: ConnectionLimits(),
            peer: Peer(address: nil, trusted: []), acceptor: self.path)
        try self.channel.pipeline.syncOperations.addHandler(self.connection)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func receive(_ bytes: some Collection<UInt8>) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// What was sent, without the lines that tell the time.
    func sent() throws -> String {
        var text = ""
        while let piece = try self.channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: piece) }
        return text.split(separator: "\r\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("Date: ") }
            .joined(separator: "\r\n")
    }

    func end() { _ = try? self.channel.finish(acceptAlreadyClosed: true) }
}
