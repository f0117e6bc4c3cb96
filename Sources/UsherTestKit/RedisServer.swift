internal import Foundation
internal import Glibc
internal import NIOCore
internal import Synchronization
internal import UsherCore

/// A real redis-server of a test, with an empty store, on a unix socket in a folder of its own.
///
///     let server = try await RedisServer.start()
///     try server.command("CONFIG", "SET", "maxmemory", "1mb")
///     server.kill()
///     try await server.restart()
///
/// It dies with this object, and with the test's process however that ends.
package final class RedisServer: Sendable {
    /// The system could not do what a test needs.
    package struct Problem: Error, CustomStringConvertible {
        package var description: String
    }

    private struct Running {
        /// The shell that watches over the server, and the end of a connection that keeps both alive.
        var shell: pid_t
        var lifeline: Int32
        var pid: pid_t
        /// Where commands go; nil until the server is ready.
        var control: Control?
    }

    package let folder: String
    /// On 127.0.0.1; nil: it listens on the unix socket only.
    package let port: Int?
    private let arguments: [String]
    private let running = Mutex<Running?>(nil)

    package var socketPath: String { self.folder + "/redis.sock" }

    /// Starts a server and waits until it answers.
    ///
    /// - Parameters:
    ///   - arguments: of redis-server, such as `["--maxmemory", "1mb"]`.
    ///   - tcp: whether it also listens on a free port.
    package static func start(_ arguments: [String] = [], tcp: Bool = false) async throws -> RedisServer {
        for attempt in 1..<6 {
            let server = try RedisServer(arguments, port: tcp ? self.freePort() : nil)
            do {
                try await server.restart()
                return server
            } catch let problem as Problem where attempt < 5 && problem.description.contains("already in use") {
                // Somebody else was faster.
                continue
            }
        }
        throw Problem(description: "no redis-server")
    }

    private init(_ arguments: [String], port: Int?) throws {
        var template = Array("/tmp/usher-redis-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw Problem(description: "no folder: error \(errno)") }
        self.folder = String(cString: path)
        self.arguments = arguments
        self.port = port
    }

    deinit {
        self.kill()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// What the server wrote about itself.
    package var log: String {
        String(decoding: FileManager.default.contents(atPath: self.folder + "/log") ?? Data(), as: UTF8.self)
    }

    // MARK: Life and death

    /// Starts the server on the same socket and port, after `kill`.
    package func restart() async throws {
        self.kill()
        let words = [
            "--unixsocket", self.socketPath, "--port", "\(self.port ?? 0)", "--bind", "127.0.0.1",
            "--dir", self.folder, "--save", "", "--appendonly", "no",
        ]
        let running = try Self.spawn(words + self.arguments, log: self.folder + "/log")
        self.running.withLock { $0 = running }
        for _ in 0..<5000 {
            if let control = Control(path: self.socketPath), let reply = try? control.run(["PING"]),
                reply == "PONG" || reply.hasPrefix("NOAUTH")
            {
                self.running.withLock { $0?.control = control }
                return
            }
            // A dead child of the shell stays until that ends, so signal 0 says nothing; its log does.
            if self.log.contains("aborting") || self.log.contains("not found") { break }
            try await Task.sleep(for: .milliseconds(2))
        }
        self.kill()
        throw Problem(description: "redis-server does not start: \(self.log.suffix(500))")
    }

    /// SIGKILL; returns when it is dead. Nothing happens when it is already.
    package func kill() {
        guard let running = self.running.withLock({ $0.take() }) else { return }
        // The shell kills the server when its input ends, waits for its death, and ends.
        close(running.lifeline)
        waitpid(running.shell, nil, 0)
    }

    /// SIGSTOP: it stays connected and says nothing.
    package func pause() {
        self.signal(SIGSTOP)
    }

    package func resume() {
        self.signal(SIGCONT)
    }

    private func signal(_ number: Int32) {
        self.running.withLock { running in
            if let running { _ = Glibc.kill(running.pid, number) }
        }
    }

    // MARK: Commands

    /// Runs a command; an error reply is a text too. Elements of an array are joined by line feeds, null is empty.
    @discardableResult
    package func command(_ words: String...) throws -> String {
        guard let control = self.running.withLock({ $0?.control }) else {
            throw Problem(description: "redis-server does not run")
        }
        return try control.run(words)
    }

    /// A number from INFO: `total_connections_received`, `connected_clients`.
    package func statistic(_ name: String) throws -> Int? {
        let lines = try self.command("INFO").split(separator: "\r\n")
        return lines.first { $0.hasPrefix("\(name):") }.flatMap { Int($0.dropFirst(name.count + 1)) }
    }
}

// MARK: - Processes

extension RedisServer {
    private static func spawn(_ arguments: [String], log: String) throws -> Running {
        // Both are closed in whatever else this process starts meanwhile.
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Problem(description: "no sockets: error \(errno)")
        }
        let lifeline = ends[0]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        // Threads that run tasks block all signals; a shell that never hears of its child's death waits for ever.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        // Tells the server's number, and kills it as soon as nobody holds the other end any more.
        let script = "redis-server \"$@\" </dev/null >&2 & echo $!; read -r _; kill -9 $!; wait"
        let words = (["sh", "-c", script, "sh"] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var shell: pid_t = 0
        let result = posix_spawn(&shell, "/bin/sh", &actions, &attributes, words, environ)
        close(ends[1])
        var line = [UInt8](repeating: 0, count: 32)
        let count = result == 0 ? read(lifeline, &line, line.count) : 0
        let text = String(decoding: line.prefix(max(count, 0)), as: UTF8.self)
        guard let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            close(lifeline)
            throw Problem(description: "cannot start redis-server: error \(result)")
        }
        return Running(shell: shell, lifeline: lifeline, pid: pid)
    }

    /// A port that was free a moment ago.
    private static func freePort() throws -> Int? {
        guard case .ip(_, let port) = try RefusingPort().address else { return nil }
        return port
    }
}

// MARK: - Control

/// A connection for a test's own commands, one at a time, each within 10 s.
private final class Control: Sendable {
    private let descriptor: Int32
    private let unread = Mutex<[UInt8]>([])

    /// Nil when nobody listens.
    init?(path: String) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let result = try? SocketAddress(unixDomainSocketPath: path).withSockAddr { address, count in
            connect(descriptor, address, socklen_t(count))
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        self.descriptor = descriptor
    }

    deinit {
        close(self.descriptor)
    }

    func run(_ words: [String]) throws -> String {
        try self.unread.withLock { unread in
            var bytes = Array("*\(words.count)\r\n".utf8)
            for word in words { bytes += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
            guard send(self.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
                throw RedisServer.Problem(description: "cannot send: error \(errno)")
            }
            return try self.reply(&unread)
        }
    }

    private func reply(_ unread: inout [UInt8]) throws -> String {
        let line = try self.line(&unread)
        let text = String(line.dropFirst())
        switch line.first {
        case "$":
            guard let count = Int(text), count >= 0 else { return "" }
            while unread.count < count + 2 { try self.fill(&unread) }
            defer { unread.removeFirst(count + 2) }
            return String(decoding: unread.prefix(count), as: UTF8.self)
        case "*":
            return try (0..<max(Int(text) ?? 0, 0)).map { _ in try self.reply(&unread) }.joined(separator: "\n")
        default:
            return text
        }
    }

    private func line(_ unread: inout [UInt8]) throws -> String {
        while true {
            if let end = unread.firstIndex(of: 0x0A) {
                defer { unread.removeFirst(end + 1) }
                return String(decoding: unread.prefix(max(end - 1, 0)), as: UTF8.self)
            }
            try self.fill(&unread)
        }
    }

    private func fill(_ unread: inout [UInt8]) throws {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(self.descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { throw RedisServer.Problem(description: "no answer: error \(errno)") }
        unread += bytes.prefix(count)
    }
}
