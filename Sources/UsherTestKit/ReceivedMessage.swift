public import NIOCore

/// An HTTP/1.1 message as a test's connection got it: lenient, and independent of the codec under test.
public struct ReceivedMessage: Sendable {
    /// The exact text from the first line to the empty line, both included.
    public var head: String
    public var startLine: String
    /// As received, in order.
    public var fields: [(name: String, value: String)]
    /// Without chunk framing.
    public var body = ByteBuffer()
    public var trailers: [(name: String, value: String)] = []

    init(head: String) {
        self.head = head
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: true).map(String.init)
        self.startLine = lines.isEmpty ? "" : lines.removeFirst()
        self.fields = lines.map(Self.field)
    }

    /// The status of an answer; 0 when there is none.
    public var status: Int { self.startLine.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }
    /// The target of a request.
    public var target: String { self.startLine.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
    public var method: String { self.startLine.split(separator: " ").first.map(String.init) ?? "" }
    public var text: String { String(buffer: self.body) }

    /// All values of a field, in order, whatever the name's case.
    public func values(_ name: String) -> [String] {
        self.fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of a field that stands once; nil when it is missing or repeated.
    public func value(_ name: String) -> String? {
        let values = self.values(name)
        return values.count == 1 ? values.first : nil
    }

    var isChunked: Bool { self.values("transfer-encoding").contains { $0.lowercased().hasSuffix("chunked") } }
    var length: Int? { self.values("content-length").first.flatMap { Int($0) } }

    static func field(_ line: String) -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: ":") else { return (line, "") }
        return (String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
    }
}

extension RawConnection {
    /// The next head alone; its body stays to be read.
    public func receiveHead() async throws -> ReceivedMessage {
        ReceivedMessage(head: try await self.receive(through: "\r\n\r\n"))
    }

    /// The next request with its body; nil when the peer has closed after the one before.
    public func receiveRequest() async throws -> ReceivedMessage? {
        guard let first = try await self.receive() else { return nil }
        self.putBack(first)
        var message = try await self.receiveHead()
        try await self.receiveBody(of: &message, untilEnd: false)
        return message
    }

    /// The next answer with its body; an interim answer (1xx) is one of its own.
    ///
    /// - Parameter method: of the request, because an answer to HEAD has no body.
    public func receiveAnswer(to method: String = "GET") async throws -> ReceivedMessage {
        var message = try await self.receiveHead()
        let hasBody = method != "HEAD" && message.status >= 200 && message.status != 204 && message.status != 304
        if hasBody { try await self.receiveBody(of: &message, untilEnd: true) }
        return message
    }

    private func receiveBody(of message: inout ReceivedMessage, untilEnd: Bool) async throws {
        if message.isChunked {
            while true {
                let line = try await self.receive(through: "\r\n")
                let digits = line.prefix { $0.isHexDigit }
                guard let size = Int(digits, radix: 16) else {
                    throw TestKitError.malformed("chunk size \(line.debugDescription)")
                }
                if size == 0 { break }
                var piece = try await self.receive(count: size)
                message.body.writeBuffer(&piece)
                guard try await self.receive(through: "\r\n") == "\r\n" else {
                    throw TestKitError.malformed("a chunk of \(size) bytes does not end where it should")
                }
            }
            while true {
                let line = try await self.receive(through: "\r\n")
                if line == "\r\n" { break }
                message.trailers.append(ReceivedMessage.field(String(line.dropLast(1))))
            }
        } else if let length = message.length {
            message.body = try await self.receive(count: length)
        } else if untilEnd {
            message.body = try await self.receiveUntilEnd()
        }
    }
}
