import Foundation
import Testing

extension FaultTests {
    /// `usher quotas`, `usher explain` and `usher check` where callers and quotas are concerned.
    @Suite(.timeLimit(.minutes(2))) struct QuotaCommandTests {
        private static let key = UsherCommands.key
        private static let yaml = """
            workers: 2
            identities: { classes: [gold], keys: { file: keys.yaml } }
            quotas:
              public: { anonymous: 2/h, gold: 100/h }
              idle: { anonymous: 1/h }
            routes: [ { quota: public, respond: { status: 200, body: ok } } ]
            """
        private static let files = ["keys.yaml": UsherCommands.keyLine(class: "gold")]

        /// Lines as their words, behind the title.
        private static func rows(_ text: String) -> [[String]] {
            let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            return Array(lines.drop { $0.first != "CALLER" }.dropFirst().prefix { $0.count > 4 })
        }

        private static func ask(_ port: UInt16, _ fields: String = "") throws -> Int {
            let client = try RawClient(port)
            client.send("GET / HTTP/1.1\r\nHost: test\r\n\(fields)\r\n")
            return client.readAnswer()?.status ?? 0
        }

        @Test("quotas lists who asked how often and was refused, of all quotas or one, as text and as JSON")
        func quotas() throws {
            try UsherProcess.running(Self.yaml, files: Self.files) { usher in
                for _ in 1...5 { _ = try Self.ask(usher.port) }
                for _ in 1...9 { #expect(try Self.ask(usher.port, "X-API-Key: \(Self.key)\r\n") == 200) }
                let folder = UsherCommands(in: usher.folder)
                let admin = "127.0.0.1:\(usher.adminPort)"
                let all = try folder.run("quotas", "--admin", admin)
                #expect(all.code == 0 && all.errors.isEmpty, "\(all)")
                #expect(
                    Self.rows(all.output).map { Array($0.prefix(4)) }
                        == [["acme", "gold", "9", "0"], ["127.0.0.1", "anonymous", "5", "3"]], "\(all.output)")
                #expect(all.output.contains("anonymous: 2 allowed, 3 refused"))
                #expect(all.output.contains("idle\n  nobody has asked it yet"), "\(all.output)")
                let top = try folder.run("quotas", "public", "--top", "1", "--admin", admin)
                #expect(top.code == 0 && Self.rows(top.output).map { $0[0] } == ["acme"])
                #expect(!top.output.contains("idle"))
                let json = try folder.run("quotas", "public", "--json", "--admin", admin)
                let object =
                    try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: [[String: Any]]]
                let callers = object?["quotas"]?.first?["callers"] as? [[String: Any]]
                #expect(callers?.map { $0["caller"] as? String } == ["acme", "127.0.0.1"])
                #expect(callers?.map { $0["refused"] as? Int } == [0, 3])
                let unknown = try folder.run("quotas", "publik", "--admin", admin)
                #expect(unknown.code == 1 && unknown.errors.contains("public, idle"), "\(unknown)")
                #expect(try folder.run("quotas", "--top", "-1", "--admin", admin).code == 2)
            }
        }

        @Test("quotas says that nobody answers when no Usher runs")
        func nobody() throws {
            let folder = try UsherCommands("admin: 127.0.0.1:1\n" + Self.yaml, files: Self.files)
            let result = try folder.run("quotas")
            #expect(result.code == 1 && result.output.isEmpty && result.errors.contains("127.0.0.1:1"), "\(result)")
        }

        @Test(
            "explain tells identity, class and what is left, asks for none of it, and reads the file when nobody runs")
        func explain() throws {
            let shown = "X-API-Key: \(Self.key)"
            try UsherProcess.running(Self.yaml, files: Self.files) { usher in
                let folder = UsherCommands(in: usher.folder)
                let admin = "127.0.0.1:\(usher.adminPort)"
                for _ in 1...3 {
                    let known = try folder.run("explain", "GET", "http://a.test/", "-H", shown, "--admin", admin)
                    #expect(known.code == 0, "\(known)")
                    for part in ["acme", "gold", "public", "100"] {
                        #expect(known.output.contains(part), "\(part) in \(known.output)")
                    }
                    #expect(!known.output.contains(Self.key))
                }
                #expect(try Self.ask(usher.port, shown + "\r\n") == 200)
                let less = try folder.run("explain", "GET", "http://a.test/", "-H", shown, "--admin", admin)
                #expect(less.output.contains("99"), "\(less.output)")
                let wrong = try folder.run("explain", "GET", "http://a.test/", "-H", "X-API-Key: no", "--admin", admin)
                #expect(wrong.output.contains("401"), "\(wrong)")
            }
            let folder = try UsherCommands("admin: 127.0.0.1:1\n" + Self.yaml, files: Self.files)
            let told = try folder.run("explain", "GET", "http://a.test/", "-H", shown)
            #expect(told.code == 0 && told.output.contains("acme") && told.output.contains("gold"), "\(told)")
        }

        @Test("check reads the files that identities and limits name, and tells each problem with its place")
        func check() throws {
            let yaml = """
                admin: 127.0.0.1:1
                limits: { allow: allow, deny: deny }
                identities:
                  classes: [gold]
                  keys: { file: keys.yaml }
                  basic: { file: users.yaml }
                  jwt: { jwks: jwks.json }
                routes: [ { respond: { status: 200 } } ]
                """
            let folder = try UsherCommands(
                yaml,
                files: [
                    "allow": "10.0.0.0/8\n", "deny": "192.0.2.1\n300.0.0.1\n",
                    "keys.yaml": "- { name: acme, class: platinum, sha256: 12 }\n", "users.yaml": "- { name: ann }\n",
                    "jwks.json": "{\"keys\": 1}",
                ])
            let checked = try folder.run("check")
            #expect(checked.code == 1 && checked.output.isEmpty, "\(checked)")
            for part in ["limits.deny", "line 2", "keys.yaml:1:", "platinum", "sha256", "users.yaml:1:", "jwks.json"] {
                #expect(checked.errors.contains(part), "\(part) in \(checked.errors)")
            }
            #expect(!checked.errors.contains("limits.allow"))
            let json = try folder.run("check", "--json")
            #expect(json.code == 1)
            #expect(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) is [String: Any])

            try folder.write("deny", "192.0.2.1\n")
            try folder.write("keys.yaml", Self.files["keys.yaml"] ?? "")
            try folder.write("users.yaml", "")
            try folder.write("jwks.json", UsherCommands.keySet)
            #expect(try folder.run("check").code == 0)
            // Keys may come later; a list that is missing lets in everybody, or nobody.
            try FileManager.default.removeItem(atPath: "\(folder.path)/keys.yaml")
            #expect(try folder.run("check").code == 0)
            try FileManager.default.removeItem(atPath: "\(folder.path)/deny")
            let missing = try folder.run("check")
            #expect(missing.code == 1 && missing.errors.contains("limits.deny"), "\(missing)")
        }

        @Test("check tells what is wrong with identities and quotas themselves, everything at once")
        func configuration() throws {
            let yaml = """
                identities:
                  classes: [gold, key]
                  jwt: { jwks: a.json, secret: { file: b }, algorithms: [HS256, none], class: "{header.x}" }
                quotas:
                  public: { anonymous: 60, golden: 5/s, cost: 1.5, on-failure: pass }
                  empty: {}
                  store: { anonymous: 1/s, store: { redis: a:1, unix: b } }
                routes:
                  - { quota: publik, respond: { status: 200 } }
                  - { require: silver, respond: { status: 200 } }
                """
            let checked = try UsherCommands(yaml).run("check")
            #expect(checked.code == 1)
            for part in [
                "usher.yaml:2:", "'key' has a meaning", "usher.yaml:3:", "none", "claims", "usher.yaml:5:", "golden",
                "1.5", "pass", "quotas.empty", "usher.yaml:7:", "usher.yaml:9:", "publik", "public", "usher.yaml:10:",
                "silver",
            ] {
                #expect(checked.errors.contains(part), "\(part) in \(checked.errors)")
            }
        }
    }
}
