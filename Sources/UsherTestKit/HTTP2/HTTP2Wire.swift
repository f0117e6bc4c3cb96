/// HTTP/2 as bytes, right and wrong: what a test sends when no client would.
package enum HTTP2Wire {
    package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// The kinds of frames by their numbers (RFC 9113 §6).
    package enum Kind {
        package static let data: UInt8 = 0
        package static let headers: UInt8 = 1
        package static let priority: UInt8 = 2
        package static let reset: UInt8 = 3
        package static let settings: UInt8 = 4
        package static let pushPromise: UInt8 = 5
        package static let ping: UInt8 = 6
        package static let goAway: UInt8 = 7
        package static let windowUpdate: UInt8 = 8
        package static let continuation: UInt8 = 9
    }

    package static let endStream: UInt8 = 1
    package static let acknowledgement: UInt8 = 1
    package static let endHeaders: UInt8 = 4
    package static let padded: UInt8 = 8
    package static let priority: UInt8 = 0x20

    /// Any frame; `length` may lie about the payload.
    package static func frame(
        _ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = [], length: Int? = nil
    ) -> [UInt8] {
        let length = length ?? payload.count
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
            + bytes(stream) + payload
    }

    package static func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    // MARK: Well-formed frames

    package static func settings(_ values: [(UInt16, UInt32)] = []) -> [UInt8] {
        frame(
            Kind.settings, values.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xFF)] + bytes($0.1) })
    }

    /// The preface and empty settings, with which every connection begins.
    package static var hello: [UInt8] { preface + settings() }

    package static func headers(
        _ stream: UInt32, _ fields: [(String, String)], ends: Bool = true
    ) -> [UInt8] {
        frame(
            Kind.headers, flags: endHeaders | (ends ? endStream : 0), stream: stream, block(fields))
    }

    /// A request without a body.
    package static func get(_ stream: UInt32, _ path: String = "/", _ more: [(String, String)] = []) -> [UInt8] {
        headers(stream, requestFields("GET", path) + more)
    }

    /// The head of a request whose body follows.
    package static func post(_ stream: UInt32, _ path: String = "/", _ more: [(String, String)] = []) -> [UInt8] {
        headers(stream, requestFields("POST", path) + more, ends: false)
    }

    package static func requestFields(_ method: String, _ path: String = "/") -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a.example")]
    }

    package static func data(_ stream: UInt32, _ content: [UInt8] = [], ends: Bool = false) -> [UInt8] {
        frame(Kind.data, flags: ends ? endStream : 0, stream: stream, content)
    }

    package static func data(_ stream: UInt32, _ content: String, ends: Bool = false) -> [UInt8] {
        data(stream, Array(content.utf8), ends: ends)
    }

    package static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] {
        frame(Kind.reset, stream: stream, bytes(code))
    }

    package static func ping(_ payload: [UInt8] = Array(1...8), isAcknowledgement: Bool = false) -> [UInt8] {
        frame(Kind.ping, flags: isAcknowledgement ? acknowledgement : 0, payload)
    }

    package static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(Kind.windowUpdate, stream: stream, bytes(increment))
    }

    // MARK: Header blocks

    /// Fields as literals without indexing, whatever bytes they are of.
    package static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + string($0.0) + string($0.1) }
    }

    /// The same, put into the table that both sides share.
    package static func indexedBlock(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0x40] + string($0.0) + string($0.1) }
    }

    package static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

    package static func string(_ text: [UInt8]) -> [UInt8] { integer(text.count, prefix: 7) + text }

    package static func integer(_ value: Int, prefix: Int, pattern: UInt8 = 0) -> [UInt8] {
        let mask = (1 << prefix) - 1
        guard value >= mask else { return [pattern | UInt8(value)] }
        var result = [pattern | UInt8(mask)]
        var rest = value - mask
        while rest >= 128 {
            result.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return result + [UInt8(rest)]
    }
}

/// One frame as it came.
package struct HTTP2RawFrame: Sendable, Hashable, CustomStringConvertible {
    package var type: UInt8
    package var flags: UInt8
    package var stream: UInt32
    package var payload: [UInt8]

    /// Takes the first frame off some bytes; nil when it is not whole.
    package init?(takingFrom bytes: inout ArraySlice<UInt8>) {
        guard bytes.count >= 9 else { return nil }
        let head = Array(bytes.prefix(9))
        let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        guard bytes.count >= 9 + length else { return nil }
        type = head[3]
        flags = head[4]
        stream = Self.number(head[5...])
        payload = Array(bytes.dropFirst(9).prefix(length))
        bytes = bytes.dropFirst(9 + length)
    }

    package var endsStream: Bool { (type == HTTP2Wire.Kind.data || type == HTTP2Wire.Kind.headers) && flags & 1 == 1 }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static let codes = [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
        "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]

    private static func code(_ bytes: ArraySlice<UInt8>) -> String {
        let code = Int(number(bytes))
        return codes.indices.contains(code) ? codes[code] : "\(code)"
    }

    /// `RST_STREAM 3 CANCEL`, `GOAWAY 5 NO_ERROR`, `WINDOW_UPDATE 0 +100`, `DATA 1 "text" END_STREAM`.
    package var description: String {
        let end = endsStream ? " END_STREAM" : ""
        switch type {
        case HTTP2Wire.Kind.data: return "DATA \(stream) \"\(String(decoding: payload, as: UTF8.self))\"\(end)"
        case HTTP2Wire.Kind.headers: return "HEADERS \(stream)\(end)"
        case HTTP2Wire.Kind.reset: return "RST_STREAM \(stream) \(Self.code(payload[...]))"
        case HTTP2Wire.Kind.settings: return flags & 1 == 1 ? "SETTINGS ACK" : "SETTINGS"
        case HTTP2Wire.Kind.ping:
            return (flags & 1 == 1 ? "PING ACK " : "PING ") + payload.map { "\($0)" }.joined(separator: ".")
        case HTTP2Wire.Kind.goAway: return "GOAWAY \(Self.number(payload[...])) \(Self.code(payload.dropFirst(4)))"
        case HTTP2Wire.Kind.windowUpdate: return "WINDOW_UPDATE \(stream) +\(Self.number(payload[...]))"
        case HTTP2Wire.Kind.continuation: return "CONTINUATION \(stream)"
        default: return "\(type) \(stream)"
        }
    }
}
