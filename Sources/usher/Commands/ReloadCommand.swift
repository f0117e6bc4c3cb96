import ArgumentParser
import Foundation
import UsherConfiguration
import UsherConsole

/// `usher reload [--dry-run]`: let the running Usher read its configuration anew.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Let a running Usher read its configuration anew, and say what changed.",
        discussion: """
            Example:
              usher reload --dry-run

            A line begins with + for what is new, - for what is gone, ~ for what is
            different, and ! for what takes effect only when Usher is started anew.
            A file with problems is refused, and what was in force stays.

            Exit codes: 0 done or nothing to do, 1 refused or nobody answers,
            2 wrong usage.
            """)

    @Flag(name: .customLong("dry-run"), help: "Only say what would change.")
    var dryRun = false

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Print JSON.")
    var json = false

    mutating func run() async throws {
        let report = if let refusal = self.unreadable() { refusal } else { try await self.reload() }
        let isRefused = report.outcome == .refused
        if self.json {
            print(try prettyJSON(report))
        } else if isRefused {
            printError(ReloadText(TextStyle()).text(report))
        } else {
            print(ReloadText(Terminal.style).text(report))
        }
        if isRefused { throw ExitCode(1) }
    }

    private func reload() async throws -> ReloadReport {
        let client = try AdminClient(self.running)
        let answer = try await client.post("/api/v1/reload?dry-run=\(self.dryRun)")
        // 422 is the answer for a file that was refused, with its problems.
        guard answer.status == 200 || answer.status == 422 else { throw client.refusal(answer) }
        return try JSONDecoder().decode(ReloadReport.self, from: answer.body)
    }

    /// The refusal of a file with problems, in which no admin address can be found either; nil when it is fine, or
    /// when there is no such file at all.
    private func unreadable() -> ReloadReport? {
        guard self.running.admin == nil, AdminClient.noted(self.running) == nil else { return nil }
        do throws(ConfigurationProblems) {
            _ = try AdminClient.settings(self.running)
            return nil
        } catch {
            guard error.problems.contains(where: { $0.line > 0 }) else { return nil }
            return ReloadReport(
                outcome: .refused, problems: error.problems.map { "\($0)" },
                notes: ["The running Usher was not asked; to ask it nevertheless, name it by --admin."])
        }
    }
}
