import Foundation
import Testing
import UsherTransport

@Suite("Locks against a second Usher")
struct ExclusiveLockTests {
    /// Holds a lock for as long as its owner lives.
    private final class Holder {
        let lock: ExclusiveLock
        init(_ lock: consuming ExclusiveLock) { self.lock = lock }
    }

    private static func take(name: String) -> Holder? {
        guard let lock = ExclusiveLock(abstractName: name) else { return nil }
        return Holder(lock)
    }

    private static func take(file: String) -> Holder? {
        guard let lock = ExclusiveLock(file: file) else { return nil }
        return Holder(lock)
    }

    @Test("a name is free, then taken, then free again")
    func name() {
        let name = "test-\(UUID())"
        var first = Self.take(name: name)
        #expect(first != nil)
        #expect(Self.take(name: name) == nil)
        #expect(Self.take(name: name + "x") != nil)
        withExtendedLifetime(first) {}
        first = nil
        #expect(Self.take(name: name) != nil)
    }

    @Test("a file is made, locked, and free again")
    func file() throws {
        let path = NSTemporaryDirectory() + "usher-lock-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var first = Self.take(file: path)
        #expect(first != nil)
        #expect(Self.take(file: path) == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        withExtendedLifetime(first) {}
        first = nil
        #expect(Self.take(file: path) != nil)
    }

    @Test("a file in a folder that does not exist cannot be locked")
    func missingFolder() {
        #expect(Self.take(file: "/nonexistent/folder/lock") == nil)
    }
}
