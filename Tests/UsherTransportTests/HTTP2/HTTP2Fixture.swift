import NIOCore
import NIOEmbedded
import UsherCore
import UsherTestKit
import UsherTransport

@testable import UsherHTTP

/// One HTTP/2 connection in a channel without a socket, its first frames exchanged.
final class HTTP2Fixture {
    let channel = EmbeddedChannel()
    let path = ScriptedRequestPath()
    let loop: LoopContext
    let connection: HTTP2ServerConnection
    private var received: ArraySlice<UInt8> = []
    private var decoder = HPACKDecoder()

    init(
        limits: ConnectionLimits = ConnectionLimits(), listener: ListenerRules = ListenerRules(),
        settings: [(UInt16, UInt32)] = [], saying first: [UInt8]? = nil
    ) throws {
        self.loop = LoopContext(eventLoop: self.channel.embeddedEventLoop)
        self.connection = HTTP2ServerConnection(
            loop: self.loop, limits: limits, peer: Peer(address: nil, trusted: []), acceptor: self.path,
            listener: listener)
        try self.channel.pipeline.syncOperations.addHandler(self.connection)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try self.receive(first ?? HTTP2Wire.preface + HTTP2Wire.settings(settings))
        _ = try self.sent()
    }

    func receive(_ bytes: [UInt8]) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
        self.turn()
    }

    /// The end of the loop's turn, when everything leaves.
    func turn() { self.channel.embeddedEventLoop.run() }

    func frames() throws -> [HTTP2RawFrame] {
        self.turn()
        while let piece = try self.channel.readOutbound(as: ByteBuffer.self) {
            self.received += Array(piece.readableBytesView)
        }
        var frames: [HTTP2RawFrame] = []
        while let frame = HTTP2RawFrame(takingFrom: &self.received) { frames.append(frame) }
        return frames
    }

    /// What was sent, heads with their fields, without dates and lengths of no interest.
    func sent() throws -> [String] {
        try self.frames().map { frame in
            guard frame.type == 1 else { return frame.description }
            return "\(frame) " + self.fields(frame.payload).joined(separator: ", ")
        }
    }

    private func fields(_ block: [UInt8]) -> [String] {
        var fields = FieldBlock()
        fields.begin(weightMax: 100_000, fieldsMax: 1000)
        guard (try? self.decoder.decode(block.span, into: &fields)) != nil else { return ["unreadable"] }
        return fields.fields.map { field in
            let name = String(decoding: fields.bytes[field.name.range(in: fields.bytes.count)], as: UTF8.self)
            return name + "="
                + String(decoding: fields.bytes[field.value.range(in: fields.bytes.count)], as: UTF8.self)
        }.filter { !$0.hasPrefix("date=") }
    }

    func end() { _ = try? self.channel.finish(acceptAlreadyClosed: true) }
}
