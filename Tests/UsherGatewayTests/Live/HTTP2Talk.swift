import NIOCore
import UsherTestKit

@testable import UsherHTTP

/// A client's end of an HTTP/2 connection that understands what is answered.
struct HTTP2Talk {
    /// The answer of one stream.
    struct Answer: Sendable {
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []
        /// It was reset before it was whole.
        var wasReset = false

        var status: Int { self.value(":status").flatMap { Int($0) } ?? 0 }
        var text: String { String(decoding: self.body, as: UTF8.self) }

        /// Names are in lower case.
        func values(_ name: String) -> [String] { self.fields.filter { $0.name == name }.map(\.value) }
        func value(_ name: String) -> String? { self.fields.first { $0.name == name }?.value }
    }

    let connection: RawConnection
    private var received: ArraySlice<UInt8> = []
    private var decoder = HPACKDecoder()
    private var nextStream: UInt32 = 1
    private var unfinished: [UInt32: Answer] = [:]
    private var finished: [UInt32: Answer] = [:]

    init(_ connection: RawConnection) async throws {
        self.connection = connection
        // Room for all answers that will ever come.
        try await connection.send(ByteBuffer(bytes: HTTP2Wire.hello + HTTP2Wire.windowUpdate(0, 1 << 30)))
    }

    /// One GET and its answer.
    mutating func ask(_ path: String = "/", _ fields: [(String, String)] = []) async throws -> Answer {
        let stream = try await self.send(path, fields)
        return try await self.answer(to: stream)
    }

    /// Sends a request and returns the number of its stream.
    ///
    /// - Parameter body: nil: a GET.
    mutating func send(
        _ path: String = "/", _ fields: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> UInt32 {
        let stream = self.nextStream
        self.nextStream += 2
        guard let body else {
            try await self.connection.send(ByteBuffer(bytes: HTTP2Wire.get(stream, path, fields)))
            return stream
        }
        var bytes = HTTP2Wire.post(stream, path, fields)
        for start in Swift.stride(from: 0, to: body.count, by: 16_384) {
            bytes += HTTP2Wire.data(stream, Array(body[start..<min(start + 16_384, body.count)]))
        }
        bytes += HTTP2Wire.data(stream, [], ends: true)
        try await self.connection.send(ByteBuffer(bytes: bytes))
        return stream
    }

    /// Waits for the whole answer of a stream, or its reset.
    mutating func answer(to stream: UInt32) async throws -> Answer {
        while true {
            if let answer = self.finished.removeValue(forKey: stream) { return answer }
            while let frame = HTTP2RawFrame(takingFrom: &self.received) { try await self.take(frame) }
            if self.finished[stream] != nil { continue }
            guard let more = try await self.connection.receive() else {
                throw TestKitError.ended("awaited the answer of stream \(stream)")
            }
            self.received += Array(more.readableBytesView)
        }
    }

    private mutating func take(_ frame: HTTP2RawFrame) async throws {
        switch frame.type {
        case HTTP2Wire.Kind.settings where frame.flags & HTTP2Wire.acknowledgement == 0:
            try await self.connection.send(
                ByteBuffer(bytes: HTTP2Wire.frame(HTTP2Wire.Kind.settings, flags: HTTP2Wire.acknowledgement)))
        case HTTP2Wire.Kind.headers:
            self.unfinished[frame.stream, default: Answer()].fields += try self.fields(frame.payload)
        case HTTP2Wire.Kind.data:
            self.unfinished[frame.stream, default: Answer()].body += frame.payload
        case HTTP2Wire.Kind.reset:
            self.unfinished[frame.stream, default: Answer()].wasReset = true
            self.finished[frame.stream] = self.unfinished.removeValue(forKey: frame.stream)
        default:
            break
        }
        if frame.endsStream { self.finished[frame.stream] = self.unfinished.removeValue(forKey: frame.stream) }
    }

    /// A block that comes in one frame, which those of short answers do.
    private mutating func fields(_ block: [UInt8]) throws -> [(name: String, value: String)] {
        var fields = FieldBlock()
        fields.begin(weightMax: 100_000, fieldsMax: 1000)
        try self.decoder.decode(block.span, into: &fields)
        return fields.fields.map { field in
            (
                String(decoding: fields.bytes[field.name.range(in: fields.bytes.count)], as: UTF8.self),
                String(decoding: fields.bytes[field.value.range(in: fields.bytes.count)], as: UTF8.self)
            )
        }
    }
}
