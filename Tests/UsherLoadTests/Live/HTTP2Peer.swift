import NIOCore
import Synchronization
import UsherTestKit

/// The server's end of an HTTP/2 connection, frame by frame.
final class HTTP2Peer: Sendable {
    let connection: RawConnection

    /// Takes the client's preface; nothing is sent.
    init(_ connection: RawConnection) async throws {
        self.connection = connection
        let preface = try await connection.receive(count: HTTP2Wire.preface.count)
        guard Array(preface.readableBytesView) == HTTP2Wire.preface else {
            throw TestKitError.malformed("no preface of HTTP/2")
        }
    }

    func send(_ bytes: [UInt8]...) async throws {
        try await self.connection.send(ByteBuffer(bytes: bytes.flatMap { $0 }))
    }

    func next() async throws -> HTTP2RawFrame {
        let head = Array(try await self.connection.receive(count: 9).readableBytesView)
        let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        let payload = length > 0 ? Array(try await self.connection.receive(count: length).readableBytesView) : []
        var bytes = (head + payload)[...]
        guard let frame = HTTP2RawFrame(takingFrom: &bytes) else { throw TestKitError.malformed("no frame") }
        return frame
    }

    /// The next frame of a kind, others passed over.
    func next(_ kind: UInt8) async throws -> HTTP2RawFrame {
        while true {
            let frame = try await self.next()
            if frame.type == kind { return frame }
        }
    }

    /// A whole answer: the status as a literal, then the body.
    static func answer(
        _ stream: UInt32, status: String = "200", _ fields: [(String, String)] = [], body: String = "ok"
    ) -> [UInt8] {
        HTTP2Wire.headers(stream, [(":status", status)] + fields, ends: body.isEmpty)
            + (body.isEmpty ? [] : HTTP2Wire.data(stream, body, ends: true))
    }

    /// Says hello and gives every request the same answer.
    static func answering(
        status: String = "200", _ fields: [(String, String)] = [], body: String = "ok"
    ) -> ScriptedUpstream.Script {
        { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings())
            while true {
                let request = try await peer.next(HTTP2Wire.Kind.headers)
                try await peer.send(answer(request.stream, status: status, fields, body: body))
            }
        }
    }
}
