import Foundation
import Testing
import UsherCore

@testable import UsherConfiguration

@Suite(.timeLimit(.minutes(1))) struct CredentialFileEditTests {
    private let folder: TemporaryFolder
    private let classes = ["authenticated", "gold"]

    init() throws { folder = try TemporaryFolder() }

    private func add(_ name: String, _ digit: Character, to file: String = "keys.yaml") throws {
        try CredentialFileEdit.add(sampleKey(name, "gold", digit), to: folder.file(file), classes: classes)
    }

    private func revoke(_ name: String) throws -> Int {
        try CredentialFileEdit.revokeKeys(named: name, in: folder.file())
    }

    private func line(_ name: String, _ digit: Character) -> String {
        "- { name: \"\(name)\", class: gold, sha256: \(sampleDigest(digit)) }\n"
    }

    @Test("a missing file is made, for its owner alone")
    func missing() throws {
        try add("acme", "a")
        #expect(try folder.text() == line("acme", "a"))
        #expect(try folder.mode() == 0o600)
        try add("a \"b\" \\c", "b")
        #expect(try readKeys(folder.text()) == [sampleKey("acme", "gold", "a"), sampleKey("a \"b\" \\c", "gold", "b")])
        #expect(try folder.names() == ["keys.yaml"])
    }

    @Test("a user is added with the hash as it is, and revoked")
    func users() throws {
        let user = UserFile.Entry(name: "ann", callerClass: "gold", hash: sampleHash)
        try CredentialFileEdit.add(user, to: folder.file(), classes: classes)
        #expect(try folder.text() == "- { name: \"ann\", class: gold, hash: \(sampleHash) }\n")
        let again = #expect(throws: CredentialFileProblem.self) {
            try CredentialFileEdit.add(user, to: folder.file(), classes: classes)
        }
        #expect(again?.description == "\(folder.file()) has a user 'ann' already; revoke that one first")
        try CredentialFileEdit.revokeUser(named: "ann", in: folder.file())
        #expect(try folder.text() == "")
    }

    @Test("mode and symbolic link stay as they are")
    func kept() throws {
        try folder.write(line("acme", "a"), to: "real.yaml", mode: 0o640)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file(), withDestinationPath: folder.file("real.yaml"))
        try add("ben", "b")
        #expect(try folder.text(of: "real.yaml") == line("acme", "a") + line("ben", "b"))
        #expect(try folder.mode(of: "real.yaml") == 0o640)
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: folder.file())
        #expect(target == folder.file("real.yaml"))
    }

    @Test("what a crash left aside is in nobody's way")
    func leftover() throws {
        try folder.write("half", to: ".keys.yaml.new")
        try add("acme", "a")
        #expect(try folder.names() == ["keys.yaml"])
    }

    @Test("many commands at once lose nothing")
    func together() async throws {
        try folder.write("# head\n")
        let file = folder.file()
        let classes = classes
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                group.addTask {
                    let digest = CredentialDigest(words: (0, 0, 0, UInt64(index)))
                    try CredentialFileEdit.add(
                        KeyFile.Entry(name: "n\(index)", digest: digest), to: file, classes: classes)
                    if index.isMultiple(of: 4) { _ = try CredentialFileEdit.revokeKeys(named: "n\(index)", in: file) }
                }
            }
            try await group.waitForAll()
        }
        let names = try readKeys(folder.text()).map(\.name)
        #expect(Set(names) == Set((0..<40).filter { !$0.isMultiple(of: 4) }.map { "n\($0)" }))
        #expect(names.count == 30)
        #expect(try folder.text().hasPrefix("# head\n"))
    }

    @Test("what cannot be added is said before any file is made")
    func refused() throws {
        let cases: [(KeyFile.Entry, String)] = [
            (try sampleKey("", "gold", "a"), "cannot add '': name: must have 1 to 128 characters, not 0"),
            (
                try sampleKey("a\nb", "gold", "a"),
                "cannot add 'a\\u{a}b': name: 'a\\u{a}b' has other characters than printable ASCII"
            ),
            (
                try sampleKey("acme", "glod", "a"),
                "cannot add 'acme': class: there is no class 'glod' (did you mean 'gold'?); "
                    + "it is one of authenticated, gold"
            ),
        ]
        for (entry, message) in cases {
            let error = #expect(throws: CredentialFileProblem.self) {
                try CredentialFileEdit.add(entry, to: folder.file(), classes: classes)
            }
            #expect(error?.description == message)
        }
        #expect(try folder.names() == [])
    }

    @Test("a key that is there already, and a name that is not, are told")
    func clashes() throws {
        try folder.write(line("acme", "a"))
        let twice = #expect(throws: CredentialFileProblem.self) { try add("ben", "a") }
        #expect(twice?.description == "this key is in \(folder.file()) already, as 'acme'")
        let unknown = #expect(throws: CredentialFileProblem.self) { try revoke("acem") }
        #expect(unknown?.description == "there is no 'acem' in \(folder.file()) (did you mean 'acme'?)")
        #expect(try folder.text() == line("acme", "a"))
    }

    @Test("a file with problems is left as it is, and they are told")
    func broken() throws {
        let text = "- { name: acme, sha256: nothing }\n"
        try folder.write(text)
        for error in [
            #expect(throws: CredentialFileProblem.self) { try add("ben", "b") },
            #expect(throws: CredentialFileProblem.self) { try revoke("acme") },
        ] {
            #expect(error?.description.hasPrefix("\(folder.file()):1:25: [0].sha256: must be") == true)
            #expect(error?.description.hasSuffix("\nnothing was changed; put this right first") == true)
        }
        #expect(try folder.text() == text)
        #expect(try folder.names() == ["keys.yaml"])
    }

    @Test("a class that is not configured any more is in no edit's way")
    func oldClass() throws {
        try folder.write("- { name: acme, class: silver, sha256: \(sampleDigest("a")) }\n" + line("ben", "b"))
        try add("cat", "c")
        #expect(try revoke("acme") == 1)
        #expect(try folder.text() == line("ben", "b") + line("cat", "c"))
    }

    @Test("what is no file is refused, and nothing is left of a file that was made in vain")
    func noFile() throws {
        let noFolder = #expect(throws: CredentialFileProblem.self) { try add("a", "a", to: "x/keys.yaml") }
        let message = "cannot be made: its folder does not exist; make it first"
        #expect(noFolder?.description == "\(folder.file("x/keys.yaml")) \(message)")
        #expect(throws: CredentialFileProblem.self) {
            try CredentialFileEdit.add(sampleKey("a", "gold", "a"), to: folder.path, classes: classes)
        }
        let missing = #expect(throws: CredentialFileProblem.self) { try revoke("a") }
        #expect(missing?.description == "\(folder.file()) does not exist")
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "nowhere")
        #expect(throws: CredentialFileProblem.self) { try add("a", "a", to: "link") }
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        #expect(throws: CredentialFileProblem.self) { try add("a", "a", to: "pipe") }
        // No file can be made beside a name that leaves no room for a longer one.
        let long = String(repeating: "k", count: 254)
        #expect(throws: CredentialFileProblem.self) { try add("a", "a", to: long) }
        #expect(try folder.names() == ["link", "pipe"])
    }
}
