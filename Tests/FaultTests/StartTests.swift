import Foundation
import Testing

extension FaultTests {
    /// What Usher needs and cannot have: it says so in one line and ends, or goes on without.
    @Suite(.timeLimit(.minutes(1))) struct StartTests {
        /// Runs a configuration that cannot start; returns what Usher said.
        private func refusal(_ configuration: String) throws -> String {
            let usher = try UsherProcess(configuration)
            #expect(usher.process.exit() == 1)
            #expect(usher.mark.survivors() == [:])
            return usher.log.split(separator: "\n").last.map(String.init) ?? ""
        }

        @Test("a listener's port in use by another program is one clear line")
        func portInUse() throws {
            let (descriptor, port) = try Loopback.listen()
            defer { close(descriptor) }
            let line = try self.refusal(
                Configuration.proxying([1], more: "listeners: [ { address: \"127.0.0.1:\(port)\" } ]"))
            #expect(line.hasPrefix("usher: 127.0.0.1:\(port) is in use by another program"))
        }

        @Test("an admin port in use is one clear line")
        func adminPortInUse() throws {
            let (descriptor, port) = try Loopback.listen()
            defer { close(descriptor) }
            let line = try self.refusal(Configuration.proxying([1], more: "admin: 127.0.0.1:\(port)"))
            #expect(line.contains("127.0.0.1:\(port)") && line.contains("admin"))
        }

        @Test("a second Usher on one listener, or on one state folder, is refused and the first serves on")
        func second() throws {
            let (descriptor, port) = try Loopback.listen()
            close(descriptor)
            let listener = "listeners: [ { address: \"127.0.0.1:\(port)\" } ]"
            try UsherProcess.running(Configuration.proxying([1], more: listener)) { first in
                let sameListener = try self.refusal(Configuration.proxying([1], more: listener))
                #expect(sameListener.contains("another Usher listens on 127.0.0.1:\(port)"))
                let sameState = try self.refusal(Configuration.proxying([1], more: "state: \(first.folder)/.usher"))
                #expect(sameState.contains("another Usher runs with the state folder"))
                #expect(RawClient.status(first.port, "/fixed") == 200)
            }
        }

        @Test(
            "what cannot be opened or made is one clear line",
            arguments: [
                (key: "log: { access: /no/such/folder/access.log }", word: "access log"),
                (key: "log: { access: /tmp }", word: "access log"),
                (key: "state: /proc/none", word: "state folder"),
                (key: "state: /dev/null", word: "state folder"),
            ])
        func unusablePaths(key: String, word: String) throws {
            let line = try self.refusal(Configuration.proxying([1], more: key))
            #expect(line.hasPrefix("usher: cannot") && line.contains(word))
        }

        @Test("a full disk costs lines of the access log, counted, and no request")
        func fullDisk() throws {
            try UsherProcess.running(Configuration.proxying([1], more: "log: { access: /dev/full }")) { usher in
                let client = try RawClient(usher.port)
                for _ in 0..<300 { #expect(client.get("/fixed")?.status == 200) }
                let areCounted = try eventually { try usher.metric("usher_access_log_dropped_lines_total") == 300 }
                #expect(areCounted)
                #expect(usher.log.contains("No space left on device"))
            }
        }

        @Test("out of file descriptors Usher serves whom it has, rests instead of spinning, and recovers")
        func fileDescriptors() throws {
            let prefix = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"]
            try UsherProcess.running(Configuration.proxying([1]), prefix: prefix) { usher in
                let before = usher.descriptors
                var clients = [try RawClient(usher.port)]
                // Who has been served is surely let in, whichever worker was quicker to take the descriptors.
                #expect(clients[0].get("/fixed")?.status == 200)
                for _ in 0..<149 { clients.append(try RawClient(usher.port)) }
                #expect(eventually { usher.descriptors >= 63 })
                #expect(clients[0].get("/fixed")?.status == 200)
                let ticks = usher.ticks
                sleep(2)
                #expect(usher.ticks - ticks < 40, "ticks of processor time in 2 s without work")
                clients.removeAll()
                #expect(eventually { RawClient.status(usher.port, "/fixed") == 200 })
                try usher.expectAtRest(descriptors: before)
            }
        }
    }
}
