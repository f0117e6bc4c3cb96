import ArgumentParser
import Foundation
import UsherConsole

/// `usher shards [SERVICE]`: how keys are parted, and how much each part is asked for.
struct ShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards",
        abstract: "Show the shards of each sharded service, how busy they are, and their hot keys.",
        discussion: """
            Example:
              usher shards
              usher shards profiles --all

            KEYS is a shard's share of all keys, BUSY how many requests it has at once on average.
            SPREAD and OVERFLOWED count requests of its keys that other shards got: hot ones, and those
            for which it had no room or no ready replica. ITS SHARE is that of the top key in the
            requests of the shard's keys.
            Exit codes: 0 ok, 1 nobody answers or there is no such sharded service, 2 wrong usage.
            """)

    @Argument(help: "Only this service.")
    var service: String?

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Show every shard, not only the busiest.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    mutating func run() async throws {
        let client = try AdminClient(self.running)
        let data = try await client.read("/api/v1/shards")
        var services = try JSONDecoder().decode(ShardList.self, from: data).services
        if let wanted = self.service {
            let names = services.map(\.service)
            services.removeAll { $0.service != wanted }
            guard !services.isEmpty else {
                let known = names.isEmpty ? "none" : names.joined(separator: ", ")
                printError("there is no sharded service '\(wanted)'; there is: \(known)")
                throw ExitCode(1)
            }
        }
        print(
            self.json
                ? try prettyJSON(ShardList(services: services))
                : ShardsText(Terminal.style, showsAll: self.all).text(services))
    }
}
