import Glibc
import Testing

@testable import UsherSupervisor

@Suite(.timeLimit(.minutes(1))) struct SupervisedProcessTests {
    @Test("a process is started on a port of its own, in the folder asked for, with nothing inherited but output")
    func start() async throws {
        let script = """
            echo "port $1 folder $(pwd)"
            echo "input $(readlink /proc/self/fd/0)"
            echo "open $(ls /proc/$$/fd | grep -v 255 | tr '\\n' ' ')" >&2
            echo "blocked $(grep SigBlk /proc/$$/status)"
            echo "ready"
            exec sleep 600
            """
        // A descriptor that a careless library left open across exec.
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        let supervisor = try TestSupervisor(["sh", "-c", script, "sh", "{port}"], folder: "/usr")
        try await supervisor.whileRunning { running in
            let (pid, port) = try await running.nextStart()
            #expect(await running.nextLine() == "test/0 | port \(port) folder /usr")
            #expect(await running.nextLine() == "test/0 | input /dev/null")
            let descriptors = try #require(await running.nextLine())
            #expect(descriptors.hasPrefix("test/0 | open 0 1 2"))
            #expect(!descriptors.contains(" \(leaked) "))
            #expect(await running.nextLine() == "test/0 | blocked SigBlk:\t0000000000000000")
            try await running.line(endingIn: "ready")
            // A session of its own: a terminal's Ctrl-C goes to Usher alone.
            #expect(getpgid(pid) == pid)
            #expect(getsid(pid) != getsid(0))
        }
    }

    @Test("a process that ends is started again, and each end is told")
    func restarts() async throws {
        let supervisor = try TestSupervisor(["sh", "-c", "exit 3"])
        try await supervisor.whileRunning { running in
            for _ in 0..<5 {
                let first = await running.nextEvent()
                guard case .started = first else {
                    Issue.record("\(String(describing: first)) instead of a start")
                    return
                }
                let second = await running.nextEvent()
                guard case .exited(.code(3), let wait?) = second else {
                    Issue.record("\(String(describing: second)) instead of an exit")
                    return
                }
                #expect(wait <= .seconds(1))
            }
        }
    }

    @Test("a restart keeps the port, and two short lives in a row lose it")
    func ports() async throws {
        let supervisor = try TestSupervisor(["sh", "-c", "exit 1"])
        try await supervisor.whileRunning { running in
            var ports: [Int] = []
            for _ in 0..<4 { ports.append(try await running.nextStart().port) }
            #expect(ports[0] == ports[1])
            #expect(ports[1] != ports[2])
            #expect(ports[2] == ports[3])
        }
    }

    @Test("a killed process is told with its signal and takes its children along before the restart")
    func killed() async throws {
        let supervisor = try TestSupervisor(["sh", "-c", Self.tree], firstWait: .seconds(600))
        try await supervisor.whileRunning { running in
            let (pid, _) = try await running.nextStart()
            try await running.line(endingIn: "ready")
            #expect(supervisor.mark.processes().count >= 4)
            kill(pid, SIGKILL)
            let end = try await running.nextExit()
            #expect(end == .signal(9))
            #expect(supervisor.mark.processes() == [])
        }
    }

    @Test("stopping gives the process its time to say good-bye and forwards what it says")
    func gracefulStop() async throws {
        let script = "trap 'echo bye; printf unterminated; exit 7' TERM; echo ready; while :; do sleep 600 & wait; done"
        let supervisor = try TestSupervisor(["sh", "-c", script])
        try await supervisor.whileRunning { running in
            try await running.line(endingIn: "ready")
        }
        var lines: [String] = []
        for await line in supervisor.captured.lines { lines.append(line) }
        #expect(lines == ["test/0 | bye", "test/0 | unterminated"])
        var last: ProcessEvent?
        for await event in supervisor.events {
            last = event
            if case .exited = event { break }
        }
        #expect(last == .exited(.code(7), willRestartIn: nil))
    }

    @Test("a process that ignores SIGTERM is killed after its grace")
    func ignoredTermination() async throws {
        let script = "trap '' TERM; echo ready; while :; do sleep 600; done"
        let supervisor = try TestSupervisor(["sh", "-c", script], grace: .milliseconds(300))
        var stopped = ContinuousClock.now
        try await supervisor.whileRunning { running in
            try await running.line(endingIn: "ready")
            stopped = .now
        }
        #expect(ContinuousClock.now - stopped >= .milliseconds(300))
        for await event in supervisor.events {
            guard case .exited(let status, let wait) = event else { continue }
            #expect(status == .signal(9))
            #expect(wait == nil)
            break
        }
    }

    @Test("a stopped process (SIGSTOP) hears the request to end")
    func stoppedProcess() async throws {
        let supervisor = try TestSupervisor(["sh", "-c", "echo ready; exec sleep 600"], grace: .seconds(60))
        try await supervisor.whileRunning { running in
            let (pid, _) = try await running.nextStart()
            try await running.line(endingIn: "ready")
            kill(pid, SIGSTOP)
        }
        for await event in supervisor.events {
            guard case .exited(let status, _) = event else { continue }
            #expect(status == .signal(15))
            break
        }
    }

    @Test("stopping while a restart is awaited returns at once")
    func stopDuringBackoff() async throws {
        let supervisor = try TestSupervisor(["sh", "-c", "exit 0"], firstWait: .seconds(600))
        try await supervisor.whileRunning { running in
            let end = try await running.nextExit()
            #expect(end == .code(0))
        }
    }

    @Test("stopping at any moment of a start leaves nothing behind", arguments: [0, 1, 3, 8, 20, 50])
    func stopDuringStart(milliseconds: Int) async throws {
        let supervisor = try TestSupervisor(["sh", "-c", "sleep 600 & setsid sleep 600 & wait"])
        try await supervisor.whileRunning { _ in
            // The moment is the point of this test, so there is no event to wait for.
            try await Task.sleep(for: .milliseconds(milliseconds))
        }
    }

    /// A child, a grandchild, and great-grandchildren in sessions of their own.
    static let tree = """
        sleep 600 &
        setsid sh -c 'sleep 600 & setsid sh -c "echo ready; exec sleep 600" & wait' &
        wait
        """

    @Test("stopping takes the whole tree down, daemons included")
    func wholeTree() async throws {
        let supervisor = try TestSupervisor(["sh", "-c", Self.tree])
        try await supervisor.whileRunning { running in
            try await running.line(endingIn: "ready")
            #expect(supervisor.mark.processes().count >= 5)
        }
    }

    @Test("processes that fork while they are being killed do not escape")
    func forking() async throws {
        // 64 processes, most in sessions of their own.
        let storm = """
            import os, sys, time
            for generation in range(6):
                if os.fork() == 0: os.setsid()
            print("ready", flush=True)
            time.sleep(600)
            """
        let supervisor = try TestSupervisor(["python3", "-c", storm])
        try await supervisor.whileRunning { running in
            try await running.line(endingIn: "ready")
        }
    }

    @Test("a killed guard takes the processes of its session along")
    func killedGuard() async throws {
        let supervisor = try TestSupervisor(
            ["sh", "-c", "sleep 600 & echo ready; wait"], firstWait: .seconds(600))
        try await supervisor.whileRunning { running in
            let (pid, _) = try await running.nextStart()
            try await running.line(endingIn: "ready")
            let parent = try #require(processFields(pid).first)
            kill(parent, SIGKILL)
            let end = try await running.nextExit()
            #expect(end == .signal(9))
            #expect(await supervisor.mark.survivors() == [])
        }
    }

    @Test("somebody outside the tree who holds the output pipe delays nothing")
    func heldPipe() async throws {
        let supervisor = try TestSupervisor(["sh", "-c", "echo ready; exec sleep 600"])
        try await supervisor.whileRunning { running in
            let (pid, _) = try await running.nextStart()
            try await running.line(endingIn: "ready")
            let held = open("/proc/\(pid)/fd/1", O_WRONLY | O_CLOEXEC)
            #expect(held >= 0)
            defer { close(held) }
            kill(pid, SIGKILL)
            let end = try await running.nextExit()
            #expect(end == .signal(9))
        }
    }
}
