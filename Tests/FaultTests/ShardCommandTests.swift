import Foundation
import Testing

extension FaultTests {
    /// `usher shards`, and sharded services in `usher status` and in the metrics.
    @Suite(.timeLimit(.minutes(2))) struct ShardCommandTests {
        /// `s0` owns keys below `m`, `s1` the others; nobody answers for `s2`.
        private static func yaml(_ replica: UInt16, _ other: UInt16) -> String {
            """
            workers: 2
            services:
              profiles:
                sharded:
                  key: "{query.user}"
                  function: ranges
                  shards:
                    s0: { from: "", replicas: ["127.0.0.1:\(replica)"] }
                    s1: { from: m, replicas: ["127.0.0.1:\(replica)", "127.0.0.1:\(other)"] }
                    s2: { from: x, replicas: ["127.0.0.1:1"] }
                readiness: { path: /, interval: 200ms, rise: 1, fall: 1 }
              web: { replicas: ["127.0.0.1:\(replica)"] }
            routes: [ { match: { path: /web }, service: web }, { service: profiles } ]
            """
        }

        private static func ask(_ port: UInt16, user: String) throws -> Int {
            let client = try RawClient(port)
            client.send("GET /?user=\(user) HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            return client.readAnswer()?.status ?? 0
        }

        /// The words of the line that begins with one.
        private static func row(_ name: String, _ text: String) -> [Substring] {
            text.split(separator: "\n").map { $0.split(separator: " ") }.first { $0.first == Substring(name) } ?? []
        }

        /// - Parameter gate: requests for `/slow` wait until it is opened.
        private static func replica(
            _ status: String = "200 OK", gate: DispatchSemaphore? = nil
        ) throws -> ScriptedReplica {
            try ScriptedReplica { conversation in
                while let head = conversation.nextHead() {
                    if head.hasPrefix("GET /slow") { gate?.wait() }
                    conversation.send(Data("HTTP/1.1 \(status)\r\nContent-Length: 2\r\n\r\nok".utf8))
                }
            }
        }

        @Test(
            "shards shows each shard with its load and top key, status which are not ready, and metrics agree at once")
        func shards() throws {
            let (replica, other) = (try Self.replica(), try Self.replica())
            try UsherProcess.running(Self.yaml(replica.port, other.port)) { usher in
                let folder = UsherCommands(in: usher.folder)
                func run(_ arguments: String...) throws -> UsherCommands.Result {
                    try folder.start(arguments + ["--admin", "127.0.0.1:\(usher.adminPort)"]).result()
                }
                for _ in 1...6 { #expect(try Self.ask(usher.port, user: "ada") == 200) }
                // A key that would clear the screen, and write a line of its own.
                for _ in 1...4 { #expect(try Self.ask(usher.port, user: "zz%1b%5b2J%0d%0as9") == 503) }
                for _ in 1...3 { #expect(try Self.ask(usher.port, user: "%6doses") == 200) }

                // What workers counted is told at once, everywhere the same.
                let json = try JSONSerialization.jsonObject(with: Data(try run("shards", "--json").output.utf8))
                let services = (json as? [String: Any])?["services"] as? [[String: Any]]
                let shards = try #require(services?.first?["shards"] as? [[String: Any]])
                #expect(shards.map { $0["requests"] as? Int } == [6, 3, 4])
                for (shard, count) in [("s0", 6), ("s1", 3), ("s2", 4)] {
                    let labels = ["service=\"profiles\"", "shard=\"\(shard)\""]
                    #expect(try usher.scrape().sum("usher_shard_requests_total", labels) == count)
                }
                #expect(try usher.metric("usher_shard_bytes_total", "shard=\"s0\"") > 6 * 40)
                #expect(try usher.metric("usher_shard_map_epoch", "service=\"profiles\"") == 1)
                #expect(
                    try usher.admin("GET /metrics HTTP/1.1").contains(
                        "usher_shard_dark_keys_ratio{service=\"profiles\"} 0.3333"))

                // Keys are looked at once a second.
                var shown = try run("shards")
                let isTold = eventually(within: .seconds(10)) {
                    if let next = try? run("shards") { shown = next }
                    return shown.output.contains("moses") && shown.output.contains("s9")
                }
                #expect(isTold && shown.code == 0 && shown.errors.isEmpty, "\(shown)")
                #expect(shown.output.hasPrefix("profiles: 3 shards by ranges, epoch 1\n"))
                #expect(shown.output.contains("33.3 % of the shards dark"), "\(shown.output)")
                #expect(Self.row("s0", shown.output).contains("ada"))
                #expect(Self.row("s2", shown.output).contains("0/1"))
                #expect(Self.row("s2", shown.output).contains("zz\\u{1b}[2J\\u{d}\\u{a}s9"), "\(shown.output)")
                #expect(!shown.output.contains("\u{1b}") && !shown.output.contains("\r"))
                let unknown = try run("shards", "web")
                #expect(unknown.code == 1 && unknown.errors.contains("there is: profiles"), "\(unknown)")

                let status = try run("status")
                #expect(
                    status.code == 1 && Self.row("profiles", status.output).prefix(3) == ["profiles", "3", "shards"])
                #expect(status.output.contains("33.3 % dark"), "\(status.output)")
                #expect(Self.row("s1:", status.output).prefix(4) == ["s1:", "2", "replicas", "ready"])
                #expect(Self.row("s2:", status.output).prefix(4) == ["s2:", "1", "replica", "0"])
                #expect(try run("status", "profiles").code == 1)
                let one = try run("status", "profiles/s1")
                #expect(one.code == 0 && one.output.contains("profiles/s1"), "\(one)")
                #expect(try run("status", "web").code == 0)
            }
        }

        @Test("a reload that adds a shard keeps every count, and is told: epoch, keys that moved, earlier owners asked")
        func change() throws {
            // The new shard has nothing yet.
            let gate = DispatchSemaphore(value: 0)
            let (replica, empty) = (try Self.replica(gate: gate), try Self.replica("404 Not Found"))
            let yaml = """
                workers: 2
                services:
                  profiles:
                    sharded:
                      key: "{query.user}"
                      dual-read: { until: "2099-06-01T12:00:00Z" }
                      shards: { s0: ["127.0.0.1:\(replica.port)"] }
                routes: [ { service: profiles } ]
                """
            try UsherProcess.running(yaml) { usher in
                let folder = UsherCommands(in: usher.folder)
                let admin = ["--file", "usher.yaml", "--admin", "127.0.0.1:\(usher.adminPort)"]
                for user in 0..<40 { #expect(try Self.ask(usher.port, user: "u\(user)") == 200) }
                // It began before, and ends after; its shard must have it all the same.
                let slow = try RawClient(usher.port)
                slow.send("GET /slow?user=u0 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                #expect(eventually { (try? usher.metric("usher_endpoint_requests_in_flight")) == 1 })
                let text = try #require(folder.text("usher.yaml"))
                try folder.write(
                    "usher.yaml", text.replacing("] }\nroutes", with: "], s1: [\"127.0.0.1:\(empty.port)\"] }\nroutes"))
                #expect(try folder.start(["reload"] + admin).result().code == 0)
                let s0 = "shard=\"s0\""
                #expect(try usher.metric("usher_shard_requests_total", s0) == 40)
                gate.signal()
                #expect(slow.readAnswer()?.status == 200)
                #expect(eventually { (try? usher.metric("usher_shard_requests_total", s0)) == 41 })
                for user in 0..<40 { #expect(try Self.ask(usher.port, user: "u\(user)") == 200) }
                let scrape = try usher.scrape()
                let moved = scrape.count("usher_shard_requests_total", "shard=\"s1\"")
                #expect(moved > 5 && scrape.count("usher_shard_requests_total", s0) == 81 - moved)
                #expect(scrape.count("usher_shard_earlier_owner_requests_total", "shard=\"s1\"") == moved)
                #expect(scrape.count("usher_shard_map_epoch", "service=\"profiles\"") == 2)
                let shown = try folder.start(["shards"] + admin).result().output
                #expect(
                    shown.hasPrefix("profiles: 2 shards by rendezvous, epoch 2, the last change moved "), "\(shown)")
                #expect(
                    shown.contains("dual read until 2099-06-01 ") && shown.contains("were asked \(moved) times"),
                    "\(shown)")
            }
        }

        @Test("shards says so when there is none, or when nobody runs; help has an example; wrong usage is 2")
        func nobody() throws {
            let yaml = "routes: [ { respond: { status: 200 } } ]"
            try UsherProcess.running(yaml) { usher in
                let folder = UsherCommands(in: usher.folder)
                let none = try folder.run("shards", "--admin", "127.0.0.1:\(usher.adminPort)")
                #expect(none.code == 0 && none.output.hasPrefix("No shards"), "\(none)")
            }
            let folder = try UsherCommands("admin: 127.0.0.1:1\n" + yaml)
            let nobody = try folder.run("shards")
            #expect(nobody.code == 1 && nobody.output.isEmpty && nobody.errors.contains("127.0.0.1:1"), "\(nobody)")
            let help = try folder.run("shards", "--help")
            #expect(help.code == 0 && help.output.contains("usher shards profiles --all"), "\(help)")
            #expect(try folder.run("shards", "--most").code == 2)
        }
    }
}
