import Foundation
import Testing

@testable import UsherConsole

@Suite struct AdminTokenTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = URL.temporaryDirectory.appending(path: "usher-token-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func mode(_ file: URL) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int)
    }

    @Test("the first start makes folder and token for their owner only, the second one reads it")
    func made() throws {
        try withFolder { folder in
            let state = folder.appending(path: "state")
            let first = try AdminToken.load(stateFolder: state.path)
            #expect(first.text.utf8.count == 64)
            #expect(try mode(state) == 0o700)
            #expect(try mode(state.appending(path: "admin-token")) == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: state.path) == ["admin-token"])
            #expect(try AdminToken.load(stateFolder: state.path).text == first.text)
            let other = try AdminToken.load(stateFolder: folder.path)
            #expect(other.text != first.text)
        }
    }

    @Test("a token that others may read is closed to them")
    func tightened() throws {
        try withFolder { folder in
            let file = folder.appending(path: "admin-token")
            let digits = String(repeating: "ab", count: 32)
            try (digits + "\n").write(to: file, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
            #expect(try AdminToken.load(stateFolder: folder.path).text == digits)
            #expect(try mode(file) == 0o600)
        }
    }

    @Test(
        "a file that holds no token is one line that says what to do",
        arguments: [
            "", "\n", "secret", String(repeating: "0", count: 63), String(repeating: "G", count: 64),
            String(repeating: "0", count: 65), String(repeating: "0", count: 5000),
        ])
    func damaged(text: String) throws {
        try withFolder { folder in
            let file = folder.appending(path: "admin-token")
            try text.write(to: file, atomically: false, encoding: .utf8)
            let error = #expect(throws: AdminTokenError.self) { try AdminToken.load(stateFolder: folder.path) }
            let expected = "\(file.path) does not hold a token; remove it and a new one is made"
            #expect(try #require(error).description == expected)
        }
    }

    @Test("a state folder that cannot be made is one line")
    func noFolder() throws {
        let error = #expect(throws: AdminTokenError.self) { try AdminToken.load(stateFolder: "/proc/none/state") }
        #expect(try #require(error).description.hasPrefix("cannot make the state folder /proc/none/state: "))
        try withFolder { folder in
            let file = folder.appending(path: "file")
            try "".write(to: file, atomically: false, encoding: .utf8)
            let error = #expect(throws: AdminTokenError.self) { try AdminToken.load(stateFolder: file.path) }
            #expect(try #require(error).description.contains("admin-token: "))
        }
    }
}
