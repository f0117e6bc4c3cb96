import Testing

@testable import UsherSupervisor

@Suite(.timeLimit(.minutes(1))) struct StartFailureTests {
    private static func complaint(of supervisor: TestSupervisor) async throws -> String {
        var complaint = ""
        try await supervisor.whileRunning { running in
            let event = await running.nextEvent()
            guard case .startFailed(let line, .some) = event else {
                Issue.record("\(String(describing: event)) instead of a failure to start")
                return
            }
            complaint = line
        }
        return complaint
    }

    @Test("a command that does not exist is told in one line: what, where it was looked for, what to do")
    func missingCommand() async throws {
        let line = try await Self.complaint(of: TestSupervisor(["no-such-command-here", "x"]))
        #expect(line.hasPrefix("cannot start 'no-such-command-here': no such command in PATH ("))
        #expect(line.hasSuffix("install it, or correct `run`"))
        #expect(!line.contains("\n"))
    }

    @Test(
        "each other reason has its own line",
        arguments: [
            (["./missing.sh"], "no such file (looked from /usr); correct `run`"),
            (["/etc/passwd"], "not executable"),
            (["/usr"], "not executable"),
            ([], "empty command"),
            ([""], "empty command"),
        ])
    func otherReasons(command: [String], reason: String) async throws {
        let line = try await Self.complaint(of: TestSupervisor(command, folder: "/usr"))
        #expect(line.contains(reason))
    }

    @Test("a missing folder and a missing guard are named")
    func surroundings() async throws {
        let folder = try await Self.complaint(of: TestSupervisor(["true"], folder: "/no/such/folder"))
        #expect(folder == "cannot start 'true': no folder '/no/such/folder' to start it in")
        let guardLine = try await Self.complaint(of: TestSupervisor(["true"], guardExecutable: "/no/such/guard"))
        #expect(guardLine.hasPrefix("cannot start 'true' under its guard '/no/such/guard': "))
    }

    @Test("a guard that is another program is noticed")
    func wrongGuard() async throws {
        let line = try await Self.complaint(of: TestSupervisor(["true"], guardExecutable: "/bin/true"))
        #expect(line.contains("no word about its command"))
    }

    @Test("what cannot be started is tried again")
    func triedAgain() async throws {
        let supervisor = try TestSupervisor(["no-such-command-here"])
        try await supervisor.whileRunning { running in
            for _ in 0..<4 {
                guard case .startFailed = await running.nextEvent() else {
                    Issue.record("not a failure to start")
                    return
                }
            }
        }
    }
}
