import Dispatch
import Glibc
import Synchronization

/// The bounded queue between those who have lines and the thread that writes them.
final class OutputQueue: Sendable {
    /// What Linux writes to a pipe in one piece (PIPE_BUF).
    private static let atomicWrite = 4096

    private struct State {
        var waiting: [[UInt8]] = []
        /// Bytes in `waiting` and in the batch being written.
        var bytes = 0
        var droppedLines = 0
        /// Nothing waits for room while lines are being dropped: one slow reader costs each replica one wait, not many.
        var dropping = false
        var running = false
        var stopped = false
    }

    private let descriptor: Int32
    private let capacity: Int
    private let wakeUp = DispatchSemaphore(value: 0)
    private let state = Mutex(State())

    init(descriptor: Int32, capacity: Int) {
        self.descriptor = descriptor
        self.capacity = capacity
    }

    var isEmpty: Bool {
        state.withLock { $0.bytes == 0 && $0.droppedLines == 0 }
    }

    func shouldWait(for count: Int) -> Bool {
        state.withLock { $0.bytes > 0 && $0.bytes + count > capacity && !$0.dropping }
    }

    @discardableResult
    func add(_ lines: [UInt8]) -> Bool {
        let accepted = state.withLock { state in
            if state.dropping, state.bytes <= capacity / 2 { state.dropping = false }
            // One batch always fits into an empty queue, however large it is.
            if state.stopped || state.dropping || (state.bytes > 0 && state.bytes + lines.count > capacity) {
                state.dropping = true
                state.droppedLines += lines.count { $0 == UInt8(ascii: "\n") }
                return false
            }
            state.waiting.append(lines)
            state.bytes += lines.count
            if !state.running { state.running = startThread() }
            return true
        }
        if accepted { wakeUp.signal() }
        return accepted
    }

    /// The thread writes what waits and ends.
    func stop() {
        state.withLock { $0.stopped = true }
        wakeUp.signal()
    }

    /// A plain thread, because it may block for as long as a terminal is stopped: no pool should pay for that.
    private func startThread() -> Bool {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<OutputQueue>.fromOpaque(context).takeRetainedValue().writeUntilStopped()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    private func writeUntilStopped() {
        // A closed standard error must not end Usher by SIGPIPE, and handlers of other signals belong to other threads.
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        while true {
            let (batches, notice, stopped) = state.withLock { state in
                defer {
                    state.waiting = []
                    state.droppedLines = 0
                }
                return (state.waiting, Self.notice(state.droppedLines), state.stopped)
            }
            for lines in batches + [notice] { writeByLines(lines) }
            let written = batches.reduce(0) { $0 + $1.count }
            state.withLock { $0.bytes -= written }
            if batches.isEmpty, notice.isEmpty {
                if stopped { return }
                wakeUp.wait()
            }
        }
    }

    private static func notice(_ droppedLines: Int) -> [UInt8] {
        guard droppedLines > 0 else { return [] }
        return Array("usher | \(droppedLines) lines of output were dropped: their reader does not keep up\n".utf8)
    }

    private func writeByLines(_ lines: [UInt8]) {
        var start = 0
        while start < lines.count {
            var end = min(start + Self.atomicWrite, lines.count)
            if end < lines.count {
                let newline = UInt8(ascii: "\n")
                if let last = lines[start..<end].lastIndex(of: newline) {
                    end = last + 1
                } else if let next = lines[end...].firstIndex(of: newline) {
                    end = next + 1
                }
            }
            writeFully(lines[start..<end])
            start = end
        }
    }

    private func writeFully(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let written = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
                if written > 0 {
                    offset += written
                } else if written < 0, errno == EAGAIN {
                    // Somebody who shares the terminal made it non-blocking.
                    var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&writable, 1, -1)
                } else if written == 0 || errno != EINTR {
                    return
                }
            }
        }
    }
}
