import CUsherGuard
import Glibc
import Subprocess
import SystemPackage
import Testing

@testable import UsherSupervisor

/// The guard as a program of its own, without the supervisor that normally talks to it.
@Suite(.timeLimit(.minutes(1))) struct GuardTests {
    /// How Usher, a shell or a plain fork may have started the guard.
    enum Start: CaseIterable {
        case ownSession, groupLeader, groupMember

        var options: PlatformOptions {
            var options = PlatformOptions()
            switch self {
            case .ownSession: options.createSession = true
            case .groupLeader: options.processGroupID = 0
            case .groupMember: break
            }
            return options
        }
    }

    /// Starts a guard without `--report`; `body` gets the control channel, its own to close, and the tree's lines.
    private static func guarding(
        _ command: [String], start: Start = .ownSession,
        _ body: (_ channel: Int32, _ guardPid: Int32, _ lines: AsyncStream<String>) async throws -> Void
    ) async throws -> (status: TerminationStatus, mark: ProcessMark) {
        try #require(access(guardExecutable, X_OK) == 0, "build `usher` first, or set USHER_GUARD")
        let mark = ProcessMark()
        let pipe = try TestPipe()
        var ends: [Int32] = [-1, -1]
        try #require(usher_guard_channel(&ends) == 0)
        let channel = ends[0]
        let lines = pipe.readLines()
        let outputEnd = FileDescriptor(rawValue: pipe.writeEnd)
        let result = try await Subprocess.run(
            .path(FilePath(guardExecutable)), arguments: Arguments(["__guard", "--"] + command),
            environment: .inherit.updating([.init(stringLiteral: ProcessMark.variable): mark.value]),
            platformOptions: start.options,
            input: .fileDescriptor(FileDescriptor(rawValue: ends[1]), closeAfterSpawningProcess: true),
            output: .fileDescriptor(outputEnd, closeAfterSpawningProcess: true),
            error: .combinedWithOutput
        ) { execution in
            try await body(channel, execution.processIdentifier.value, lines)
        }
        return (result.terminationStatus, mark)
    }

    private static func waitForLine(_ wanted: String, in lines: AsyncStream<String>) async {
        for await line in lines where line == wanted { return }
        Issue.record("the tree ended without the line \(wanted)")
    }

    @Test("the whole tree dies when the control channel closes", arguments: Start.allCases)
    func channelCloses(start: Start) async throws {
        let (status, mark) = try await Self.guarding(["sh", "-c", SupervisedProcessTests.tree], start: start) {
            channel, _, lines in
            await Self.waitForLine("ready", in: lines)
            close(channel)
        }
        #expect(status == .exited(137))
        #expect(mark.processes() == [])
    }

    @Test("the whole tree dies when the program that started the guard is killed")
    func parentKilled() async throws {
        let parent = """
            import os, subprocess, sys, time
            read, write = os.pipe()
            subprocess.Popen([sys.argv[1], "__guard", "--", "sh", "-c", sys.argv[2]], stdin=read)
            os.close(read)
            time.sleep(600)
            """
        try #require(access(guardExecutable, X_OK) == 0, "build `usher` first, or set USHER_GUARD")
        let mark = ProcessMark()
        let pipe = try TestPipe()
        let lines = pipe.readLines()
        let result = try await Subprocess.run(
            .name("python3"), arguments: ["-c", parent, guardExecutable, SupervisedProcessTests.tree],
            environment: .inherit.updating([.init(stringLiteral: ProcessMark.variable): mark.value]),
            input: .none,
            output: .fileDescriptor(FileDescriptor(rawValue: pipe.writeEnd), closeAfterSpawningProcess: true),
            error: .combinedWithOutput
        ) { execution in
            await Self.waitForLine("ready", in: lines)
            #expect(mark.processes().count >= 7)
            try execution.send(signal: .kill)
        }
        #expect(result.terminationStatus == .signaled(9))
        #expect(await mark.survivors() == [])
    }

    @Test(
        "the guard ends as its command does",
        arguments: [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] as [(String, Int32)])
    func exitCodes(script: String, code: Int32) async throws {
        let (status, _) = try await Self.guarding(["sh", "-c", script]) { channel, _, lines in
            for await _ in lines {}
            close(channel)
        }
        #expect(status == .exited(code))
    }

    @Test("a command that cannot be started ends the guard with 127 and one line")
    func missingCommand() async throws {
        var said: [String] = []
        let (status, _) = try await Self.guarding(["no-such-command-here"]) { channel, _, lines in
            for await line in lines { said.append(line) }
            close(channel)
        }
        #expect(status == .exited(127))
        #expect(said.count == 1)
        #expect(said.first?.hasPrefix("usher: cannot start 'no-such-command-here': no such command") == true)
    }

    @Test(
        "orders: T asks, K kills, anything else is passed over",
        arguments: [("T", 143), ("K", 137), ("?\n\0T", 143)])
    func orders(bytes: String, code: Int) async throws {
        let (status, mark) = try await Self.guarding(["sh", "-c", "sleep 600 & echo ready; exec sleep 600"]) {
            channel, _, lines in
            await Self.waitForLine("ready", in: lines)
            for byte in bytes.utf8 {
                let told = usher_guard_tell(channel, CChar(bitPattern: byte))
                #expect(told)
            }
            for await _ in lines {}
            close(channel)
        }
        #expect(status == .exited(Int32(code)))
        #expect(mark.processes() == [])
    }

    @Test(
        "no signal that can be refused ends the guard",
        arguments: [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1])
    func signals(number: Int32) async throws {
        let (status, _) = try await Self.guarding(["sh", "-c", "echo ready; exec sleep 600"]) { channel, pid, lines in
            await Self.waitForLine("ready", in: lines)
            kill(pid, number)
            // The order after the signal shows that the guard lived to obey it.
            _ = usher_guard_tell(channel, CChar(UInt8(ascii: "T")))
            for await _ in lines {}
            close(channel)
        }
        #expect(status == .exited(143))
    }

    @Test("telling a guard that is gone is no error that ends us")
    func nobodyListens() throws {
        var ends: [Int32] = [-1, -1]
        try #require(usher_guard_channel(&ends) == 0)
        close(ends[1])
        let told = usher_guard_tell(ends[0], CChar(UInt8(ascii: "T")))
        #expect(!told)
        close(ends[0])
    }

    @Test(
        "wrong usage ends with 2",
        arguments: [["__guard"], ["__guard", "--"], ["__guard", "--report", "x"], ["__guard", "sh"]])
    func usage(arguments: [String]) async throws {
        let result = try await Subprocess.run(
            .path(FilePath(guardExecutable)), arguments: Arguments(arguments), output: .discarded,
            error: .string(limit: 4096))
        #expect(result.terminationStatus == .exited(2))
        #expect(result.standardError.hasPrefix("usher: usage:"))
    }
}
