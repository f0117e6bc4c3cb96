import Foundation
import Subprocess
import UsherTestKit

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Programs of others that tests put beside ours.
enum Tool {
    struct Result {
        var code: Int32
        /// Of both streams.
        var output: String
    }

    /// Programs start in no time, but on a machine that has much else to do they take theirs.
    private static let limit = Duration.seconds(50)

    /// Runs a program to its end; one that takes too long is killed.
    ///
    /// - Parameter input: what it reads. It is given as a file: swift-subprocess 1.0.2 ends the whole process (a
    ///   descriptor "was not closed") when a program is over before a text for it was begun to be written.
    static func run(_ name: String, _ arguments: [String], input: String = "") async throws -> Result {
        let file = URL.temporaryDirectory.appending(path: "usher-input-\(UUID().uuidString)")
        try Data(input.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let opened = try FileDescriptor.open(FilePath(file.path), .readOnly)
        return try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask {
                let result = try await Subprocess.run(
                    name.hasPrefix("/") ? .path(FilePath(name)) : .name(name), arguments: Arguments(arguments),
                    input: .fileDescriptor(opened, closeAfterSpawningProcess: true), output: .string(limit: 1 << 24),
                    error: .combinedWithOutput)
                let code: Int32 =
                    switch result.terminationStatus {
                    case .exited(let code): code
                    case .signaled(let signal): 128 + signal
                    }
                return Result(code: code, output: result.standardOutput)
            }
            group.addTask {
                try await Task.sleep(for: self.limit)
                throw TestKitError.timedOut("\(name) \(arguments.joined(separator: " "))")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw TestKitError.ended(name) }
            return first
        }
    }
}
