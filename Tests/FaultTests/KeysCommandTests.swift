import Foundation
import Testing

extension FaultTests {
    /// `usher keys` as a person runs it.
    @Suite(.timeLimit(.minutes(2))) struct KeysCommandTests {
        private static let yaml = """
            admin: 127.0.0.1:1
            identities: { classes: [gold, silver], keys: { file: keys.yaml }, basic: { file: users.yaml } }
            routes: [ { respond: { status: 200 } } ]
            """

        private static func digest(_ text: String, in folder: UsherCommands) throws -> String {
            try folder.write("text", text)
            let result = try ChildProcess.output(of: ["sha256sum", "text"], in: folder.path)
            return String(result.output.prefix(64))
        }

        /// Lines of `keys list`, without its title, each as its words.
        private static func list(_ folder: UsherCommands) throws -> [[String]] {
            let result = try folder.run("keys", "list")
            try #require(result.code == 0, "\(result)")
            return result.output.split(separator: "\n").dropFirst().map { line in
                line.split(separator: " ").map(String.init)
            }
        }

        @Test(
            "add prints the key on standard output alone, and keeps only its hash, in a file that nobody else can read")
        func add() throws {
            let folder = try UsherCommands(Self.yaml)
            let added = try folder.run("keys", "add", "acme", "--class", "gold")
            let key = added.output.trimmingCharacters(in: .newlines)
            #expect(added.code == 0 && added.output == key + "\n")
            #expect(key.hasPrefix("usher_") && key.utf8.count == 49 && !key.contains { $0.isWhitespace })
            #expect(!added.errors.contains(key.dropFirst(6)) && added.errors.contains("X-API-Key"))
            let text = try #require(folder.text("keys.yaml"))
            let digest = try Self.digest(key, in: folder)
            #expect(!text.contains(key.dropFirst(6)) && text.contains(digest))
            #expect(try folder.mode("keys.yaml") == 0o600)
            #expect(try Self.list(folder).map { Array($0.prefix(2)) } == [["acme", "gold"]])
            // A second one for the same name, and one with the usual class.
            let again = try folder.run("keys", "add", "acme", "--class", "gold")
            #expect(again.code == 0 && again.output != added.output)
            #expect(try folder.run("keys", "add", "with space & 'quotes\"").code == 0)
            let names = try Self.list(folder).map { $0[0] }
            #expect(names == ["acme", "acme", "with"])
            #expect(try folder.run("check").code == 0)
        }

        @Test("add in JSON has everything in one object, and says nothing else")
        func json() throws {
            let folder = try UsherCommands(Self.yaml)
            let added = try folder.run("keys", "add", "acme", "--class", "silver", "--json")
            let object = try JSONDecoder().decode([String: String].self, from: Data(added.output.utf8))
            #expect(added.code == 0 && object["name"] == "acme" && object["class"] == "silver")
            let key = try #require(object["key"])
            let digest = try Self.digest(key, in: folder)
            #expect(folder.text("keys.yaml")?.contains(digest) == true)
            let listed = try folder.run("keys", "list", "--json")
            #expect(listed.code == 0 && listed.output.contains("\"acme\"") && !listed.output.contains(key))
            #expect(try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) is [String: Any])
        }

        @Test("revoke takes all keys of a name and nothing else, comments included, and says how many")
        func revoke() throws {
            let folder = try UsherCommands(Self.yaml)
            for name in ["acme", "other", "acme"] { #expect(try folder.run("keys", "add", name).code == 0) }
            let before = try #require(folder.text("keys.yaml"))
            try folder.write("keys.yaml", "# who calls us\n" + before + "# the end\n")
            let revoked = try folder.run("keys", "revoke", "acme")
            #expect(revoked.code == 0 && revoked.output == "2 keys of acme revoked\n" && revoked.errors.isEmpty)
            let after = try #require(folder.text("keys.yaml"))
            #expect(after.contains("# who calls us") && after.contains("# the end") && !after.contains("acme"))
            #expect(try Self.list(folder).map { $0[0] } == ["other"])
            let again = try folder.run("keys", "revoke", "acme")
            #expect(again.code == 1 && again.output.isEmpty && again.errors.contains("acme"))
            #expect(folder.text("keys.yaml") == after)
        }

        @Test("many commands at once lose nothing")
        func atOnce() throws {
            let folder = try UsherCommands(Self.yaml)
            for number in 0..<8 { #expect(try folder.run("keys", "add", "old-\(number)").code == 0) }
            var started: [UsherCommands.Started] = []
            for number in 0..<16 {
                started.append(try folder.start(["keys", "add", "new-\(number)"]))
                if number % 2 == 0 { started.append(try folder.start(["keys", "revoke", "old-\(number / 2)"])) }
            }
            let results = started.map { $0.result() }
            #expect(results.allSatisfy { $0.code == 0 }, "\(results.filter { $0.code != 0 })")
            let names = try Self.list(folder).map { $0[0] }
            #expect(names.sorted() == (0..<16).map { "new-\($0)" }.sorted())
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(left.sorted() == ["keys.yaml", "usher.yaml"], "nothing else is left there")
        }

        @Test("what cannot be done is said, with 1, and changes nothing")
        func refused() throws {
            let folder = try UsherCommands(Self.yaml)
            for (arguments, why) in [
                (["keys", "add", "acme", "--class", "platinum"], "gold"),
                (["keys", "add", "acme", "--class", "anonymous"], "anonymous"),
                (["keys", "add", " acme"], "space"), (["keys", "add", "\u{e9}"], "ASCII"),
                (["keys", "add", ""], "1 to 128"), (["keys", "add", String(repeating: "x", count: 129)], "1 to 128"),
                (["keys", "add", "a:b", "--password"], "colon"), (["keys", "revoke", "nobody"], "does not exist"),
                (["keys", "revoke", "nobody", "--password"], "does not exist"),
                (["keys", "add", "acme", "--file", "none.yaml"], "none.yaml"),
                (["keys", "list", "--file", "none.yaml"], "none.yaml"),
            ] {
                let result = try folder.start(arguments, input: "secret\n").result()
                #expect(result.code == 1 && result.output.isEmpty, "\(arguments): \(result)")
                #expect(result.errors.contains(why), "\(arguments): \(result.errors)")
            }
            #expect(folder.text("keys.yaml") == nil && folder.text("users.yaml") == nil)
            #expect(try folder.run("keys", "list").code == 0)
            for arguments in [
                ["keys", "add"], ["keys", "revoke"], ["keys", "add", "a", "b"], ["keys", "make", "a"],
            ] {
                #expect(try folder.start(arguments).result().code == 2, "\(arguments)")
            }
        }

        @Test("without a place for keys it is told what to add to the configuration")
        func noPlace() throws {
            let folder = try UsherCommands("routes: [ { respond: { status: 200 } } ]\n")
            for (arguments, advice) in [
                (["keys", "add", "acme"], "identities: { keys: { file: keys.yaml } }"),
                (["keys", "revoke", "acme"], "identities: { keys: { file: keys.yaml } }"),
                (["keys", "add", "ann", "--password"], "identities: { basic: { file: users.yaml } }"),
            ] {
                let result = try folder.start(arguments, input: "secret\n").result()
                #expect(result.code == 1 && result.errors.contains(advice), "\(arguments): \(result)")
            }
            let none = try UsherCommands().run("keys", "add", "acme")
            #expect(none.code == 1 && none.errors.contains("usher.yaml"))
        }

        @Test("a file that is broken is left as it is")
        func broken() throws {
            let text = "- { name: acme, class: platinum, sha256: 12 }\n- { name: ot"
            let folder = try UsherCommands(Self.yaml, files: ["keys.yaml": text])
            for arguments in [["keys", "add", "new"], ["keys", "list"], ["keys", "revoke", "acme"]] {
                let result = try folder.start(arguments).result()
                #expect(result.code == 1 && result.output.isEmpty, "\(arguments): \(result)")
                #expect(result.errors.contains("keys.yaml:"), "\(arguments): \(result.errors)")
                #expect(folder.text("keys.yaml") == text)
            }
        }

        @Test("a password is taken from standard input, kept as a hash alone, and belongs to one entry")
        func password() throws {
            let folder = try UsherCommands(Self.yaml)
            let added = try folder.run(
                "keys", "add", "ann", "--class", "gold", "--password", input: "correct horse\nx\n")
            #expect(added.code == 0 && !(added.output + added.errors).contains("horse"))
            let text = try #require(folder.text("users.yaml"))
            #expect(text.contains("scrypt$14$8$1$") && !text.contains("horse"))
            #expect(try folder.mode("users.yaml") == 0o600)
            #expect(try folder.run("keys", "add", "ann", "--password", input: "other\n").code == 1)
            #expect(folder.text("users.yaml") == text)
            for input in ["", "\n", String(repeating: "x", count: 1025) + "\n", "a\u{1}b\n"] {
                let result = try folder.run("keys", "add", "bob", "--password", input: input)
                #expect(result.code == 1 && result.errors.contains("the password"), "\(result)")
            }
            #expect(try Self.list(folder).map { Array($0.prefix(2)) } == [["ann", "gold"]])
            let revoked = try folder.run("keys", "revoke", "ann", "--password")
            #expect(revoked.code == 0 && revoked.output == "ann may not log in any more\n")
            #expect(try Self.list(folder).isEmpty)
        }

        @Test("a running Usher takes an added key over, and a revoked one, without a restart")
        func running() throws {
            let yaml = """
                identities: { classes: [gold], keys: { file: keys.yaml }, basic: { file: users.yaml } }
                routes: [ { require: [gold], respond: { status: 200, body: in } } ]
                """
            try UsherProcess.running(yaml) { usher in
                let folder = UsherCommands(in: usher.folder)
                func status(_ fields: String) throws -> Int {
                    let client = try RawClient(usher.port)
                    client.send("GET / HTTP/1.1\r\nHost: test\r\n\(fields)\r\n")
                    return client.readAnswer()?.status ?? 0
                }
                #expect(try status("") == 401)
                let key = try folder.run("keys", "add", "acme", "--class", "gold").output
                    .trimmingCharacters(in: .newlines)
                let password = "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n"
                let added = try folder.run(
                    "keys", "add", "ann", "--class", "gold", "--password", input: "correct horse\n")
                #expect(added.code == 0)
                #expect(try eventually { try status("X-API-Key: \(key)\r\n") == 200 })
                #expect(try eventually { try status(password) == 200 })
                #expect(try folder.run("keys", "revoke", "acme").code == 0)
                #expect(try eventually { try status("X-API-Key: \(key)\r\n") == 401 })
                #expect(try status(password) == 200)
                #expect(try folder.run("keys", "revoke", "ann", "--password").code == 0)
                #expect(try eventually { try status(password) == 401 })
            }
        }
    }
}
