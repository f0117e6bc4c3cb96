import ArgumentParser
import Foundation
import UsherConsole

/// `usher status [SERVICE]`: the services, replicas and caches of a running Usher.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the services, replicas and caches of a running Usher, and what happened to them.",
        discussion: """
            Example:
              usher status --watch
              usher status web           the events of its replicas, too
              usher status profiles      every shard of a sharded service
              usher status profiles/s0   the replicas of one shard

            HIT RATIO is the share of requests for which a cache had the answer, or another
            request was fetching it already.
            Exit codes: 0 every service has a ready replica, and a sharded one somebody for every key; 1 one has
            not, or nobody answers; 2 wrong usage.
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
        if let service = self.service {
            let data = try await client.read("/api/v1/services/\(pathSegment(service))")
            let report = try JSONDecoder().decode(ServiceReport.self, from: data)
            let text = StatusText(Terminal.style)
            if self.json {
                self.show(String(decoding: data, as: UTF8.self))
            } else if report.shards != nil {
                let group = ServiceGroup.all(try await Self.services(client)).first { $0.service.name == service }
                self.show(text.sharded(group ?? ServiceGroup(service: report)))
            } else {
                self.show(text.service(report))
            }
            return report.isServed
        }
        let services = try await Self.services(client)
        let caches = try JSONDecoder().decode(CacheList.self, from: try await client.read("/api/v1/caches")).caches
        self.show(
            self.json
                ? try prettyJSON(StatusReport(services: services, caches: caches))
                : StatusText(Terminal.style).text(services, caches))
        return ServiceGroup.all(services).allSatisfy(\.service.isServed)
    }

    private static func services(_ client: AdminClient) async throws -> [ServiceReport] {
        try JSONDecoder().decode(ServiceList.self, from: try await client.read("/api/v1/services")).services
    }

    private func show(_ text: String) {
        if self.watch, !self.json, Terminal.isOutput { print("\u{1b}[H\u{1b}[2J", terminator: "") }
        print(text, terminator: text.hasSuffix("\n") ? "" : "\n")
    }
}
