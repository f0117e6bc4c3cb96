internal import Glibc
internal import NIOCore
internal import UsherCore

/// Where the access log's lines go.
package enum AccessLogDestination: Sendable, Hashable {
    /// Appended to, made with mode 640 when missing, opened anew when something else stands at the path.
    case file(path: String)
    case standardOutput
    /// An open descriptor, which the log does not close.
    case descriptor(Int32)
}

/// Why an access log cannot be opened; `description` is one line that says what to do.
package struct AccessLogError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}

/// One file, pipe or terminal that lines are appended to. Owned by the writer's thread.
struct LogFile {
    /// What became of a buffer.
    struct Outcome {
        /// Bytes that are written.
        var written: Int
        /// What the kernel said to the rest.
        var failure: Int32?
    }

    private let destination: AccessLogDestination
    private var descriptor: Int32 = -1
    /// Pipes, sockets and terminals are asked whether they take more before each write, so that none holds us for ever.
    private var isRegular = true
    private var device: UInt64 = 0
    private var inode: UInt64 = 0
    private var nextCheck = MonotonicTime.start
    /// A failed write left half a line behind, which the next write must end.
    private var insideLine = false

    /// How often the path is looked at for another file, as `logrotate` leaves one. Default: 1 s.
    private static let checkEvery = Duration.seconds(1)
    /// Bytes a pipe takes at once without mixing them with those of other writers (POSIX `PIPE_BUF`).
    private static let pipeChunk = 4096

    init(_ destination: AccessLogDestination) throws(AccessLogError) {
        self.destination = destination
        switch destination {
        case .standardOutput: descriptor = STDOUT_FILENO
        case .descriptor(let open): descriptor = open
        case .file(let path):
            let opened = Self.open(path)
            guard opened >= 0 else {
                throw AccessLogError(
                    description: "cannot open the access log \(path): \(errorText(errno)); "
                        + "make its folder writable or set log.access to another file, stdout or off")
            }
            descriptor = opened
        }
        learnKind()
    }

    /// Appends bytes; `mayWait` is asked while a pipe is full, and ends the wait by saying no.
    mutating func write(_ buffer: ByteBuffer, now: MonotonicTime, mayWait: () -> Bool) -> Outcome {
        reopenWhenReplaced(now: now)
        if insideLine {
            if let failure = append(ByteBuffer(string: "\n"), mayWait: mayWait).failure {
                nextCheck = now
                return Outcome(written: 0, failure: failure)
            }
            insideLine = false
        }
        let outcome = append(buffer, mayWait: mayWait)
        if outcome.failure != nil {
            nextCheck = now
            if outcome.written > 0 {
                insideLine = buffer.getInteger(at: buffer.readerIndex + outcome.written - 1) != UInt8(ascii: "\n")
            }
        }
        return outcome
    }

    mutating func close() {
        guard case .file = destination, descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    private func append(_ buffer: ByteBuffer, mayWait: () -> Bool) -> Outcome {
        buffer.withUnsafeReadableBytes { bytes in
            var written = 0
            while written < bytes.count {
                var length = bytes.count - written
                if !isRegular {
                    length = min(length, Self.pipeChunk)
                    guard waitUntilWritable(mayWait) else { return Outcome(written: written, failure: EAGAIN) }
                }
                let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, length)
                if count > 0 {
                    written += count
                } else if count == 0 {
                    return Outcome(written: written, failure: EIO)
                } else if errno != EINTR, errno != EAGAIN || isRegular {
                    return Outcome(written: written, failure: errno)
                }
            }
            return Outcome(written: written, failure: nil)
        }
    }

    /// False when the wait was given up. Errors end the wait: the write then says what is wrong.
    private func waitUntilWritable(_ mayWait: () -> Bool) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while true {
            let ready = poll(&entry, 1, 100)
            if ready > 0 || (ready < 0 && errno != EINTR) { return true }
            guard mayWait() else { return false }
        }
    }

    private mutating func reopenWhenReplaced(now: MonotonicTime) {
        guard case .file(let path) = destination, now >= nextCheck else { return }
        nextCheck = now.advanced(by: Self.checkEvery)
        var status = stat()
        if stat(path, &status) == 0, UInt64(status.st_dev) == device, UInt64(status.st_ino) == inode { return }
        // When the new one cannot be opened, the old one goes on: lines in a renamed file are better than none.
        let opened = Self.open(path)
        guard opened >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = opened
        insideLine = false
        learnKind()
    }

    private mutating func learnKind() {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        isRegular = status.st_mode & S_IFMT == S_IFREG || isDevice(status)
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// Terminals may stop, other character devices (`/dev/null`, `/dev/full`) take or refuse at once.
    private func isDevice(_ status: stat) -> Bool {
        status.st_mode & S_IFMT == S_IFCHR && isatty(descriptor) == 0
    }

    /// `O_NONBLOCK` is for FIFOs: without a reader they give an error instead of holding us; files ignore it.
    private static func open(_ path: String) -> Int32 {
        Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
    }
}

/// What the C library says to an error number.
func errorText(_ number: Int32) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
}
