import ArgumentParser
import Foundation
import UsherConfiguration
import UsherConsole
import UsherGateway

/// `usher certs`: the certificates of a running Usher, or of a configuration.
struct CertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs",
        abstract: "List certificates: their names, issuers, expiry, and who uses them.",
        discussion: """
            Example:
              usher certs

            Asks the running Usher; when none answers, reads the files that the configuration names and says so.
            STATE is ok, soon (it expires within \(CertificateReport.soonDays) days), expired, kept (its files have
            changed and cannot be used, so the one from before stays) or unusable.
            Exit codes: 0 all are ok or soon, 1 one is not, 2 wrong usage.
            """)

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Print JSON.")
    var json = false

    mutating func run() async throws {
        let (all, source) = try await self.certificates()
        if self.json {
            print(try prettyJSON(CertificateList(certificates: all)))
        } else {
            print(CertificatesText(Terminal.style).text(all, source: source))
        }
        if all.contains(where: \.isBad) { throw ExitCode(1) }
    }

    private func certificates() async throws -> ([CertificateReport], String) {
        let client = try AdminClient(self.running)
        switch try await client.get("/api/v1/certificates") {
        case .answered(let data):
            let all = try JSONDecoder().decode(CertificateList.self, from: data).certificates
            return (all, "asked the Usher at \(client.address)")
        case .nobody(let reason) where self.running.admin != nil:
            printError("no Usher answers at \(client.address): \(reason)")
            throw ExitCode(1)
        case .nobody:
            let settings = try AdminClient.settings(self.running)
            return (
                CertificateReader.reports(settings),
                "read from \(self.running.file); no Usher answers at \(client.address)"
            )
        }
    }
}
