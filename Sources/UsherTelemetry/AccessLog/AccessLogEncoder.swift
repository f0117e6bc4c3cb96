package import NIOCore
internal import UsherCore
package import UsherHTTP

/// Writes access log lines. Whatever a client sends, a line stays one line and, in JSON, one valid object.
///
/// Confinement: owned by one worker. Allocates only when the buffer grows, a second begins or a client is a new one.
package struct AccessLogEncoder: Sendable {
    private var timestamps = TimestampCache()
    /// The text of the last client's address.
    private var client: IPAddress?
    private var clientText: [UInt8] = []

    /// What a line takes beside names and fields of the head: keys, numbers, date, trace.
    private static let fixedBytes = 1024

    package init() {}

    /// Appends one line; `head` is nil, or has an empty path, when the request was refused before it was understood.
    package mutating func append(
        _ entry: borrowing AccessEntry, head: RequestHead?, format: AccessLogFormat, to buffer: inout ByteBuffer
    ) {
        timestamps.update(unixSeconds: entry.unixMilliseconds.flooredSeconds)
        if entry.client != client || clientText.isEmpty { setClient(entry.client) }
        let bytes = head?.bytes ?? ByteBuffer()
        bytes.withUnsafeReadableBytes { readable in
            let fields = HeadFields(head, requestID: entry.requestID, in: readable)
            let names =
                entry.route.count + entry.tries.service.count + entry.tries.shard.count + entry.tries.replica.count
                + entry.callerClass.count + entry.quota.count
            let escaped = entry.identity.count + entry.why.utf8CodeUnitCount + fields.count
            let room = Self.fixedBytes + names + clientText.count + escaped * 6
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                var line = LineWriter(space)
                switch format {
                case .json: appendJSON(entry, fields, to: &line)
                case .combined: appendCombined(entry, fields, to: &line)
                }
                return line.overflowed ? 0 : line.count
            }
        }
    }

    private func appendJSON(_ entry: borrowing AccessEntry, _ fields: HeadFields, to line: inout LineWriter) {
        line.append("{\"time\":\"")
        line.append(timestamps.date)
        line.append(byte: UInt8(ascii: "."))
        line.append(threeDigits: entry.unixMilliseconds.millisecondsOfSecond)
        line.append("Z\",\"client\":\"")
        line.append(clientText)
        line.append(byte: UInt8(ascii: "\""))
        entry.identity.withUnsafeBytes { line.appendField(",\"identity\":\"", $0) }
        line.appendName(",\"class\":\"", entry.callerClass)
        line.appendField(",\"method\":\"", fields.method)
        line.appendField(",\"host\":\"", fields.host)
        line.appendField(",\"path\":\"", fields.path)
        line.appendField(",\"query\":\"", fields.query)
        line.appendLabel(",\"protocol\":\"", fields.version)
        line.appendLabel(",\"tls\":\"", entry.tls)
        line.append(",\"status\":")
        line.append(decimal: UInt64(clamping: entry.status))
        line.append(",\"bytes-in\":")
        line.append(decimal: UInt64(clamping: entry.bytesIn))
        line.append(",\"bytes-out\":")
        line.append(decimal: UInt64(clamping: entry.bytesOut))
        line.append(",\"duration-ms\":")
        line.append(milliseconds: entry.durationNanoseconds)
        appendTimes(entry, to: &line)
        line.appendName(",\"route\":\"", entry.route)
        line.appendName(",\"service\":\"", entry.tries.service)
        line.appendName(",\"shard\":\"", entry.tries.shard)
        line.appendName(",\"replica\":\"", entry.tries.replica)
        line.append(",\"attempts\":")
        line.append(decimal: UInt64(clamping: entry.tries.attempts))
        line.appendName(",\"quota\":\"", entry.quota)
        if let outcome = entry.quotaOutcome { line.appendLabel(",\"quota-outcome\":\"", outcome.label) }
        if let left = entry.quotaLeft {
            line.append(",\"quota-left\":")
            line.append(decimal: UInt64(clamping: left))
        }
        if let cache = entry.cache { line.appendLabel(",\"cache\":\"", cache.label) }
        if let session = entry.session { line.appendLabel(",\"session\":\"", session.label) }
        line.appendField(
            ",\"why\":\"",
            UnsafeRawBufferPointer(start: entry.why.utf8Start, count: entry.why.utf8CodeUnitCount))
        if let trace = entry.tries.trace {
            line.append(",\"trace\":\"")
            line.append(trace: trace)
            line.append(byte: UInt8(ascii: "\""))
        }
        line.appendField(",\"request\":\"", fields.requestID)
        line.appendField(",\"user-agent\":\"", fields.userAgent)
        line.appendField(",\"referer\":\"", fields.referer)
        line.append("}\n")
    }

    /// Most requests neither queue nor connect, so those members stand only where there is something to tell.
    private func appendTimes(_ entry: borrowing AccessEntry, to line: inout LineWriter) {
        if entry.tries.times.queue >= 1000 {
            line.append(",\"queue-ms\":")
            line.append(milliseconds: entry.tries.times.queue)
        }
        if entry.tries.times.connect >= 1000 {
            line.append(",\"connect-ms\":")
            line.append(milliseconds: entry.tries.times.connect)
        }
        guard !entry.tries.replica.isEmpty else { return }
        line.append(",\"wait-ms\":")
        line.append(milliseconds: entry.tries.times.wait)
        line.append(",\"transfer-ms\":")
        line.append(milliseconds: entry.tries.times.transfer)
    }

    private func appendCombined(_ entry: borrowing AccessEntry, _ fields: HeadFields, to line: inout LineWriter) {
        line.append(clientText)
        line.append(" - - [")
        line.append(timestamps.combined)
        line.append("] \"")
        if fields.path.isEmpty {
            line.append(byte: UInt8(ascii: "-"))
        } else {
            line.appendCombined(fields.method)
            line.append(byte: UInt8(ascii: " "))
            line.appendCombined(fields.path)
            if !fields.query.isEmpty {
                line.append(byte: UInt8(ascii: "?"))
                line.appendCombined(fields.query)
            }
            line.append(byte: UInt8(ascii: " "))
            line.append(fields.version)
        }
        line.append("\" ")
        line.append(decimal: UInt64(clamping: entry.status))
        line.append(byte: UInt8(ascii: " "))
        line.append(decimal: UInt64(clamping: entry.bytesOut))
        line.append(" \"")
        if fields.referer.isEmpty { line.append(byte: UInt8(ascii: "-")) }
        line.appendCombined(fields.referer)
        line.append("\" \"")
        if fields.userAgent.isEmpty { line.append(byte: UInt8(ascii: "-")) }
        line.appendCombined(fields.userAgent)
        line.append("\"\n")
    }

    private mutating func setClient(_ address: IPAddress?) {
        client = address
        clientText.removeAll(keepingCapacity: true)
        if let address {
            address.append(to: &clientText)
        } else {
            clientText += "unix".utf8
        }
    }
}

/// The parts of a head that a line shows; empty where the request has none.
private struct HeadFields {
    var method = UnsafeRawBufferPointer(start: nil, count: 0)
    var host = UnsafeRawBufferPointer(start: nil, count: 0)
    var path = UnsafeRawBufferPointer(start: nil, count: 0)
    var query = UnsafeRawBufferPointer(start: nil, count: 0)
    var userAgent = UnsafeRawBufferPointer(start: nil, count: 0)
    var referer = UnsafeRawBufferPointer(start: nil, count: 0)
    var requestID = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Empty when there was no head.
    var version: StaticString = ""

    init(_ head: RequestHead?, requestID slice: ByteSlice?, in bytes: UnsafeRawBufferPointer) {
        guard let head else { return }
        if let slice { requestID = Self.piece(slice, bytes) }
        method = Self.piece(head.methodSlice, bytes)
        host = Self.piece(head.authority, bytes)
        path = Self.piece(head.path, bytes)
        query = Self.piece(head.query, bytes)
        if let slice = head.slice(of: .userAgent) { userAgent = Self.piece(slice, bytes) }
        if let slice = head.slice(of: .referer) { referer = Self.piece(slice, bytes) }
        // A request that was refused before its line was understood has none.
        if !path.isEmpty { version = head.version.label }
    }

    /// Bytes of all parts together.
    var count: Int {
        method.count + host.count + path.count + query.count + userAgent.count + referer.count + requestID.count
    }

    private static func piece(_ slice: ByteSlice, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = Int(slice.start)
        let count = Int(slice.count)
        guard count > 0, start <= bytes.count, count <= bytes.count - start else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)])
    }
}

extension LineWriter {
    /// A member of the object, with what comes before its value; left out when the value is empty.
    @inline(__always)
    fileprivate mutating func appendField(_ key: StaticString, _ value: UnsafeRawBufferPointer) {
        guard !value.isEmpty else { return }
        append(key)
        appendJSON(value)
        append(byte: UInt8(ascii: "\""))
    }

    /// The same for a text of our own that needs no escaping.
    @inline(__always)
    fileprivate mutating func appendLabel(_ key: StaticString, _ value: StaticString) {
        guard value.utf8CodeUnitCount > 0 else { return }
        append(key)
        append(value)
        append(byte: UInt8(ascii: "\""))
    }

    /// Nanoseconds as milliseconds with three decimals.
    fileprivate mutating func append(milliseconds nanoseconds: UInt64) {
        let microseconds = nanoseconds / 1000
        append(decimal: microseconds / 1000)
        append(byte: UInt8(ascii: "."))
        append(threeDigits: microseconds % 1000)
    }

    /// A member whose value is escaped already.
    @inline(__always)
    fileprivate mutating func appendName(_ key: StaticString, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        append(key)
        append(value)
        append(byte: UInt8(ascii: "\""))
    }
}

extension HTTPVersion {
    /// As a request line has it; HTTP/2 has none and is written as others write it.
    fileprivate var label: StaticString {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2.0"
        }
    }
}

extension Int64 {
    /// Milliseconds as whole seconds, rounded down also before 1970.
    fileprivate var flooredSeconds: Int64 { self >= 0 ? self / 1000 : (self + 1) / 1000 - 1 }

    /// The milliseconds within that second, 0...999.
    fileprivate var millisecondsOfSecond: UInt64 {
        let rest = self % 1000
        return UInt64(rest >= 0 ? rest : rest + 1000)
    }
}
