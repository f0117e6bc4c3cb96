import Foundation
import Testing

extension FaultTests {
    /// The examples do what their pages say.
    @Suite(.timeLimit(.minutes(1))) struct ExampleTests {
        @Test("quickstart: a replica that is killed costs no answer and is started again")
        func quickstart() throws {
            try Example.running("quickstart", replicas: 3) { usher in
                // The guard of a process names the same program behind its own.
                let victim = usher.mark.processes().first { _, command in
                    let words = command.split(separator: " ")
                    return words.first?.contains("python") == true && words.contains("dictionary.py")
                }
                kill(try #require(victim?.key), SIGKILL)
                for _ in 0..<100 { #expect(RawClient.status(usher.port, "/dictionary/river") == 200) }
                let isBack = try eventually { try usher.metric("usher_endpoint_ready") == 3 }
                #expect(isBack, "its log: \(usher.log.suffix(2000))")
            }
        }

        @Test("replicated: a replica that fails while it says that it is ready is taken out, and nobody notices")
        func replicated() throws {
            try Example.running("replicated", replicas: 4) { usher in
                // One connection is served by one worker, which counts failures of its own.
                let client = try RawClient(usher.port)
                client.send("POST /sick HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
                let sick = try #require(client.readAnswer())
                #expect(sick.status == 200)
                for _ in 0..<100 { #expect(client.get("/prices/tea")?.status == 200) }
                let status = try usher.command("status", "prices")
                #expect(status.code == 0)
                #expect(status.output.contains("5 failures in a row, until "))
                let explanation = try usher.command("explain", "GET", "/prices/tea")
                #expect(explanation.code == 0 && explanation.output.contains("ejected: 5 failures in a row"))
            }
        }

        @Test("replicated: draining, taking back and reloading are done while it runs")
        func operations() throws {
            try Example.running("replicated", replicas: 4) { usher in
                #expect(try usher.command("drain", "prices", "prices/0").code == 0)
                #expect(try usher.command("status").output.contains("drained by an operator"))
                #expect(try usher.command("undrain", "prices", "prices/0").code == 0)
                #expect(try usher.command("reload", "--dry-run").output == "nothing changed\n")
                let file = "\(usher.folder)/usher.yaml"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try text.replacing("count: 4", with: "count: 5").write(toFile: file, atomically: true, encoding: .utf8)
                // The file is watched as well: one of the two comes first.
                #expect(try usher.command("reload").code == 0)
                #expect(try eventually { try usher.metric("usher_endpoint_ready") == 5 })
                try "services: {}\n".write(toFile: file, atomically: true, encoding: .utf8)
                let refusal = try usher.command("reload")
                #expect(refusal.code == 1)
                #expect(refusal.output.contains("what was in force stays"))
                #expect(RawClient.status(usher.port, "/prices/tea") == 200)
            }
        }

        @Test("sessions: requests with the cookie reach one replica; when it is gone, the next one is told")
        func sessions() throws {
            try Example.running("sessions", replicas: 3) { usher in
                let first = try Self.ask(usher, "POST /basket/apple")
                let cookies = first.split(separator: "\r\n").filter { $0.lowercased().hasPrefix("set-cookie: ") }
                    .compactMap { $0.dropFirst(12).split(separator: ";").first }.joined(separator: "; ")
                try #require(cookies.contains("basket=") && cookies.contains("basket-session="), "\(first)")
                let replica = try Self.replica(in: first)
                for _ in 0..<20 {
                    let answer = try Self.ask(usher, "GET /basket", cookies)
                    #expect(try Self.replica(in: answer) == replica)
                    #expect(answer.contains("\"found in\": \"memory\""))
                }
                let forged = cookies.replacing("basket-session=", with: "basket-session=x")
                #expect(try Self.ask(usher, "GET /basket", forged).contains("Set-Cookie: basket-session="))

                #expect(try usher.command("drain", "baskets", replica).code == 0)
                let moved = try Self.ask(usher, "GET /basket", cookies)
                #expect(try Self.replica(in: moved) != replica)
                #expect(moved.contains("\"moved\": true") && moved.contains("[\"apple\"]"))
                #expect(moved.contains("Set-Cookie: basket-session="))
            }
        }

        @Test("quotas: anybody is refused with true numbers, a key is served, and no more when it is revoked")
        func quotas() throws {
            try Example.running("quotas", replicas: 2) { usher in
                for _ in 0..<3 { #expect(RawClient.status(usher.port, "/forecast/oslo") == 200) }
                let refused = try Self.ask(usher, "GET /forecast/oslo")
                #expect(refused.hasPrefix("HTTP/1.1 429 ") && refused.contains("\r\nRetry-After: "), "\(refused)")
                #expect(refused.contains("\r\nX-RateLimit-Limit: 3\r\nX-RateLimit-Remaining: 0\r\n"))
                #expect(refused.contains("\r\nRateLimit-Policy: \"forecasts\";q=3;w=30\r\n"))

                // Here and not before the start: a running Usher has to notice.
                func keys(_ arguments: String...) throws -> (code: Int32?, output: String) {
                    try ChildProcess.output(of: [UsherProcess.binary, "keys"] + arguments, in: usher.folder)
                }
                let added = try keys("add", "acme", "--class", "gold")
                let key = try #require(added.output.split(separator: "\n").first { $0.hasPrefix("usher_") }, "\(added)")
                func answer(_ path: String) throws -> String {
                    try Self.ask(usher, "GET \(path)", fields: "X-API-Key: \(key)\r\n")
                }
                let isServed = try eventually { try answer("/forecast/oslo").contains("\"you are\": \"acme\"") }
                #expect(isServed, "its log: \(usher.log)")
                let year = try answer("/year/oslo")
                #expect(year.hasPrefix("HTTP/1.1 200 ") && year.contains("\"of class\": \"gold\""))
                #expect(try Self.ask(usher, "GET /year/oslo").hasPrefix("HTTP/1.1 401 "))

                let listed = try usher.command("quotas")
                #expect(listed.code == 0 && listed.output.contains("acme") && listed.output.contains("anonymous"))
                #expect(try keys("revoke", "acme").code == 0)
                let isRefused = try eventually { try answer("/forecast/oslo").hasPrefix("HTTP/1.1 401 ") }
                #expect(isRefused, "its log: \(usher.log)")
            }
        }

        @Test("caching: a page is made once for many, a change takes it along, and so does a purge")
        func caching() throws {
            try Example.running("caching", replicas: 1) { usher in
                func answer(_ line: String) throws -> String { try Self.ask(usher, line) }
                let made = try answer("GET /day/monday")
                #expect(made.contains("page number 1,") && made.contains("fwd=uri-miss; fwd-status=200; stored"))
                let kept = try answer("GET /day/monday?utm_source=mail")
                #expect(kept.contains("page number 1,") && kept.contains("Cache-Status: usher; hit; ttl="), "\(kept)")
                let crowd = [
                    "sh", "-c", "seq 100 | xargs -P 100 -I{} curl -s http://127.0.0.1:\(usher.port)/day/tuesday",
                ]
                let pages = try ChildProcess.output(of: crowd, in: usher.folder).output.split(separator: "\n")
                #expect(pages.count == 100 && Set(pages).count == 1, "\(Set(pages))")

                #expect(try answer("GET /note/tea").contains("nothing yet"))
                let put = [
                    "curl", "-s", "-H", "Host: test", "-X", "PUT", "-d", "green",
                    "http://127.0.0.1:\(usher.port)/note/tea",
                ]
                #expect(try ChildProcess.output(of: put, in: usher.folder).output == "changed\n")
                #expect(try answer("GET /note/tea").contains("green"))

                let purged = try usher.command("purge", "--tag", "days")
                #expect(purged.code == 0 && purged.output.contains("2"), "\(purged.output)")
                #expect(try answer("GET /day/monday").contains("fwd=uri-miss"))
            }
        }

        @Test("sharded: a profile lives in one shard; a dead shard is its keys' trouble alone; a fifth takes its part")
        func sharded() throws {
            try Example.running("sharded", replicas: 8) { usher in
                let people = ["ada", "bob", "cem", "dan", "eve", "fay", "gus", "hal"]
                func put(_ who: String) throws -> String {
                    let put = [
                        "curl", "-s", "-H", "Host: test", "-X", "PUT", "-d", "I am \(who)",
                        "http://127.0.0.1:\(usher.port)/profiles/\(who)",
                    ]
                    return try ChildProcess.output(of: put, in: usher.folder).output
                }
                for who in people { #expect(try put(who).contains("\"shard\": \"s")) }
                for who in people { #expect(try Self.ask(usher, "GET /profiles/\(who)").contains("I am \(who)")) }
                #expect(try Self.ask(usher, "GET /profiles").hasPrefix("HTTP/1.1 400 "))

                for replica in 0..<2 {
                    #expect(try usher.command("drain", "profiles/s2", "profiles/s2/\(replica)").code == 0)
                }
                let statuses = people.map { RawClient.status(usher.port, "/profiles/\($0)") }
                #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 } && statuses.contains(503))
                #expect(statuses.count { $0 == 200 } == 6)
                for replica in 0..<2 {
                    // Replicas of shards answer to the whole service's name as well.
                    #expect(try usher.command("undrain", "profiles", "profiles/s2/\(replica)").code == 0)
                }
                #expect(try eventually { people.allSatisfy { RawClient.status(usher.port, "/profiles/\($0)") == 200 } })

                let file = "\(usher.folder)/usher.yaml"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try text.replacing("count: 4", with: "count: 5").replacing("# dual-read", with: "dual-read")
                    .write(toFile: file, atomically: true, encoding: .utf8)
                #expect(try usher.command("reload").code == 0)
                for who in people { #expect(try Self.ask(usher, "GET /profiles/\(who)").contains("I am \(who)")) }
                let shards = try usher.command("shards")
                #expect(shards.code == 0 && shards.output.contains("s4"), "\(shards.output)")
            }
        }

        @Test("sharded-cache: each page is kept at one shard, the head in front; a shard that is away costs no answer")
        func shardedCache() throws {
            try Example.running("sharded-cache", replicas: 9) { usher in
                let load = try usher.command(
                    "load", "http://127.0.0.1:\(usher.port)/item/{n}", "--keys", "500", "--zipf", "0.99", "--duration",
                    "3s", "--json")
                #expect(load.code == 0, "\(load.output)")
                for replica in 0..<2 {
                    #expect(try usher.command("drain", "pages/s3", "pages/s3/\(replica)").code == 0)
                }
                for number in 0..<60 { #expect(RawClient.status(usher.port, "/item/\(number)") == 200) }
                let shards = try usher.command("shards", "--json")
                let overflowed = shards.output.matches(of: /"overflowed" *: *([0-9]+)/).compactMap { Int($0.1) }
                #expect(shards.code == 0 && overflowed.count == 4 && overflowed.reduce(0, +) > 0, "\(shards.output)")
            }
        }

        @Test("tls: HTTP/2 by a name's certificate, a client known by its own, redirection, and renewal while it runs")
        func tls() throws {
            try Example.running("tls", replicas: 2, preparing: [["dev-cert"], ["dev-cert", "--client", "alice"]]) {
                usher in
                let ask = ["curl", "-sS", "--cacert", "certs/dev-ca.pem", "https://localhost:\(usher.port)/"]
                func output(_ command: [String]) throws -> String {
                    try ChildProcess.output(of: command, in: usher.folder).output
                }
                let told = try output(ask)
                #expect(told.contains("anybody") && told.contains("\"https\"") && told.contains("2.0 usher"), "\(told)")
                let known = try output(ask + ["--cert", "certs/alice.pem", "--key", "certs/alice.key"])
                #expect(known.contains("\"you are\": \"CN=alice\""), "\(known)")
                #expect(try output(["curl", "-sS", "http://localhost:\(usher.port)/"]).contains("use https://"))

                let listed = try usher.command("certs")
                #expect(listed.code == 0 && listed.output.contains("localhost 127.0.0.1 ::1  ok"), "\(listed.output)")
                for file in ["localhost.pem", "localhost.key"] {
                    try FileManager.default.removeItem(atPath: "\(usher.folder)/certs/\(file)")
                }
                #expect(try ChildProcess.output(of: [UsherProcess.binary, "dev-cert"], in: usher.folder).code == 0)
                let applied = { try usher.metric("usher_certificate_reloads_total", "applied", "localhost.pem") == 1 }
                #expect(try eventually(within: .seconds(10), applied), "its log: \(usher.log)")
                #expect(try output(ask).contains("anybody"))
            }
        }

        /// Head and body of the answer to one request on a connection of its own.
        ///
        /// - Parameter fields: lines of the head, each with its CR LF.
        private static func ask(
            _ usher: UsherProcess, _ request: String, _ cookies: String = "", fields: String = ""
        ) throws -> String {
            let client = try RawClient(usher.port)
            let fields = "Host: test\r\nConnection: close\r\nContent-Length: 0\r\n\(fields)"
            client.send("\(request) HTTP/1.1\r\n\(fields)\(cookies.isEmpty ? "" : "Cookie: \(cookies)\r\n")\r\n")
            return client.readToEnd()
        }

        private static func replica(in answer: String) throws -> String {
            let rest = try #require(answer.split(separator: "\"replica\": \"").dropFirst().first, "\(answer)")
            return String(rest.prefix { $0 != "\"" })
        }
    }
}

/// The folders of `examples`, run with free ports in place of theirs.
private enum Example {
    private static let folder = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "examples")

    /// Calls `body` when so many replicas are ready.
    ///
    /// - Parameter preparing: the arguments of commands that are run in the folder first.
    static func running(
        _ name: String, replicas: Int, preparing commands: [[String]] = [],
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (UsherProcess) throws -> Void
    ) throws {
        let folder = self.folder.appending(path: name)
        var files: [String: String] = [:]
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            guard ["yaml", "py", "txt"].contains(file.pathExtension) else { continue }
            files[file.lastPathComponent] = try String(contentsOf: file, encoding: .utf8)
        }
        var configuration = files.removeValue(forKey: "usher.yaml") ?? ""
        for port in ["8080", "8443", "9900"] { configuration.replace("127.0.0.1:\(port)", with: "127.0.0.1:0") }
        try UsherProcess.running(configuration, files: files, after: commands, sourceLocation: sourceLocation) {
            usher in
            let areReady = try eventually(within: .seconds(30)) { try usher.metric("usher_endpoint_ready") == replicas }
            try #require(areReady, "its log: \(usher.log)", sourceLocation: sourceLocation)
            try body(usher)
        }
    }
}

extension UsherProcess {
    /// Runs one of the commands that talk to a running Usher.
    fileprivate func command(_ arguments: String...) throws -> (code: Int32?, output: String) {
        try ChildProcess.output(
            of: [Self.binary] + arguments + ["--admin", "127.0.0.1:\(self.adminPort)"], in: self.folder)
    }
}
