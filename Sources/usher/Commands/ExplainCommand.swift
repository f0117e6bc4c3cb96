import ArgumentParser
import Foundation
import UsherConfiguration
import UsherConsole
import UsherGateway

/// `usher explain GET URL`: what would happen to a request, without sending it.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what would happen to a request, without sending it.",
        discussion: """
            Example:
              usher explain GET http://api.example.com/v1/users -H 'X-Beta: 1'

            Asks the running Usher; when none answers, reads the configuration and says so.
            Exit codes: 0 the request would be served, 1 it would be refused, 2 wrong usage.
            """)

    @Argument(help: "The method.")
    var method: String

    @Argument(help: "A URL, or a path.")
    var url: String

    @Option(name: [.customShort("H"), .customLong("header")], help: "A field of the request: 'Name: value'.")
    var headers: [String] = []

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Print JSON.")
    var json = false

    mutating func validate() throws {
        for header in self.headers where !header.contains(":") {
            throw ValidationError("-H '\(header)' is not of the form 'Name: value'")
        }
    }

    mutating func run() async throws {
        let (explanation, source) = try await self.explain()
        if self.json {
            print(try prettyJSON(explanation))
        } else {
            print(ExplanationText(Terminal.style).text(explanation, source: source))
        }
        if explanation.action == "refuse" { throw ExitCode(1) }
    }

    private var fields: [(String, String)] {
        self.headers.compactMap { header in
            guard let colon = header.firstIndex(of: ":") else { return nil }
            let value = header[header.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (String(header[..<colon]), value)
        }
    }

    private func explain() async throws -> (Explanation, String) {
        let client = try AdminClient(self.running)
        var components = URLComponents()
        components.path = "/api/v1/explain"
        components.queryItems =
            [URLQueryItem(name: "method", value: self.method), URLQueryItem(name: "url", value: self.url)]
            + self.headers.map { URLQueryItem(name: "header", value: $0) }
        // URLComponents leaves `+` alone, which a form's reader takes for a space.
        let query = (components.percentEncodedQuery ?? "").replacingOccurrences(of: "+", with: "%2B")
        switch try await client.get("/api/v1/explain?\(query)") {
        case .answered(let data):
            return (try JSONDecoder().decode(Explanation.self, from: data), "asked the Usher at \(client.address)")
        case .nobody(let reason) where self.running.admin != nil:
            printError("no Usher answers at \(client.address): \(reason)")
            throw ExitCode(1)
        case .nobody:
            let settings = try ConfigurationReader.read(
                file: self.running.file, environment: ProcessInfo.processInfo.environment)
            let explainer: RequestExplainer
            do throws(GatewayError) {
                explainer = try await RequestExplainer.reading(settings)
            } catch {
                printError(error.description)
                throw ExitCode(1)
            }
            return (
                explainer.explain(method: self.method, url: self.url, headers: self.fields),
                "read from \(self.running.file); no Usher answers at \(client.address)"
            )
        }
    }
}
