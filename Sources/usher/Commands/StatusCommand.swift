import ArgumentParser
import Foundation
import UsherConsole

/// `usher status`: the services and replicas of a running Usher.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the services and replicas of a running Usher.",
        discussion: """
            Example:
              usher status --watch

            Exit codes: 0 every service has a ready replica, 1 one has none or nobody answers, 2 wrong usage.
            """)

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Show it anew every second until Ctrl-C.")
    var watch = false

    mutating func run() async throws {
        let client = try AdminClient(self.running)
        repeat {
            let isReady = try await self.show(client)
            if !self.watch {
                if isReady { return }
                throw ExitCode(1)
            }
            try await Task.sleep(for: .seconds(1))
        } while true
    }

    private func show(_ client: AdminClient) async throws -> Bool {
        let data: Data
        switch try await client.get("/api/v1/services") {
        case .answered(let body): data = body
        case .nobody(let reason):
            printError(
                "no Usher answers at \(client.address): \(reason)\nStart one with `usher run`, or name it by --admin.")
            throw ExitCode(1)
        }
        let services = try JSONDecoder().decode(Reply.self, from: data).services
        if self.json {
            print(String(decoding: data, as: UTF8.self))
        } else {
            let isTerminal = isatty(STDOUT_FILENO) == 1
            if self.watch && isTerminal { print("\u{1b}[H\u{1b}[2J", terminator: "") }
            print(Self.table(services, colour: isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil))
        }
        return services.allSatisfy { $0.endpoints.contains(where: \.ready) }
    }

    private struct Reply: Decodable {
        var services: [ServiceReport]
    }

    /// One line a replica, columns as wide as their widest cell.
    static func table(_ services: [ServiceReport], colour: Bool) -> String {
        var rows = [["SERVICE", "REPLICA", "READY", "IN FLIGHT", "REQUESTS", "FAILURES", "P50", "P99", "WHY"]]
        for service in services {
            for (index, endpoint) in service.endpoints.enumerated() {
                rows.append([
                    index == 0 ? service.name : "", endpoint.address, endpoint.ready ? "yes" : "no",
                    "\(endpoint.inFlight)", "\(endpoint.requests)", "\(endpoint.failures)",
                    Self.milliseconds(endpoint.latency?.p50), Self.milliseconds(endpoint.latency?.p99),
                    endpoint.reason,
                ])
            }
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.enumerated().map { number, row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell.padding(toLength: widths[column], withPad: " ", startingAt: 0)
            }
            let line = cells.joined(separator: "  ")
            guard colour, number > 0 else { return line }
            return row[2] == "yes" ? line : "\u{1b}[31m\(line)\u{1b}[0m"
        }.joined(separator: "\n")
    }

    private static func milliseconds(_ value: Double?) -> String {
        value.map { String(format: "%.1f ms", $0) } ?? "-"
    }
}
