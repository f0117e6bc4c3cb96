import Foundation
import Testing
import UsherCore

@testable import UsherConfiguration

/// The digest whose bytes are all alike, and its text.
func sampleDigest(_ digit: Character) -> String { String(repeating: digit, count: 64) }

func sampleKey(_ name: String, _ callerClass: String = "authenticated", _ digit: Character) throws -> KeyFile.Entry {
    KeyFile.Entry(
        name: name, callerClass: callerClass, digest: try #require(CredentialDigest(hexadecimal: sampleDigest(digit))))
}

let sampleHash = "scrypt$14$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func readKeys(_ text: String, classes: [String] = ["authenticated", "gold"]) throws -> [KeyFile.Entry] {
    try KeyFile.read(text: text, file: "keys.yaml", classes: classes).entries
}

/// One line a problem.
func keyProblems(_ text: String) -> [String] {
    do throws(ConfigurationProblems) {
        _ = try KeyFile.read(text: text, file: "keys.yaml", classes: ["anonymous", "authenticated", "gold"])
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

/// A folder that is gone with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "usher-identities-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String = "keys.yaml") -> String { "\(path)/\(name)" }

    func write(_ text: String, to name: String = "keys.yaml", mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
    }

    func text(of name: String = "keys.yaml") throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: file(name))), as: UTF8.self)
    }

    func mode(of name: String = "keys.yaml") throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: file(name))[.posixPermissions] as? Int
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}
