import Glibc

/// Writes whole lines to one descriptor from a thread of its own, so that a terminal that stands still stops nobody.
///
/// At most `capacity` bytes wait; what comes while they do not move is dropped by the line and counted in a notice. A
/// batch holds whole lines and, where they fit, no more than a pipe takes at once, so that another writer on the same
/// descriptor cannot break a line apart. Lines of our own log may go through here too.
public final class OutputForwarder: Sendable {
    /// Usher's own standard error: where the output of replicas goes.
    public static let standardError = OutputForwarder(descriptor: STDERR_FILENO)

    private let queue: OutputQueue

    /// The descriptor stays the caller's, who keeps it open as long as this object lives.
    ///
    /// - Parameter capacity: bytes that may wait; default 1 MiB.
    public init(descriptor: Int32, capacity: Int = 1 << 20) {
        queue = OutputQueue(descriptor: descriptor, capacity: capacity)
    }

    deinit {
        queue.stop()
    }

    /// Queues lines, each with its line feed; false when they were dropped because too much waits already.
    @discardableResult
    public func write(_ lines: [UInt8]) -> Bool {
        lines.isEmpty || queue.add(lines)
    }

    /// Queues lines, giving a full queue up to 200 ms to move first; only then they are dropped.
    func offer(_ lines: [UInt8]) async {
        if lines.isEmpty { return }
        for _ in 0..<20 where queue.shouldWait(for: lines.count) {
            try? await Task.sleep(for: .milliseconds(10))
        }
        queue.add(lines)
    }

    /// Waits until everything queued so far has been written, but no longer than `limit`.
    public func drain(within limit: Duration) async {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while !queue.isEmpty, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(5))
            if Task.isCancelled { return }
        }
    }
}
