import ArgumentParser
import Foundation
import UsherConsole

/// `usher quotas [NAME]`: who uses what.
struct QuotasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quotas",
        abstract: "List who asks each quota most, and who is refused.",
        discussion: """
            Example:
              usher quotas
              usher quotas public --top 20

            REQUESTS with <= before it is an upper bound: beyond a few hundred callers only estimates are kept.
            Exit codes: 0 ok, 1 nobody answers or there is no such quota, 2 wrong usage.
            """)

    @Argument(help: "Only this quota.")
    var quota: String?

    @OptionGroup var running: AdminClient.Options

    @Option(help: "Callers of each quota that are shown.")
    var top = 10

    @Flag(help: "Print JSON.")
    var json = false

    mutating func validate() throws {
        guard self.top >= 0 else { throw ValidationError("--top is a number of callers, 0 or more") }
    }

    mutating func run() async throws {
        let client = try AdminClient(self.running)
        let data = try await client.read("/api/v1/quotas?top=\(self.top)")
        var quotas = try JSONDecoder().decode(QuotaList.self, from: data).quotas
        if let wanted = self.quota {
            let names = quotas.map(\.name)
            quotas.removeAll { $0.name != wanted }
            guard !quotas.isEmpty else {
                printError("there is no quota '\(wanted)'; there is: \(names.joined(separator: ", "))")
                throw ExitCode(1)
            }
        }
        print(self.json ? try prettyJSON(QuotaList(quotas: quotas)) : QuotasText(Terminal.style).text(quotas))
    }
}
