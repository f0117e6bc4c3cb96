package import Logging
internal import NIOCore
internal import Synchronization

/// Writes events that must not be lost in the access log's crowd: one JSON object a line.
///
/// Failed logins are many when somebody guesses: beyond `failuresMaximum` a second they are counted, and the next line
/// says how many were left out.
package final class AuditLog: Sendable {
    /// Failed logins in a second that get a line each.
    private static let failuresMaximum = 20

    private struct Failures {
        var second: Int64 = 0
        var count = 0
        var leftOut = 0
    }

    private let writer: AccessLogWriter
    private let failures = Mutex(Failures())

    package init(_ destination: AccessLogDestination, logger: Logger) throws(AccessLogError) {
        writer = try AccessLogWriter(destination, subject: "audit log", logger: logger)
    }

    package func record(_ event: AuditEvent, unixMilliseconds: Int64) {
        var leftOut = 0
        if event.kind == .loginFailed {
            let second = unixMilliseconds / 1000
            let isWritten = failures.withLock { failures in
                if failures.second != second {
                    failures.second = second
                    failures.count = 0
                }
                failures.count += 1
                guard failures.count <= Self.failuresMaximum else {
                    failures.leftOut += 1
                    return false
                }
                leftOut = failures.leftOut
                failures.leftOut = 0
                return true
            }
            guard isWritten else { return }
        }
        writer.submit(Self.line(event, leftOut: leftOut, unixMilliseconds), count: 1)
    }

    package func close() async {
        await writer.close()
    }

    private static func line(_ event: AuditEvent, leftOut: Int, _ unixMilliseconds: Int64) -> ByteBuffer {
        let room = 160 + event.fields.reduce(0) { $0 + $1.name.utf8CodeUnitCount + 6 * $1.value.utf8.count + 8 }
        var buffer = ByteBufferAllocator().buffer(capacity: room)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
            var line = LineWriter(space)
            line.append("{\"time\":\"")
            line.append(Array(rfc3339(unixSeconds: unixMilliseconds / 1000).utf8))
            line.append("\",\"event\":\"")
            line.append(Array(event.kind.rawValue.utf8))
            line.append("\"")
            for (name, value) in event.fields where !value.isEmpty {
                line.append(",\"")
                line.append(name)
                line.append("\":\"")
                Array(value.utf8).withUnsafeBytes { line.appendJSON($0) }
                line.append("\"")
            }
            if leftOut > 0 {
                line.append(",\"left-out\":")
                line.append(decimal: UInt64(clamping: leftOut))
            }
            line.append("}\n")
            return line.overflowed ? 0 : line.count
        }
        return buffer
    }
}
