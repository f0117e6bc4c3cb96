import Foundation
import Testing

extension FaultTests {
    /// Replicas that Usher starts, and how nothing of them outlives it.
    @Suite(.timeLimit(.minutes(1))) struct ProcessTests {
        /// A replica with a child; unless it is plain, also with a grandchild in another session and with a daemon
        /// whose parent has ended.
        private static let family = """
            [ "$2" = stubborn ] && trap '' TERM
            sleep 1000 &
            if [ "$2" != plain ]; then
                setsid sh -c 'sleep 1000 & sleep 1000' &
                (setsid sleep 1000 &)
            fi
            "$3" "$1" &
            wait
            sleep 1000
            """

        private func configuration(kind: String) throws -> String {
            """
            services:
              web:
                replicas: { run: [sh, family.sh, "{port}", \(kind), \(try Tools.replica.get())], count: 2 }
                readiness: { path: /ready, interval: 200ms }
            routes: [ { service: web } ]
            """
        }

        private func startFamilies(_ kind: String = "ordinary") throws -> UsherProcess {
            let usher = try UsherProcess(try self.configuration(kind: kind), files: ["family.sh": Self.family])
            try usher.waitUntilServing()
            let sleepers = kind == "plain" ? 2 : 8
            let isWhole = eventually(within: .seconds(20)) {
                usher.mark.processes().values.count { $0.hasPrefix("sleep") } >= sleepers
                    && RawClient.status(usher.port, "/item/1") == 200
            }
            try #require(isWhole, "\(usher.mark.processes().values)")
            return usher
        }

        @Test("when Usher is killed, children, grandchildren and daemons of its replicas die with it")
        func killed() throws {
            let usher = try self.startFamilies()
            usher.process.signal(SIGKILL)
            #expect(usher.process.exit() == -SIGKILL)
            #expect(usher.mark.survivors() == [:])
        }

        @Test("Ctrl-C ends Usher well and leaves no process")
        func interrupted() throws {
            let usher = try self.startFamilies()
            usher.process.signalGroup(SIGINT)
            #expect(usher.process.exit() == 0)
            #expect(usher.mark.survivors() == [:])
        }

        @Test("replicas that ignore SIGTERM are gone when Usher has ended")
        func stubborn() throws {
            let usher = try self.startFamilies("stubborn")
            usher.process.signal(SIGTERM)
            #expect(usher.process.exit(within: .seconds(30)) == 0)
            #expect(usher.mark.survivors(after: .seconds(1)) == [:])
        }

        @Test("a stopped guard does not save its replica's daemons")
        func stoppedGuard() throws {
            let usher = try self.startFamilies()
            for (pid, command) in usher.mark.processes() where command.contains("__guard") { kill(pid, SIGSTOP) }
            usher.process.signal(SIGTERM)
            #expect(usher.process.exit(within: .seconds(40)) == 0)
            #expect(usher.mark.survivors() == [:])
        }

        @Test("when its guard is killed, a replica and its children die, and it is started again")
        func killedGuard() throws {
            let usher = try self.startFamilies("plain")
            let before = usher.mark.processes()
            for (pid, command) in before where command.contains("__guard") { kill(pid, SIGKILL) }
            let isReplaced = eventually(within: .seconds(20)) {
                let now = usher.mark.processes()
                return now.keys.allSatisfy { before[$0] == nil || $0 == usher.process.pid }
                    && now.values.count { $0.contains("__guard") } == 2
            }
            #expect(isReplaced, "of before: \(usher.mark.processes().filter { before[$0.key] != nil })")
            #expect(eventually { RawClient.status(usher.port, "/item/1") == 200 })
            usher.process.signal(SIGTERM)
            #expect(usher.process.exit() == 0)
            #expect(usher.mark.survivors() == [:])
        }

        @Test(
            "a command that cannot serve leaves the rest of Usher serving, with a reason",
            arguments: [
                (command: #"[/no/such/program, "{port}"]"#, word: "no such file"),
                (command: #"[/etc/passwd, "{port}"]"#, word: "not executable"),
                (command: #"["false", "{port}"]"#, word: "exit code 1"),
                (command: #"[sh, -c, "kill -9 $$", "{port}"]"#, word: "SIGKILL"),
            ])
        func useless(command: String, word: String) throws {
            let service = "replicas: { run: \(command), count: 2 }"
            let configuration = Configuration.proxying([]).replacingOccurrences(of: "replicas: []", with: service)
            try UsherProcess.running(configuration) { usher in
                #expect(eventually { usher.log.contains(word) }, "\(usher.log)")
                let answer = try RawClient(usher.port).get("/item/1")
                #expect(answer?.status == 503)
                #expect(answer?.body == "web: no replica is ready\n")
                #expect(RawClient.status(usher.port, "/fixed") == 200)
            }
        }

        @Test("a replica that never listens is not ready, and does not hold up the end")
        func neverReady() throws {
            let service = #"replicas: { run: [sh, -c, "exec sleep 1000", "{port}"], count: 1 }"#
            let configuration = Configuration.proxying([]).replacingOccurrences(of: "replicas: []", with: service)
            try UsherProcess.running(configuration) { usher in
                #expect(RawClient.status(usher.port, "/item/1") == 503)
                #expect(RawClient.status(usher.port, "/fixed") == 200)
            }
        }

        @Test("30 MB of a replica's output in one line and in many cost no memory and delay nobody")
        func chatty() throws {
            let script = "head -c 15000000 /dev/zero | tr '\\\\0' x; yes | head -c 15000000; echo; exec sleep 1000"
            let service = #"replicas: { run: [sh, -c, "\#(script)", "{port}"], count: 1 }"#
            let configuration = Configuration.proxying([]).replacingOccurrences(of: "replicas: []", with: service)
            try UsherProcess.running(configuration) { usher in
                let before = usher.residentMebibytes
                #expect(RawClient.status(usher.port, "/fixed") == 200)
                let isDone = eventually(within: .seconds(40)) {
                    usher.mark.processes().values.contains { $0.hasPrefix("sleep 1000") }
                }
                #expect(isDone)
                #expect(usher.residentMebibytes < before + 24)
                #expect(RawClient.status(usher.port, "/fixed") == 200)
            }
        }

        @Test("Usher ends when it is told to, although nobody reads what it and its replicas print")
        func unreadErrors() throws {
            let script = "until [ -e go ]; do sleep 0.02; done; while :; do echo yyyyyyyyyyyyyyyy; done"
            let service = #"replicas: { run: [sh, -c, "\#(script)", "{port}"], count: 1 }"#
            let configuration = Configuration.proxying([]).replacingOccurrences(of: "replicas: []", with: service)
            // Reads what Usher says at its start and some of what the replica prints, and then nothing more.
            let reader = #"exec "$@" 2>&1 >/dev/null | (sed -u 400q >> errors; exec sleep 1000)"#
            let usher = try UsherProcess(configuration, prefix: ["bash", "-c", reader, "bash"])
            try usher.waitUntilServing()
            let pid = try #require(usher.mark.processes().first { $0.value.hasPrefix(UsherProcess.binary) }?.key)
            try "".write(toFile: "\(usher.folder)/go", atomically: false, encoding: .utf8)
            #expect(eventually { self.errorPipeIsFull(of: pid) })
            #expect(RawClient.status(usher.port, "/fixed") == 200)
            kill(pid, SIGTERM)
            let hasEnded = eventually(within: .seconds(15)) { kill(pid, 0) != 0 || usher.mark.processes()[pid] == nil }
            #expect(hasEnded)
        }

        /// Whether the pipe that is the process's standard error takes nothing more.
        private func errorPipeIsFull(of pid: pid_t) -> Bool {
            let pipe = open("/proc/\(pid)/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            guard pipe >= 0 else { return false }
            defer { close(pipe) }
            var state = pollfd(fd: pipe, events: Int16(POLLOUT), revents: 0)
            return poll(&state, 1, 0) == 0
        }
    }
}
