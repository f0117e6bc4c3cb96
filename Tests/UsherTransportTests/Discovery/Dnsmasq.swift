import Foundation
import Synchronization
import UsherCore
import UsherTestKit

/// A real name server of a test, with its own configuration, on a port of its own.
final class Dnsmasq: Sendable {
    let port: Int
    private let pid: pid_t
    private let isGone = Atomic(false)
    /// What it says while it runs.
    private let lines: Journal<String>
    /// Closes when it is let go.
    private let errors: FileHandle

    var address: ReplicaAddress { .ip(IPAddress(v4: 0x7F00_0001), port: self.port) }

    /// Starts it and waits until it answers.
    ///
    /// - Parameters:
    ///   - hosts: a file in the form of `/etc/hosts`, read again by `reload`.
    ///   - configuration: further lines of its configuration.
    ///   - port: nil: any free one.
    static func start(hosts: URL, configuration: String = "", port: Int? = nil) async throws -> Dnsmasq {
        var failure: any Error = TestKitError.ended("no port")
        // Between finding a free port and its use somebody else may take it.
        for _ in 0..<5 {
            do {
                let server = try Dnsmasq(hosts: hosts, configuration: configuration, port: try port ?? freePort())
                try await server.waitForLine(containing: "read \(hosts.path)", after: 0)
                return server
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private init(hosts: URL, configuration: String, port: Int) throws {
        let file = hosts.deletingLastPathComponent().appending(path: "dnsmasq-\(port).conf")
        try """
        port=\(port)
        listen-address=127.0.0.1
        bind-interfaces
        no-resolv
        no-hosts
        addn-hosts=\(hosts.path)
        local=/internal/
        \(configuration)

        """.write(to: file, atomically: true, encoding: .utf8)
        self.port = port
        let pipe = Pipe()
        self.pid = try Self.spawn(
            [
                try Self.program(), "--keep-in-foreground", "--conf-file=\(file.path)", "--pid-file=",
                "--log-facility=-", "--user=",
            ], errors: pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        self.errors = pipe.fileHandleForReading
        let lines = Journal<String>()
        self.lines = lines
        self.errors.readabilityHandler = { handle in
            let data = handle.availableData
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                lines.note("the end")
                return
            }
            // Each line comes in one write.
            for line in String(decoding: data, as: UTF8.self).split(separator: "\n") { lines.note(String(line)) }
        }
    }

    deinit {
        self.kill()
    }

    /// Reads the hosts file again and waits until that is done.
    func reload() async throws {
        let before = self.lines.entries.count
        Foundation.kill(self.pid, SIGHUP)
        try await self.waitForLine(containing: "read /", after: before)
    }

    /// Ends it as a crash does, and waits until it is gone.
    func kill() {
        guard !self.isGone.exchange(true, ordering: .relaxed) else { return }
        Foundation.kill(self.pid, SIGKILL)
        waitpid(self.pid, nil, 0)
    }

    /// Starts the process with no signal blocked: the threads that tests run on have nearly all of them blocked, and a
    /// child inherits that.
    private static func spawn(_ command: [String], errors: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let arguments = command.map { strdup($0) } + [nil]
        defer { for text in arguments { free(text) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, command[0], &actions, &attributes, arguments, environ)
        guard result == 0 else { throw TestKitError.ended(String(cString: strerror(result))) }
        return pid
    }

    private func waitForLine(containing text: String, after start: Int) async throws {
        var count = start
        while true {
            let lines = try await self.lines.wait(for: count + 1)
            for line in lines[count...] where line.contains(text) { return }
            count = lines.count
            if lines.last == "the end" { throw TestKitError.ended(lines.joined(separator: "; ")) }
        }
    }

    /// Debian puts it where only root's search path leads.
    private static func program() throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        let found = folders.map { "\($0)/dnsmasq" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else { throw TestKitError.ended("dnsmasq is missing: scripts/install-tools.sh test") }
        return found
    }

    /// A port that is free for UDP and TCP.
    private static func freePort() throws -> Int {
        let holder = try RefusingPort()
        guard case .ip(_, let port) = holder.address else { throw TestKitError.ended("no port") }
        return port
    }
}
