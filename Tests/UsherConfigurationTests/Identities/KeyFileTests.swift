import Testing
import UsherCore

@testable import UsherConfiguration

@Suite(.timeLimit(.minutes(1))) struct KeyFileTests {
    @Test("keys are read in both styles, in their order, several of one name")
    func read() throws {
        let text = """
            # Customers
            - { name: acme, class: gold, sha256: \(sampleDigest("a")) }
            - name: "acme"        # the new one
              sha256: '\(sampleDigest("B"))'
              class: gold

            - { sha256: \(sampleDigest("0")), name: 'Ann Smith, Ltd. <ann@example.com>' }
            """
        #expect(
            try readKeys(text) == [
                sampleKey("acme", "gold", "a"), sampleKey("acme", "gold", "b"),
                sampleKey("Ann Smith, Ltd. <ann@example.com>", "authenticated", "0"),
            ])
    }

    @Test(
        "a file with nothing in it is an empty list",
        arguments: [
            "", "\n\n", "# nothing yet\n", "[]", "---\n", "~", "null\n", "\u{FEFF}", "\u{FEFF}# x\r\n", "  # x",
        ])
    func empty(text: String) throws {
        #expect(try readKeys(text).isEmpty)
    }

    @Test("a variable is text like any other")
    func variables() throws {
        let text = "- { name: \"a${HOME}b$${C:-d}\", sha256: \(sampleDigest("1")) }"
        #expect(try readKeys(text).map(\.name) == ["a${HOME}b$${C:-d}"])
    }

    @Test("line ends of other systems and a byte order mark change nothing")
    func lineEnds() throws {
        let text = "\u{FEFF}# x\r\n- name: acme\r\n  sha256: \(sampleDigest("1"))\r\n"
        #expect(try readKeys(text) == [sampleKey("acme", "1")])
    }

    @Test("names that look like numbers or words of YAML are names")
    func plainNames() throws {
        let names = ["123", "1.5", "true", "no", "2026-01-01", "*star", "0x1F"]
        let text = names.enumerated().map { index, name in
            let written = name.hasPrefix("*") ? "\"\(name)\"" : name
            return "- { name: \(written), sha256: \(sampleDigest(Character("\(index)"))) }\n"
        }.joined()
        #expect(try readKeys(text).map(\.name) == names)
    }

    @Test("users are read with their hashes, which somebody else judges")
    func users() throws {
        let text = """
            - { name: ann, class: gold, hash: \(sampleHash) }
            - name: bob
              hash: "\(sampleHash)"
            """
        let classes = ["authenticated", "gold"]
        let file = try UserFile.read(text: text, file: "users.yaml", classes: classes)
        #expect(
            file.entries == [
                UserFile.Entry(name: "ann", callerClass: "gold", hash: sampleHash),
                UserFile.Entry(name: "bob", hash: sampleHash),
            ])
        let error = #expect(throws: ConfigurationProblems.self) {
            try UserFile.read(text: text, file: "users.yaml", classes: classes) { _ in "is too weak" }
        }
        #expect(
            error?.problems.map(\.description) == [
                "users.yaml:1:35: [0].hash: is too weak", "users.yaml:3:9: [1].hash: is too weak",
            ])
    }

    @Test("a file is read from the disk, or a line says why not")
    func files() throws {
        let folder = try TemporaryFolder()
        try folder.write("- { name: acme, sha256: \(sampleDigest("1")) }\n")
        let classes = ["authenticated"]
        #expect(try KeyFile.read(file: folder.file(), classes: classes).entries == [sampleKey("acme", "1")])
        #expect(throws: ConfigurationProblems.self) { try KeyFile.read(file: folder.path, classes: classes) }
        let missing = #expect(throws: ConfigurationProblems.self) {
            try KeyFile.read(file: folder.file("x"), classes: classes)
        }
        #expect(missing?.description == "\(folder.file("x")): does not exist")
    }
}

private func sampleKey(_ name: String, _ digit: Character) throws -> KeyFile.Entry {
    try sampleKey(name, "authenticated", digit)
}
