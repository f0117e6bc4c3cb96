import ArgumentParser
import Glibc
import UsherConfiguration

/// `usher init [FILE]`: a commented configuration to begin with.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a commented starter configuration, never over a file.",
        discussion: """
            Example:
              usher init && usher check && usher run

            Exit codes: 0 written, 1 the file exists or cannot be written, 2 wrong usage.
            """)

    @Argument(help: "Where to write it.")
    var file = "usher.yaml"

    mutating func run() throws {
        // O_EXCL leaves no moment between looking and writing, and follows no symbolic link.
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            let reason = errno == EEXIST ? "exists already and is left as it is" : String(cString: strerror(errno))
            printError("\(file): \(reason)")
            throw ExitCode(1)
        }
        let bytes = Array(starterConfiguration.utf8)
        let isWritten = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
        guard close(descriptor) == 0, isWritten else {
            let reason = String(cString: strerror(errno))
            // Half a configuration is worse than none.
            unlink(file)
            printError("\(file): cannot be written: \(reason)")
            throw ExitCode(1)
        }
        print("\(file) is written; change the replicas' addresses, then `usher check` and `usher run`")
    }
}
