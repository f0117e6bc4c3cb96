import Foundation

/// A process of a test, in a process group of its own, with its output in a file or a pipe.
final class ChildProcess {
    let pid: pid_t
    private var status: Int32?

    /// - Parameters:
    ///   - errors: the file that standard error goes to.
    ///   - input: the descriptor that standard input comes from; nil: there is none.
    ///   - output: the descriptor that standard output goes to; nil: nowhere.
    init(
        _ command: [String], folder: String = "/", environment: [String: String] = [:], errors: String = "/dev/null",
        input: Int32? = nil, output: Int32? = nil
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // posix_spawn has no portable way to change the folder; `env` becomes the command, so the pid stays.
        let command = ["env", "-C", folder] + command
        let arguments = command.map { strdup($0) } + [nil]
        let pairs = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + pairs { free(text) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, command[0], &actions, &attributes, arguments, pairs)
        guard result == 0 else {
            throw FaultTestError("cannot start \(command[0]): \(String(cString: strerror(result)))")
        }
        self.pid = pid
    }

    deinit {
        if self.exitStatus == nil {
            self.signal(SIGKILL)
            waitpid(self.pid, nil, 0)
        }
    }

    /// What waitpid says; nil while the process runs.
    var exitStatus: Int32? {
        if let status = self.status { return status }
        var status: Int32 = 0
        guard waitpid(self.pid, &status, WNOHANG) == self.pid else { return nil }
        self.status = status
        return status
    }

    var isAlive: Bool { self.exitStatus == nil }

    func signal(_ number: Int32) {
        if self.status == nil { kill(self.pid, number) }
    }

    /// As a terminal does with Ctrl-C: everybody in the process's group.
    func signalGroup(_ number: Int32) {
        if self.status == nil { kill(-self.pid, number) }
    }

    /// The exit code, or minus the signal that ended it; nil when it still runs after `limit`.
    func exit(within limit: Duration = .seconds(20)) -> Int32? {
        guard eventually(within: limit, { self.exitStatus != nil }), let status = self.exitStatus else { return nil }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
    }
}

extension ChildProcess {
    /// Runs a program to its end, or for as long as `exit` waits; `output` is that of both of its streams.
    static func output(of command: [String], in folder: String) throws -> (code: Int32?, output: String) {
        let file = "\(folder)/command-output"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FaultTestError("cannot write \(file)") }
        defer { close(descriptor) }
        let process = try ChildProcess(command, folder: folder, errors: file, output: descriptor)
        let code = process.exit()
        return (code, String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self))
    }
}

/// Finds a test's processes wherever they went: descendants inherit the mark in their environment.
struct ProcessMark {
    private static let variable = "USHER_FAULT_MARK"
    private let value = "mark-\(getpid())-\(UInt64.random(in: .min ... .max))"

    var environment: [String: String] { [Self.variable: self.value] }

    /// Living processes (zombies have no environment) that carry the mark, with their command lines.
    func processes() -> [pid_t: String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        var found: [pid_t: String] = [:]
        let needle = Data("\(Self.variable)=\(self.value)\0".utf8)
        for pid in names.compactMap({ pid_t($0) }) {
            guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ"),
                environment.range(of: needle) != nil
            else { continue }
            let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            found[pid] = String(decoding: command, as: UTF8.self).replacingOccurrences(of: "\0", with: " ")
        }
        return found
    }

    /// Who still carries the mark after `limit`; they are killed, so that a failed test leaves nothing behind.
    func survivors(after limit: Duration = .seconds(5)) -> [pid_t: String] {
        if eventually(within: limit, { self.processes().isEmpty }) { return [:] }
        let left = self.processes()
        for pid in left.keys { kill(pid, SIGKILL) }
        return left
    }
}
