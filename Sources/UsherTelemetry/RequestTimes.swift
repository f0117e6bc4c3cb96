package import NIOCore
package import UsherHTTP

/// Where a request's time went, tries that failed included. Unit: nanoseconds.
package struct RequestTimes: Sendable, Hashable {
    /// In the service's queue.
    package var queue: UInt64 = 0
    /// Until a connection to the replica was there; 0 when one was pooled.
    package var connect: UInt64 = 0
    /// From the request's sending to the answer's first byte.
    package var wait: UInt64 = 0
    /// From the answer's first byte to its last.
    package var transfer: UInt64 = 0

    package init() {}
}

/// The `Server-Timing` field (W3C Server Timing): what browsers show of where a request's time went.
///
/// Durations are in milliseconds with up to three decimals. When the head is written the transfer has only begun, so it
/// may follow in a trailer.
package enum ServerTiming {
    /// More than either line can take.
    static let longestLine = 128

    /// Appends the line of the head: `Server-Timing: queue;dur=0.1, connect;dur=0.3, wait;dur=12.4`.
    package static func write(_ times: RequestTimes, to writer: inout HeadWriter) {
        writer.write("Server-Timing: queue;dur=")
        writer.write(milliseconds: times.queue)
        writer.write(", connect;dur=")
        writer.write(milliseconds: times.connect)
        writer.write(", wait;dur=")
        writer.write(milliseconds: times.wait)
        writer.write("\r\n")
    }

    /// Appends the line of the trailer: `Server-Timing: transfer;dur=3.25`.
    package static func writeTrailer(_ times: RequestTimes, to writer: inout HeadWriter) {
        writer.write("Server-Timing: transfer;dur=")
        writer.write(milliseconds: times.transfer)
        writer.write("\r\n")
    }

    /// The line of the head into a buffer.
    package static func write(_ times: RequestTimes, to buffer: inout ByteBuffer) {
        buffer.writeHead(reserving: longestLine) { writer in write(times, to: &writer) }
    }

    /// The line of the trailer into a buffer.
    package static func writeTrailer(_ times: RequestTimes, to buffer: inout ByteBuffer) {
        buffer.writeHead(reserving: longestLine) { writer in writeTrailer(times, to: &writer) }
    }
}

extension HeadWriter {
    /// Appends nanoseconds as milliseconds: `12`, `12.4`, `0.085`; what lies below a microsecond is cut off.
    fileprivate mutating func write(milliseconds nanoseconds: UInt64) {
        let (whole, rest) = (nanoseconds / 1000).quotientAndRemainder(dividingBy: 1000)
        write(decimal: Int(clamping: whole))
        guard rest > 0 else { return }
        write(".")
        var digits = rest
        var divisor: UInt64 = 100
        while digits > 0 {
            write(byte: UInt8(truncatingIfNeeded: digits / divisor) &+ 0x30)
            digits %= divisor
            divisor /= 10
        }
    }
}
