import Foundation
import UsherTestKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The configuration file of a test's gateway.
///
/// It is rewritten in place, always of the same length and with its first time of change, so that a gateway which looks
/// at the file by itself sees none: a test says when a reload happens.
final class ConfigurationText: Sendable {
    let path: String
    let folder: String
    let number: Int

    /// Of every version of the file. Unit: bytes.
    private static let length = 1 << 13

    init(_ yaml: String, folder: String, _ number: Int) throws {
        self.folder = folder
        self.number = number
        self.path = folder + "/usher-\(number).yaml"
        try Self.padded(yaml).write(toFile: self.path, atomically: false, encoding: .utf8)
    }

    var stateFolder: String { self.folder + "/state-\(self.number)" }

    /// What the operators of this gateway show to be allowed to change something.
    var adminToken: String {
        get throws {
            try String(contentsOfFile: self.stateFolder + "/admin-token", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// - Parameter yaml: as it was given at the start: what is left out of it is added again.
    func replace(_ yaml: String) throws {
        let descriptor = open(self.path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestKitError.ended("cannot open \(self.path)") }
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        let text = Array(Self.padded(Stage.complete(yaml, in: self.folder, self.number)).utf8)
        guard text.count == Self.length, pwrite(descriptor, text, text.count, 0) == text.count else {
            throw TestKitError.ended("cannot write \(self.path)")
        }
        let times = [status.st_atim, status.st_mtim]
        guard futimens(descriptor, times) == 0 else { throw TestKitError.ended("cannot turn back \(self.path)") }
    }

    /// Writes the file anew as an editor does: the gateway notices.
    func replaceNoticeably(_ yaml: String) throws {
        try Stage.complete(yaml, in: self.folder, self.number)
            .write(toFile: self.path, atomically: true, encoding: .utf8)
    }

    private static func padded(_ yaml: String) -> String {
        let text = yaml + "\n#"
        return text + String(repeating: "#", count: max(0, self.length - text.utf8.count - 1)) + "\n"
    }
}
