import ArgumentParser
import FoundationEssentials
import Glibc
import UsherConfiguration
import UsherGateway

/// `usher check [usher.yaml]`: every problem of the file at once, or one line that says it is fine.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what is wrong with a configuration, everything at once.",
        discussion: """
            Example:
              usher check usher.yaml

            Reads the certificates, credentials and lists of addresses that it names, too.
            Problems go to standard error, one a line, as FILE:LINE:COLUMN: KEY: MESSAGE.
            Exit codes: 0 the file can be used, 1 it cannot, 2 wrong usage.
            """)

    @Argument(help: "The configuration.")
    var file = "usher.yaml"

    @Flag(help: "Print the result as JSON on standard output.")
    var json = false

    mutating func run() async throws {
        do throws(ConfigurationProblems) {
            let settings = try ConfigurationReader.read(
                file: file, environment: ProcessInfo.processInfo.environment)
            try await self.checkFiles(settings)
            self.printOk(settings)
        } catch {
            if json {
                print(checkReportJSON(file: file, problems: error.problems))
            } else {
                let count = error.problems.count
                printError("\(error)\n\(count) \(count == 1 ? "problem" : "problems")")
            }
            throw ExitCode(1)
        }
    }

    private func printOk(_ settings: Settings) {
        let notes = ShardNote.all(settings)
        if self.json {
            let listed = notes.map { (key: $0.key, message: $0.message, isWarning: $0.isWarning) }
            return print(checkReportJSON(file: self.file, problems: [], notes: listed))
        }
        print("\(self.file): ok (\(Self.summary(of: settings)))")
        for note in notes { print("  \(note.isWarning ? "warning: " : "")\(note.key): \(note.message)") }
    }

    /// What the configuration names must be usable, too.
    private func checkFiles(_ settings: Settings) async throws(ConfigurationProblems) {
        let problems = CertificateReader.problems(settings) + (await NamedFileCheck.problems(settings))
        guard problems.isEmpty else {
            throw ConfigurationProblems(
                problems.map { ConfigurationProblem($0.place, in: self.file, message: $0.message) })
        }
    }

    /// `1 listener, 2 services, 3 routes`
    static func summary(of settings: Settings) -> String {
        [
            counted(settings.listeners.count, "listener"), counted(settings.services.count, "service"),
            counted(settings.routes.count, "route"),
        ].joined(separator: ", ")
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}

/// Writes a line to standard error; a closed one is no reason to fail.
func printError(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    var start = 0
    while start < bytes.count {
        let count = bytes[start...].withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        start += count
    }
}
