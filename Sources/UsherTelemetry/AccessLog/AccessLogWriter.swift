internal import Dispatch
internal import Glibc
package import Logging
package import NIOCore
internal import Synchronization
package import UsherCore

/// What became of the lines that were handed to the access log's writer.
package struct AccessLogCounts: Sendable, Hashable {
    package var writtenLines: UInt64 = 0
    package var droppedLines: UInt64 = 0

    package init(writtenLines: UInt64 = 0, droppedLines: UInt64 = 0) {
        self.writtenLines = writtenLines
        self.droppedLines = droppedLines
    }
}

/// Writes the access log on a thread of its own, so that no disk and no pipe ever holds an event loop.
///
/// Workers hand over whole buffers of lines. When the queue is full, or the file cannot be written, lines are dropped
/// and counted, and the server log says so at most once a minute. A file that can be written again is.
package final class AccessLogWriter: Sendable {
    /// Bytes that may wait to be written, those being written included.
    package static let queueLimit = ByteCount.mebibytes(8)

    private let core: WriterCore

    /// Opens the destination and starts the thread. `now` is the monotonic clock unless a test brings another.
    ///
    /// - Parameter subject: what the server log calls it.
    package init(
        _ destination: AccessLogDestination, queueLimit: ByteCount = AccessLogWriter.queueLimit,
        subject: String = "access log", logger: Logger,
        now: @escaping @Sendable () -> MonotonicTime = monotonicNow
    ) throws(AccessLogError) {
        core = WriterCore(queueLimit: queueLimit.bytes, subject: subject, logger: logger, now: now)
        let file = try LogFile(destination)
        guard core.start(file) else {
            throw AccessLogError(description: "cannot start a thread for the \(subject): \(errorText(errno))")
        }
    }

    deinit {
        core.requestClose()
    }

    /// Hands over `count` lines, each with its line feed; never waits. False when they were dropped.
    @discardableResult
    package func submit(_ lines: ByteBuffer, count: Int) -> Bool {
        core.submit(lines, count: count)
    }

    package var counts: AccessLogCounts { core.counts }

    /// Waits until everything handed over so far is written or dropped; false when that took longer than `limit`.
    @discardableResult
    package func flush(within limit: Duration = .seconds(5)) async -> Bool {
        await core.finish(closing: false, within: limit)
    }

    /// Writes what is queued and ends the thread; what is left after `limit` is dropped, and the answer is false.
    @discardableResult
    package func close(within limit: Duration = .seconds(5)) async -> Bool {
        await core.finish(closing: true, within: limit)
    }
}

/// The monotonic clock.
package func monotonicNow() -> MonotonicTime {
    var time = timespec()
    guard clock_gettime(CLOCK_MONOTONIC, &time) == 0 else { return .start }
    return MonotonicTime(
        nanoseconds: UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec))
}

/// What the writer and its thread share.
private final class WriterCore: Sendable {
    private struct Batch: Sendable {
        var lines: ByteBuffer
        var count: Int
    }

    private struct State {
        var queue: [Batch] = []
        var queuedBytes = 0
        var counts = AccessLogCounts()
        var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
        var nextWaiter = 0
        /// No lines are taken any more; the thread ends when the queue is empty.
        var closing = false
        /// A shutdown's patience is over: what is queued is dropped.
        var abandoned = false
        var ended = false
        /// Why lines were dropped last.
        var reason = ""
    }

    /// How often the server log speaks of dropped lines.
    private static let reportEvery = Duration.seconds(60)

    private let queueLimit: Int
    private let subject: String
    private let logger: Logger
    private let now: @Sendable () -> MonotonicTime
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    init(queueLimit: Int, subject: String, logger: Logger, now: @escaping @Sendable () -> MonotonicTime) {
        self.queueLimit = queueLimit
        self.subject = subject
        self.logger = logger
        self.now = now
    }

    var counts: AccessLogCounts { state.withLock { $0.counts } }

    func start(_ file: LogFile) -> Bool {
        let thread = Unmanaged.passRetained(WriterThread(core: self, file: file))
        var handle = pthread_t()
        let failure = pthread_create(&handle, nil, WriterThread.main, thread.toOpaque())
        guard failure == 0 else {
            thread.release()
            errno = failure
            return false
        }
        pthread_detach(handle)
        return true
    }

    func submit(_ lines: ByteBuffer, count: Int) -> Bool {
        let bytes = lines.readableBytes
        guard bytes > 0 else { return true }
        let taken = state.withLock { state in
            // The queue limit bounds the sum, so that it cannot overflow.
            guard !state.closing, bytes <= queueLimit - state.queuedBytes else {
                state.counts.droppedLines = state.counts.droppedLines.addingSaturating(UInt64(clamping: count))
                if !state.closing { state.reason = "its queue is full" }
                return false
            }
            state.queue.append(Batch(lines: lines, count: count))
            state.queuedBytes += bytes
            return true
        }
        if taken { wake.signal() }
        return taken
    }

    func requestClose() {
        state.withLock { $0.closing = true }
        wake.signal()
    }

    func finish(closing: Bool, within limit: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            let waiter = state.withLock { state -> Int? in
                guard !state.ended else { return nil }
                if closing { state.closing = true }
                state.nextWaiter += 1
                state.waiters[state.nextWaiter] = continuation
                return state.nextWaiter
            }
            guard let waiter else { return continuation.resume(returning: true) }
            wake.signal()
            let nanoseconds = Int(clamping: limit.nanosecondsClamped)
            DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [weak self] in
                self?.giveUp(waiter, closing: closing)
            }
        }
    }

    private func giveUp(_ waiter: Int, closing: Bool) {
        let continuation = state.withLock { state in
            let waiting = state.waiters.removeValue(forKey: waiter)
            if closing, waiting != nil { state.abandoned = true }
            return waiting
        }
        continuation?.resume(returning: false)
    }

    /// The thread's life: sleep, take all that is queued, write it, tell those who wait.
    fileprivate func run(_ file: inout LogFile) {
        var lastReport: MonotonicTime?
        var reported: UInt64 = 0
        while true {
            wake.wait()
            let (queue, waiters, closing) = state.withLock { state in
                let taken = (state.queue, Array(state.waiters.keys), state.closing)
                state.queue = []
                return taken
            }
            for batch in queue { write(batch, to: &file) }
            let dropped = counts.droppedLines
            let moment = now()
            let silence = lastReport.map { moment.elapsed(since: $0) }
            if dropped > reported, closing || silence.map({ $0 >= Self.reportEvery }) ?? true {
                report(dropped - reported)
                reported = dropped
                lastReport = moment
            }
            if closing { file.close() }
            let done = state.withLock { state in
                if closing { state.ended = true }
                let keys = closing ? Array(state.waiters.keys) : waiters
                return keys.compactMap { state.waiters.removeValue(forKey: $0) }
            }
            for continuation in done { continuation.resume(returning: true) }
            if closing { return }
        }
    }

    private func write(_ batch: Batch, to file: inout LogFile) {
        var outcome = LogFile.Outcome(written: 0, failure: ETIMEDOUT)
        if !state.withLock({ $0.abandoned }) {
            outcome = file.write(batch.lines, now: now()) { !state.withLock { $0.abandoned } }
        }
        var dropped: UInt64 = 0
        if outcome.failure != nil {
            let rest = batch.lines.readableBytesView.dropFirst(outcome.written)
            dropped = rest.reduce(0) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        }
        state.withLock { state in
            state.queuedBytes -= batch.lines.readableBytes
            let lines = UInt64(clamping: batch.count)
            state.counts.writtenLines = state.counts.writtenLines.addingSaturating(lines - min(dropped, lines))
            state.counts.droppedLines = state.counts.droppedLines.addingSaturating(dropped)
            if let failure = outcome.failure { state.reason = errorText(failure) }
        }
    }

    private func report(_ lines: UInt64) {
        let reason = state.withLock { $0.reason }
        logger.warning("\(subject) lines were dropped", metadata: ["lines": "\(lines)", "why": "\(reason)"])
    }
}

/// What the thread is given to begin with.
private final class WriterThread {
    private let core: WriterCore
    private var file: LogFile

    init(core: WriterCore, file: LogFile) {
        self.core = core
        self.file = file
    }

    /// What the new thread calls first.
    static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        guard let context else { return nil }
        let thread = Unmanaged<WriterThread>.fromOpaque(context).takeRetainedValue()
        // A closed pipe is to be an error of `write`, not the end of the process; other threads keep their own mask.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        thread.core.run(&thread.file)
        return nil
    }
}
