import Foundation
import Testing
import UsherReplication

@testable import UsherGateway

@Suite final class SecretFileTests {
    private let folder: String

    init() throws {
        var template = Array("/tmp/usher-secret-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        self.folder = String(cString: made)
    }

    deinit {
        for name in ["state/secret", "state", "secret", "pipe", "file"] {
            unlink("\(self.folder)/\(name)")
            rmdir("\(self.folder)/\(name)")
        }
        rmdir(self.folder)
    }

    private func write(_ bytes: [UInt8], mode: mode_t = 0o600) throws -> String {
        let path = "\(self.folder)/secret"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        #expect(Glibc.write(file, bytes, bytes.count) == bytes.count)
        #expect(fchmod(file, mode) == 0)
        return path
    }

    private func contents(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 10_000)
        let count = read(file, &bytes, bytes.count)
        return Array(bytes.prefix(max(count, 0)))
    }

    private func authenticator(_ secret: SessionSecret) -> UInt64 {
        CookieSigner(secret: secret, service: "a", cookie: "b").authenticator(of: [1].span).high
    }

    @Test("the first start makes the folder and the secret, and the next one reads the same")
    func making() throws {
        let path = "\(self.folder)/state/secret"
        let made = try SecretFile.load(path: path)
        let text = self.contents(path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(made.wasMade && made.warning == nil)
        #expect(text.count == 65 && text.last == UInt8(ascii: "\n"))
        let read = try SecretFile.load(path: path)
        #expect(!read.wasMade && read.warning == nil)
        #expect(self.authenticator(read.secret) == self.authenticator(made.secret))
    }

    @Test("no two secrets are the same, and nothing is left beside them")
    func difference() throws {
        let first = try SecretFile.load(path: "\(self.folder)/secret")
        unlink("\(self.folder)/secret")
        let second = try SecretFile.load(path: "\(self.folder)/secret")
        #expect(self.authenticator(first.secret) != self.authenticator(second.secret))
        unlink("\(self.folder)/secret")
        #expect(rmdir(self.folder) == 0)
    }

    @Test("white space at the end does not count", arguments: ["", "\n", "\r\n", " \t\n\n"])
    func whiteSpace(end: String) throws {
        let plain = try SecretFile.load(path: try self.write(Array("0123456789abcdef".utf8)))
        let edited = try SecretFile.load(path: try self.write(Array("0123456789abcdef\(end)".utf8)))
        #expect(self.authenticator(plain.secret) == self.authenticator(edited.secret))
    }

    @Test(
        "a file that cannot be a secret is refused with what to do, and stays as it is",
        arguments: [
            (0, "is empty"), (1, "has only 1 bytes"), (15, "has only 15 bytes"), (4_097, "larger than 4 KiB"),
            (9_999, "larger than 4 KiB"),
        ])
    func refusal(count: Int, words: String) throws {
        let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: count)
        let path = try self.write(bytes)
        let error = try #require(throws: SecretFileError.self) { try SecretFile.load(path: path) }
        #expect(error.description.contains(words) && error.description.contains(path))
        #expect(!error.description.contains("\n"))
        #expect(self.contents(path) == bytes)
    }

    @Test("white space alone is empty")
    func blank() throws {
        let path = try self.write(Array(String(repeating: " \n", count: 20).utf8))
        let error = try #require(throws: SecretFileError.self) { try SecretFile.load(path: path) }
        #expect(error.description.contains("is empty"))
    }

    @Test("a file that others may read is used, with a warning", arguments: [0o640, 0o604, 0o644, 0o660] as [mode_t])
    func openMode(mode: mode_t) throws {
        let path = try self.write([UInt8](repeating: 7, count: 32), mode: mode)
        let loaded = try SecretFile.load(path: path)
        #expect(loaded.warning?.contains("chmod 600 \(path)") == true)
    }

    @Test("what is not a file, or not reachable, is an error of one line")
    func strange() throws {
        #expect(mkfifo("\(self.folder)/pipe", 0o600) == 0)
        for path in [self.folder, "\(self.folder)/pipe", "\(self.folder)/none/none/secret", "/dev/null"] {
            let error = try #require(throws: SecretFileError.self) { try SecretFile.load(path: path) }
            #expect(!error.description.contains("\n"), "\(path)")
        }
    }
}
