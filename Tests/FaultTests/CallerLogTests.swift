import Foundation
import Synchronization
import Testing
import UsherTestKit

extension FaultTests {
    /// What goes wrong around callers and quotas is said once, not once a request.
    @Suite(.timeLimit(.minutes(3))) struct CallerLogTests {
        private static let key = "X-API-Key: \(UsherCommands.key)\r\n"
        private static let keyLine = UsherCommands.keyLine()

        private static func count(_ words: String, in usher: UsherProcess) -> Int {
            usher.log.components(separatedBy: words).count - 1
        }

        private static func status(_ client: RawClient, _ path: String = "/", _ fields: String = "") -> Int {
            client.send("GET \(path) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n")
            return client.readAnswer()?.status ?? 0
        }

        /// Asks on several connections until it is told that it is enough.
        private final class Load: Sendable {
            private let state = Mutex((statuses: [Int: Int](), isEnough: false))
            private let ended = DispatchSemaphore(value: 0)
            private let count = 4

            init(_ port: UInt16) throws {
                for number in 0..<self.count {
                    let client = try RawClient(port)
                    Thread.detachNewThread {
                        while !self.state.withLock({ $0.isEnough }) {
                            let status = CallerLogTests.status(client, number % 2 == 0 ? "/one" : "/two")
                            self.state.withLock { $0.statuses[status, default: 0] += 1 }
                            usleep(1000)
                        }
                        self.ended.signal()
                    }
                }
            }

            func finish() -> [Int: Int] {
                self.state.withLock { $0.isEnough = true }
                for _ in 0..<self.count { self.ended.wait() }
                return self.state.withLock { $0.statuses }
            }
        }

        /// Waits on the test's own thread for what is done on another.
        private static func restart(_ server: RedisServer) throws {
            let (done, result) = (DispatchSemaphore(value: 0), Outcome())
            Task.detached {
                do { try await server.restart() } catch { result.problem.withLock { $0 = "\(error)" } }
                done.signal()
            }
            done.wait()
            if let problem = result.problem.withLock({ $0 }) { throw FaultTestError(problem) }
        }

        private final class Switch: Sendable {
            let state = Mutex(false)
        }

        private final class Outcome: Sendable {
            let problem = Mutex<String?>(nil)
        }

        @Test("an outage of a shared store is said once for all quotas, workers and requests, and so is its end")
        func storeOutage() async throws {
            let server = try await RedisServer.start()
            let store = "store: { unix: \(server.socketPath), deadline: 100ms }, on-failure: allow"
            let yaml = """
                workers: 2
                quotas: { one: { anonymous: 1000000/h, \(store) }, two: { anonymous: 1000000/h, \(store) } }
                routes:
                  - { match: { path: /one }, quota: one, respond: { status: 200, body: one } }
                  - { quota: two, respond: { status: 200, body: two } }
                """
            let (lost, found) = ("a quota store does not answer", "a quota store answers again")
            try UsherProcess.running(yaml) { usher in
                func isUp(_ wanted: Int) -> Bool {
                    eventually { (try? usher.metric("usher_quota_store_up")) == wanted }
                }
                #expect(isUp(2))
                let load = try Load(usher.port)
                for outage in 1...3 {
                    if outage == 2 { server.pause() } else { server.kill() }
                    #expect(isUp(0))
                    #expect(eventually { Self.count(lost, in: usher) == outage }, "\(usher.log)")
                    // Some hundred requests meet it.
                    usleep(700_000)
                    #expect(Self.count(lost, in: usher) == outage, "\(usher.log)")
                    #expect(Self.count(found, in: usher) == outage - 1, "\(usher.log)")
                    if outage == 2 { server.resume() } else { try Self.restart(server) }
                    #expect(eventually { Self.count(found, in: usher) == outage }, "\(usher.log)")
                    #expect(isUp(2))
                }
                let statuses = load.finish()
                #expect(Set(statuses.keys) == [200] && statuses[200, default: 0] > 300, "\(statuses)")
                #expect(Self.count(lost, in: usher) == 3 && Self.count(found, in: usher) == 3, "\(usher.log)")
                #expect(usher.log.split(separator: "\n").count < 20, "\(usher.log)")
            }
        }

        @Test("a broken file of keys or addresses is said once with its name and place, and again when it breaks anew")
        func brokenFiles() throws {
            let yaml = """
                limits: { deny: deny }
                identities: { keys: { file: keys.yaml } }
                routes: [ { respond: { status: 200, body: ok } } ]
                """
            try UsherProcess.running(yaml, files: ["keys.yaml": Self.keyLine, "deny": "192.0.2.1\n"]) { usher in
                let client = try RawClient(usher.port)
                func write(_ name: String, _ text: String) throws {
                    try text.write(toFile: "\(usher.folder)/\(name)", atomically: true, encoding: .utf8)
                }
                let (keys, addresses) = ("changed credentials are not used", "a changed list of addresses is not used")
                for round in 1...2 {
                    try write("keys.yaml", Self.keyLine + "- { name: half\(round), sha")
                    try write("deny", "127.0.0.1\nnonsense\(round)\n")
                    #expect(eventually { Self.count(keys, in: usher) == round }, "\(usher.log)")
                    #expect(eventually { Self.count(addresses, in: usher) == round }, "\(usher.log)")
                    // Time to look at them some times more.
                    for _ in 1...200 {
                        #expect(Self.status(client, "/", Self.key) == 200)
                        usleep(10_000)
                    }
                    #expect(Self.count(keys, in: usher) == round && Self.count(addresses, in: usher) == round)
                    #expect(usher.log.contains("/keys.yaml:") && usher.log.contains("/deny"), "\(usher.log)")
                    #expect(usher.log.contains("line 2"), "\(usher.log)")
                    try write("keys.yaml", Self.keyLine)
                    try write("deny", "192.0.2.\(round)\n")
                    #expect(eventually { Self.count("a list of addresses has changed", in: usher) == round })
                }
                #expect(!usher.log.contains(UsherCommands.key))
            }
        }

        @Test("an issuer whose keys cannot be fetched is said once, and once that they can be again")
        func issuer() throws {
            let isThere = Switch()
            let replica = try ScriptedReplica { conversation in
                guard conversation.nextHead() != nil, isThere.state.withLock({ $0 }) else { return }
                let keys = UsherCommands.keySet
                conversation.send("HTTP/1.1 200 OK\r\nContent-Length: \(keys.utf8.count)\r\n\r\n\(keys)")
            }
            let yaml = """
                identities: { jwt: { jwks: "http://127.0.0.1:\(replica.port)/keys" } }
                routes: [ { respond: { status: 200, body: ok } } ]
                """
            let (lost, found) = ("the keys for tokens cannot be fetched", "the keys for tokens can be fetched again")
            try UsherProcess.running(yaml) { usher in
                let client = try RawClient(usher.port)
                let token = "Authorization: Bearer eyJhbGciOiJFZERTQSJ9.e30.AAAA\r\n"
                // It is asked again every five seconds.
                for _ in 1...120 {
                    #expect(Self.status(client, "/", token) == 503 && Self.status(client) == 200)
                    usleep(100_000)
                }
                #expect(Self.count(lost, in: usher) == 1 && usher.log.contains("/keys"), "\(usher.log)")
                isThere.state.withLock { $0 = true }
                #expect(eventually { Self.status(client, "/", token) == 401 })
                #expect(Self.count(lost, in: usher) == 1 && Self.count(found, in: usher) == 1, "\(usher.log)")
            }
        }

        @Test("an Usher whose files of callers or addresses are broken does not start, and says which and why")
        func start() throws {
            for (line, files, parts) in [
                (
                    "identities: { keys: { file: keys.yaml } }", ["keys.yaml": "- { name: a }\n"],
                    ["keys.yaml:1:", "sha256"]
                ),
                ("identities: { basic: { file: users.yaml } }", ["users.yaml": "no list"], ["users.yaml:1:"]),
                ("identities: { jwt: { secret: { file: secret } } }", ["secret": "short"], ["secret", "at least 32"]),
                ("identities: { jwt: { jwks: jwks.json } }", ["jwks.json": "{}"], ["identities.jwt", "JWK Set"]),
                ("identities: { jwt: { jwks: none.json } }", [:], ["none.json"]),
                ("limits: { deny: deny }", ["deny": "nonsense\n"], ["limits.deny", "line 1"]),
                ("limits: { allow: none }", [:], ["limits.allow", "none"]),
            ] as [(String, [String: String], [String])] {
                let usher = try UsherProcess(
                    "\(line)\nroutes: [ { respond: { status: 200 } } ]\n", files: files)
                #expect(usher.process.exit() == 1, "\(line): \(usher.log)")
                for part in parts { #expect(usher.log.contains(part), "\(part) in \(usher.log)") }
            }
        }
    }
}
