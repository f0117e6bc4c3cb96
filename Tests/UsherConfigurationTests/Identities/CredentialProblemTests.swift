import Foundation
import Testing
import UsherCore

@testable import UsherConfiguration

@Suite(.timeLimit(.minutes(1))) struct CredentialProblemTests {
    @Test("every problem of a file is told at once, each with its place")
    func allAtOnce() {
        let text = """
            - { name: acme, class: glod, sha256: \(sampleDigest("a")) }
            - { nam: ben, sha256: usher_secret }
            - { class: anonymous, sha256: \(sampleDigest("b")) }
            - just text
            - { name: "a\\nb", sha256: \(sampleDigest("A")) }
            - { name: cat, sha256: \(sampleDigest("a")), class: }
            """
        #expect(
            keyProblems(text) == [
                "keys.yaml:1:24: [0].class: there is no class 'glod' (did you mean 'gold'?); "
                    + "it is one of authenticated, gold",
                "keys.yaml:2:5: [1].nam: unknown key (did you mean 'name'?)",
                "keys.yaml:2:23: [1].sha256: must be 64 hexadecimal digits, the key's SHA-256; "
                    + "never put the key itself here",
                "keys.yaml:3:3: [2]: needs the key 'name'",
                "keys.yaml:3:12: [2].class: 'anonymous' is who has no credential; name another class, or none",
                "keys.yaml:4:3: [3]: must be a mapping, such as { name: acme, class: gold, sha256: … }, "
                    + "not a single value",
                "keys.yaml:5:11: [4].name: 'a\\u{a}b' has other characters than printable ASCII",
                "keys.yaml:6:97: [5].class: has no value",
            ])
    }

    @Test("the same key twice is a problem, whatever the name; the first place is told")
    func repeated() {
        let text = """
            - { name: acme, sha256: \(sampleDigest("a")) }
            - { name: ben, sha256: \(sampleDigest("b")) }
            - { name: cat, sha256: \(sampleDigest("A")) }
            """
        #expect(keyProblems(text) == ["keys.yaml:3:3: [2].sha256: the same key stands in line 1 already"])
    }

    @Test("a user's name is there once and has no colon")
    func users() {
        let text = """
            - { name: ann, hash: \(sampleHash) }
            - { name: ann, hash: \(sampleHash) }
            - { name: "a:b", hash: password123 }
            """
        let error = #expect(throws: ConfigurationProblems.self) {
            try UserFile.read(text: text, file: "u.yaml", classes: ["authenticated"])
        }
        #expect(
            error?.problems.map(\.description) == [
                "u.yaml:2:3: [1].name: 'ann' stands in line 1 already; a user has one entry",
                "u.yaml:3:11: [2].name: must not have a colon, which ends the name in a request",
                "u.yaml:3:24: [2].hash: must be a hash such as scrypt$14$8$1$SALT$HASH; "
                    + "never put the password itself here",
            ])
    }

    @Test(
        "a secret in the wrong place is not repeated",
        arguments: ["usher_c2VjcmV0", "scrypt$secret", String(repeating: "secret", count: 11)])
    func secrets(text: String) {
        let problems = keyProblems("- { name: a, sha256: \(text) }")
        #expect(problems.count == 1 && !problems[0].contains("secret"))
    }

    @Test(
        "names are 1 to 128 characters of printable ASCII, without spaces at their ends",
        arguments: [
            ("", false), ("a", true), (String(repeating: "a", count: 128), true),
            (String(repeating: "a", count: 129), false), (" a", false), ("a ", false), ("a b", true), ("é", false),
            ("a\u{7}", false), ("a\u{7F}", false), ("\u{202E}a", false), ("a\\b", true), ("~!@#$%^&*()", true),
        ])
    func names(name: String, isGood: Bool) {
        let escaped = name.unicodeScalars.map { $0 == "\\" ? "\\\\" : "\\U" + hexadecimal($0) }.joined()
        let problems = keyProblems("- { name: \"\(escaped)\", sha256: \(sampleDigest("1")) }")
        #expect(problems.isEmpty == isGood, "\(problems)")
        #expect(problems.allSatisfy { $0.hasPrefix("keys.yaml:1:11: [0].name: ") })
    }

    @Test(
        "what is no list is refused",
        arguments: [
            ("a: b", "keys.yaml:1:1: \(noListMessage), not a mapping"),
            ("a", "keys.yaml:1:1: \(noListMessage), not a single value"),
            ("\n\n{", "keys.yaml:4:1: is not valid YAML: did not find expected node content while parsing a flow node"),
            ("- a\n---\n- b", "keys.yaml:2:1: begins a second document; a configuration is one document"),
            ("- a\n\t- b: c", "keys.yaml:2:1: has a tab where YAML allows only spaces"),
            ("- \u{1}", "keys.yaml:1:3: has the control character U+0001, which is not allowed here"),
        ])
    func noList(text: String, problem: String) {
        #expect(keyProblems(text) == [problem])
    }

    @Test("a file of nothing but problems is not read to its end")
    func manyProblems() {
        let text = String(repeating: "- { name: acme }\n", count: 50_000)
        let problems = keyProblems(text)
        #expect(problems.count == 1000)
        #expect(problems.last == "keys.yaml:1000:3: [999]: needs the key 'sha256'")
    }

    @Test("a file that is too large is refused before it is read")
    func tooLarge() throws {
        let folder = try TemporaryFolder()
        try folder.write("")
        let handle = try #require(FileHandle(forWritingAtPath: folder.file()))
        try handle.truncate(atOffset: 64 << 20 + 1)
        let error = #expect(throws: ConfigurationProblems.self) {
            try KeyFile.read(file: folder.file(), classes: [])
        }
        #expect(error?.description == "\(folder.file()): is larger than 64MiB, the most that is read")
    }

    private func hexadecimal(_ scalar: UnicodeScalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

private let noListMessage = "must be a list with lines such as - { name: acme, class: gold, sha256: … }"
