import ArgumentParser
import Foundation
import UsherConsole

/// `usher status [SERVICE]`: the services and replicas of a running Usher.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the services and replicas of a running Usher, and what happened to them.",
        discussion: """
            Example:
              usher status --watch
              usher status web           the events of its replicas, too

            Exit codes: 0 every service has a ready replica, 1 one has none or nobody answers, 2 wrong usage.
            """)

    @Argument(help: "Only this service, with the events of its replicas, newest first.")
    var service: String?

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
        let services: [ServiceReport]
        let data: Data
        if let service = self.service {
            data = try await client.read("/api/v1/services/\(pathSegment(service))")
            services = [try JSONDecoder().decode(ServiceReport.self, from: data)]
        } else {
            data = try await client.read("/api/v1/services")
            services = try JSONDecoder().decode(ServiceList.self, from: data).services
        }
        if self.json {
            print(String(decoding: data, as: UTF8.self), terminator: "")
        } else {
            if self.watch && Terminal.isOutput { print("\u{1b}[H\u{1b}[2J", terminator: "") }
            let text = StatusText(Terminal.style)
            print(self.service == nil ? text.services(services) : services.map(text.service).joined())
        }
        return services.allSatisfy { $0.endpoints.contains(where: \.ready) }
    }
}
