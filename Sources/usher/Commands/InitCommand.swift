import ArgumentParser
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
        if let reason = writeNewFile(self.file, starterConfiguration) {
            printError("\(self.file): \(reason)")
            throw ExitCode(1)
        }
        print("\(file) is written; change the replicas' addresses, then `usher check` and `usher run`")
    }
}
