import ArgumentParser
import Foundation
import UsherConsole

/// `usher drain SERVICE ADDRESS`: take a replica out by hand.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Send a replica no new requests; running ones finish.",
        discussion: """
            Example:
              usher drain web 127.0.0.1:9001

            It stays drained, whatever its readiness, until `usher undrain` or
            until Usher is started anew.

            Exit codes: 0 it is drained, 1 no such replica or nobody answers,
            2 wrong usage.
            """)

    @OptionGroup var replica: NamedReplica

    mutating func run() async throws {
        try await self.replica.change(to: .drain)
    }
}

/// `usher undrain SERVICE ADDRESS`: take a replica back.
struct UndrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain",
        abstract: "Let a drained replica take requests again.",
        discussion: """
            Example:
              usher undrain web 127.0.0.1:9001

            Its share of the requests grows over `slow-start` of its service.

            Exit codes: 0 it is not drained, 1 no such replica or nobody answers,
            2 wrong usage.
            """)

    @OptionGroup var replica: NamedReplica

    mutating func run() async throws {
        try await self.replica.change(to: .undrain)
    }
}

/// The replica that a command is about.
struct NamedReplica: ParsableArguments {
    @Argument(help: "The service.")
    var service: String

    @Argument(help: "The replica's address, or SERVICE/NUMBER of one that Usher runs; `usher status` shows both.")
    var address: String

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Print JSON.")
    var json = false

    func change(to change: EndpointChange) async throws {
        let client = try AdminClient(self.running)
        let body = try JSONEncoder().encode(EndpointChangeRequest(address: self.address))
        let path = "/api/v1/services/\(pathSegment(self.service))/\(change.rawValue)"
        let answer = try await client.post(path, json: body)
        if self.json { print(String(decoding: answer.body, as: UTF8.self), terminator: "") }
        guard answer.status == 200 else {
            if self.json { throw ExitCode(1) }
            throw client.refusal(answer)
        }
        if !self.json {
            let report = try JSONDecoder().decode(EndpointChangeReport.self, from: answer.body)
            print(Terminal.style.sentence(report.message))
        }
    }
}

/// A name as one segment of a URL's path (RFC 3986 §3.3).
func pathSegment(_ name: String) -> String {
    // What may stand in a segment unencoded, and certainly no slash.
    let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
    return name.addingPercentEncoding(withAllowedCharacters: plain) ?? name
}
