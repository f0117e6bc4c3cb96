import Foundation
import Synchronization

/// The C programs of `Support`, compiled once per test run.
enum Tools {
    private static let sources = (#filePath as NSString).deletingLastPathComponent + "/Support"
    /// Where the programs are, until the tests end.
    private static let programs: Result<String, any Error> = Result {
        let folder = "/tmp/usher-fault-tools-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: "/tmp/usher-fault-tools-\(getpid())") }
        return folder
    }

    static let replica = Result { try compile("replica") }
    static let load = Result { try compile("load") }
    static let chaos = Result { try compile("chaos") }
    static let drive = Result { try compile("drive") }

    /// `Support/sockets.py`.
    static let sockets = "\(sources)/sockets.py"
    /// `Support/tls.py`.
    static let tls = "\(sources)/tls.py"

    private static func compile(_ name: String) throws -> String {
        let program = "\(try self.programs.get())/\(name)"
        let compiler = try ChildProcess(["cc", "-O2", "-o", program, "\(self.sources)/\(name).c"])
        guard compiler.exit(within: .seconds(50)) == 0 else { throw FaultTestError("cc cannot compile \(name).c") }
        return program
    }
}

/// A fast replica that answers as `Support/replica.c` says, as a process of its own.
final class ReplicaProcess {
    let process: ChildProcess
    let port: UInt16

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw FaultTestError("no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        defer { close(ends[1]) }
        self.process = try ChildProcess([try Tools.replica.get()], output: ends[1])
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = read(ends[0], &buffer, buffer.count)
        let text = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        guard let port = UInt16(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw FaultTestError("the replica did not tell its port")
        }
        self.port = port
    }

    deinit {
        // A stopped process dies of nothing else.
        self.process.signal(SIGKILL)
    }
}

/// A replica that follows a test's script, one thread a connection, and keeps what it was sent.
final class ScriptedReplica: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let heads = Mutex<[String]>([])
    private let script: @Sendable (Conversation) -> Void

    /// - Parameter script: called with every new connection, which is closed when it returns.
    init(_ script: @escaping @Sendable (Conversation) -> Void) throws {
        (self.descriptor, self.port) = try Loopback.listen()
        self.script = script
        Thread.detachNewThread { [weak self, descriptor] in
            while true {
                let accepted = accept(descriptor, nil, nil)
                guard accepted >= 0 else { break }
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                guard let replica = self else {
                    close(accepted)
                    break
                }
                let conversation = Conversation(accepted) { head in replica.heads.withLock { $0.append(head) } }
                Thread.detachNewThread { replica.script(conversation) }
            }
            close(descriptor)
        }
    }

    deinit {
        shutdown(self.descriptor, Int32(SHUT_RDWR))
    }

    /// The heads of all requests so far, in the order of their arrival.
    var received: [String] { self.heads.withLock { $0 } }

    /// One connection, seen from the replica.
    final class Conversation: Sendable {
        private let descriptor: Int32
        private let pending = Mutex(Data())
        private let onHead: @Sendable (String) -> Void

        init(_ descriptor: Int32, onHead: @escaping @Sendable (String) -> Void) {
            self.descriptor = descriptor
            self.onHead = onHead
            var timeout = timeval(tv_sec: 30, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        }

        deinit {
            close(self.descriptor)
        }

        /// The next request's head up to its empty line; nil when the connection ends.
        func nextHead() -> String? {
            let separator = Data("\r\n\r\n".utf8)
            return self.pending.withLock { pending in
                while true {
                    if let end = pending.range(of: separator) {
                        let head = String(decoding: pending[..<end.upperBound], as: UTF8.self)
                        pending = Data(pending[end.upperBound...])
                        self.onHead(head)
                        return head
                    }
                    guard let piece = self.read() else { return nil }
                    pending += piece
                }
            }
        }

        /// Waits until Usher closes or says something more; nil at the end.
        func read() -> Data? {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            return count > 0 ? Data(buffer[..<count]) : nil
        }

        /// False when Usher takes no more.
        @discardableResult
        func send(_ data: Data) -> Bool {
            data.withUnsafeBytes { bytes in
                var sent = 0
                while sent < bytes.count {
                    let slice = UnsafeRawBufferPointer(rebasing: bytes[sent...])
                    let count = Foundation.send(
                        self.descriptor, slice.baseAddress, slice.count, Int32(MSG_NOSIGNAL))
                    if count <= 0 { return false }
                    sent += count
                }
                return true
            }
        }

        @discardableResult
        func send(_ text: String) -> Bool { self.send(Data(text.utf8)) }

        /// The path that a head asks for.
        static func path(of head: String) -> String {
            String(head.split(separator: " ").dropFirst().first ?? "")
        }
    }
}
