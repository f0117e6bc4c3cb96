internal import NIOCore
package import UsherHTTP

/// One worker's access log: collects lines and hands them to the writer a buffer at a time.
///
/// The worker calls `flush` from its coarse timer as well, so that a quiet worker's lines are not kept back.
/// Confinement: owned by one worker.
package struct AccessLogBatch {
    private let writer: AccessLogWriter
    private let format: AccessLogFormat
    private var encoder = AccessLogEncoder()
    private var buffer: ByteBuffer
    private var lines = 0

    /// Bytes of lines that are handed over at once: 128 KiB, some 300 lines, so that waking the writer costs little.
    package static let threshold = 128 * 1024
    /// Room for the line that crosses the threshold, so that the buffer never has to grow for it. 32 KiB.
    private static let slack = 32 * 1024

    package init(writer: AccessLogWriter, format: AccessLogFormat) {
        self.writer = writer
        self.format = format
        buffer = ByteBufferAllocator().buffer(capacity: Self.threshold + Self.slack)
    }

    /// Adds a request's line, and flushes when enough have come together.
    package mutating func append(_ entry: borrowing AccessEntry, head: RequestHead?) {
        encoder.append(entry, head: head, format: format, to: &buffer)
        lines += 1
        if buffer.readableBytes >= Self.threshold { flush() }
    }

    /// Hands over what there is; the writer counts what it cannot take.
    package mutating func flush() {
        guard lines > 0 else { return }
        writer.submit(buffer, count: lines)
        buffer = ByteBufferAllocator().buffer(capacity: Self.threshold + Self.slack)
        lines = 0
    }
}
