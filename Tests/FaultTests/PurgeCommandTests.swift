import Foundation
import Testing

extension FaultTests {
    /// `usher purge`, and caches in `usher status` and `usher explain`.
    @Suite(.timeLimit(.minutes(2))) struct PurgeCommandTests {
        private static func yaml(_ replica: String) -> String {
            """
            workers: 2
            caches: { pages: { memory: 16MiB, object-limit: 1MiB }, idle: { memory: 1MiB, object-limit: 1MiB } }
            services: { web: { replicas: ["\(replica)"] } }
            routes: [ { service: web, cache: pages } ]
            """
        }

        private static let kept =
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=600\r\nSurrogate-Key: shoes\r\n\r\nok"

        private static func status(_ port: UInt16, _ target: String) throws -> String {
            let client = try RawClient(port)
            client.send("GET \(target) HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            let lines = client.readToEnd().split(separator: "\r\n")
            return lines.first { $0.lowercased().hasPrefix("cache-status:") }.map(String.init) ?? ""
        }

        @Test("purge takes what it names and says how many answers that were; status and explain show the rest")
        func purge() throws {
            let replica = try ScriptedReplica { conversation in
                while conversation.nextHead() != nil { conversation.send(Data(Self.kept.utf8)) }
            }
            try UsherProcess.running(Self.yaml("127.0.0.1:\(replica.port)")) { usher in
                let folder = UsherCommands(in: usher.folder)
                let admin = ["--file", "usher.yaml", "--admin", "127.0.0.1:\(usher.adminPort)"]
                func run(_ arguments: String...) throws -> UsherCommands.Result {
                    try folder.start(arguments + admin).result()
                }
                for target in ["/1", "/2", "/shop/3", "/shop/4"] { _ = try Self.status(usher.port, target) }
                #expect(try Self.status(usher.port, "/1").contains("hit"))

                let shown = try run("status")
                #expect(shown.code == 0 && shown.output.contains("HIT RATIO"), "\(shown)")
                let line = shown.output.split(separator: "\n").first { $0.hasPrefix("pages") }
                #expect(line?.split(separator: " ").dropFirst().first == "4", "\(shown.output)")
                let json = try JSONSerialization.jsonObject(with: Data(try run("status", "--json").output.utf8))
                let caches = (json as? [String: Any])?["caches"] as? [[String: Any]]
                #expect(caches?.map { $0["answers"] as? Int } == [4, 0])
                #expect((json as? [String: Any])?["services"] is [[String: Any]])
                let explained = try run("explain", "GET", "http://a.test/1")
                #expect(explained.code == 0 && explained.output.contains("a hit, fresh for"), "\(explained)")

                let soft = try run("purge", "http://a.test/1", "--soft")
                #expect(soft.code == 0 && soft.output.hasPrefix("1 answer in caches pages, idle is stale"), "\(soft)")
                #expect(try Self.status(usher.port, "/1").contains("fwd=stale"))
                let one = try run("purge", "HTTP://A.test:80/1", "--cache", "pages")
                #expect(one.code == 0 && one.output == "1 answer in cache pages is purged\n", "\(one)")
                #expect(try Self.status(usher.port, "/1").contains("fwd=uri-miss"))
                let prefix = try run("purge", "--prefix", "http://a.test/shop/", "--json")
                let report = try JSONSerialization.jsonObject(with: Data(prefix.output.utf8)) as? [String: Any]
                #expect(prefix.code == 0 && report?["purged"] as? Int == 2 && report?["message"] is String, "\(prefix)")
                #expect(try run("purge", "--tag", "shoes").output.contains("2 answers"))
                let nothing = try run("purge", "--all")
                #expect(nothing.code == 0 && nothing.output.contains("nothing"), "\(nothing)")

                let unknown = try run("purge", "--all", "--cache", "page")
                #expect(unknown.code == 1 && unknown.errors.contains("pages, idle"), "\(unknown)")
                let fragment = try run("purge", "http://a.test/#top")
                #expect(fragment.code == 1 && fragment.errors.contains("fragment"), "\(fragment)")
                let broken = try run("purge", "http://a.test/#top", "--json")
                #expect(broken.code == 1 && broken.output.contains("\"error\"") && broken.errors.isEmpty, "\(broken)")
            }
        }

        @Test("wrong usage is 2 and says what is right; nobody there is 1; help has an example")
        func usage() throws {
            let folder = try UsherCommands("admin: 127.0.0.1:1\n" + Self.yaml("127.0.0.1:1"))
            for (arguments, advice) in [
                (["purge"], "say what to purge"), (["purge", "/path"], "http://HOST/PATH"),
                (["purge", "a.test/path"], "http://HOST/PATH"), (["purge", "--prefix", "/shop"], "http://HOST/PATH"),
                (["purge", "http://a.test/", "--all"], "purge twice"),
                (["purge", "--tag", "a", "--prefix", "http://a"], "purge twice"), (["purge", "--tag", ""], "--tag"),
                (["purge", "--all", "--hard"], "--hard"),
            ] {
                let result = try folder.start(arguments).result()
                #expect(result.code == 2 && result.output.isEmpty && result.errors.contains(advice), "\(result)")
            }
            let help = try folder.run("purge", "--help")
            #expect(help.code == 0 && help.output.contains("usher purge --tag shoes --soft"), "\(help)")
            // A file that does not run is explained as far as it goes.
            let get = try folder.run("explain", "GET", "http://a.test/")
            #expect(get.code == 0 && get.output.contains("cache    pages: would be looked up"), "\(get)")
            let post = try folder.run("explain", "POST", "http://a.test/")
            #expect(post.code == 0 && post.output.contains("only answers to GET and HEAD are kept"), "\(post)")
            let nobody = try folder.run("purge", "--all")
            #expect(nobody.code == 1 && nobody.output.isEmpty && !nobody.errors.isEmpty, "\(nobody)")
        }
    }
}
