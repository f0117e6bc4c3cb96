import ArgumentParser
import Foundation
import UsherConsole

/// `usher purge URL | --tag T | --prefix P | --all`: take answers out of caches.
struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Take answers out of the caches of a running Usher.",
        usage: "usher purge <url> | --tag <tag> | --prefix <prefix> | --all [--soft] [--cache <cache>] [--json]",
        discussion: """
            Example:
              usher purge 'http://shop.example.com/shoes?page=2'
              usher purge --tag shoes --soft
              usher purge --prefix http://shop.example.com/images/ --cache pages

            A URL is written as clients ask for it, with its scheme: http and https
            are kept apart. All its variants go. A tag is one of those in the
            Surrogate-Key or Cache-Tag field of the service's answers. When the command
            returns, no worker gives the answers any more, and those that were on their
            way are not kept either.

            With --soft they stay and are validated when they are next asked for; where
            they allow it they are given meanwhile, and when the service fails.

            Exit codes: 0 ok, also when there was nothing to purge, 1 it was refused or
            nobody answers, 2 wrong usage.
            """)

    @Argument(help: "The URL whose answers go.")
    var url: String?

    @Option(help: "Purge all answers with this tag.")
    var tag: String?

    @Option(help: "Purge all answers whose URLs begin so: a scheme, a whole host, and the beginning of a path.")
    var prefix: String?

    @Flag(help: "Purge everything.")
    var all = false

    @Flag(help: "Keep them as stale answers.")
    var soft = false

    @Option(help: "Only of this cache. (default: all caches)")
    var cache: String?

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Print JSON.")
    var json = false

    private var wanted: [PurgeRequest.What] {
        [
            self.url.map { .url($0) }, self.tag.map { .tag($0) }, self.prefix.map { .prefix($0) },
            self.all ? .all : nil,
        ].compactMap { $0 }
    }

    mutating func validate() throws {
        guard self.wanted.count == 1 else {
            throw ValidationError(
                self.wanted.isEmpty
                    ? "say what to purge: a URL, --tag, --prefix or --all"
                    : "say one of a URL, --tag, --prefix and --all; purge twice for two")
        }
        for text in [self.url, self.prefix].compactMap({ $0 }) {
            let text = text.lowercased()
            guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
                throw ValidationError(
                    "'\(text)' is not a whole URL; write it as clients ask for it: http://HOST/PATH")
            }
        }
        for (name, text) in [("--tag", self.tag), ("--cache", self.cache)] where text?.isEmpty == true {
            throw ValidationError("\(name) needs a name")
        }
    }

    mutating func run() async throws {
        guard let what = self.wanted.first else { return }
        let client = try AdminClient(self.running)
        let body = try JSONEncoder().encode(PurgeRequest(what, isSoft: self.soft, cache: self.cache))
        let answer = try await client.post("/api/v1/purge", json: body)
        if self.json { print(String(decoding: answer.body, as: UTF8.self), terminator: "") }
        guard answer.status == 200 else {
            if self.json { throw ExitCode(1) }
            throw client.refusal(answer)
        }
        if !self.json {
            let report = try JSONDecoder().decode(PurgeReport.self, from: answer.body)
            print(Terminal.style.sentence(report.message))
        }
    }
}
