import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import UsherConfiguration
import UsherConsole
import UsherCore
import UsherTransport

/// Finds a running Usher and talks to its admin server.
struct AdminClient {
    /// How the commands that talk to a running Usher are told where it is.
    struct Options: ParsableArguments {
        @Option(name: .customLong("admin"), help: "Where the admin server of the running Usher is: HOST:PORT.")
        var admin: String?

        @Option(name: .customLong("file"), help: "The configuration of the running Usher. (default: usher.yaml)")
        var givenFile: String?

        @Option(name: .customLong("token-file"), help: "Its admin token. (default: admin-token in its state folder)")
        var tokenFile: String?

        var file: String { self.givenFile ?? "usher.yaml" }
    }

    struct Answer {
        var status: Int
        var body: Data
    }

    enum Outcome {
        case answered(Data)
        /// Nobody listens there.
        case nobody(String)
    }

    let address: ReplicaAddress
    private let token: OperatorToken

    /// Reading is quick; a reload may wait for new replicas.
    private static let readLimit = Duration.seconds(5)
    private static let changeLimit = Duration.seconds(60)

    init(_ options: Options) throws {
        if let admin = options.admin {
            do {
                self.address = try ReplicaAddress(text: admin)
            } catch {
                throw ValidationError("--admin \(admin): \(error)")
            }
            self.token = OperatorToken.find(options, for: self.address)
            return
        }
        let settings: Settings
        do {
            settings = try Self.settings(options)
        } catch {
            guard let noted = Self.noted(options) else {
                printError("\(error)\nName a running Usher by --admin HOST:PORT, or its configuration by --file FILE.")
                throw ExitCode(1)
            }
            self.address = noted
            self.token = OperatorToken.find(options, for: noted)
            return
        }
        switch settings.admin.address {
        case .ip(let ip, let port):
            self.address = .ip(ip.isUnspecified ? IPAddress(v4: 0x7f00_0001) : ip, port: port)
        case .unix(let path):
            self.address = .unix(path: path)
        }
        self.token = OperatorToken.read(options.tokenFile ?? OperatorToken.path(settings))
    }

    /// Where a running Usher has noted that it is, for a configuration that cannot be read.
    static func noted(_ options: Options) -> ReplicaAddress? {
        let folder = URL(fileURLWithPath: options.file).deletingLastPathComponent()
        let note = try? String(contentsOf: folder.appendingPathComponent(".usher/admin-address"), encoding: .utf8)
        return note.flatMap { try? ReplicaAddress(text: $0.filter { !$0.isNewline }) }
    }

    static func settings(_ options: Options) throws(ConfigurationProblems) -> Settings {
        try ConfigurationReader.read(file: options.file, environment: ProcessInfo.processInfo.environment)
    }

    /// Asks for something that is there to be read.
    ///
    /// - Throws: `ExitCode` after a line that says what went wrong.
    func get(_ target: String) async throws -> Outcome {
        var request = self.request("GET", target, timeout: Self.readLimit)
        if case .found(let token) = self.token { request.fields.append(("Authorization", "Bearer \(token)")) }
        let answer: Answer
        do throws(Silence) {
            answer = try await self.send(request)
        } catch {
            return .nobody(error.reason)
        }
        guard answer.status == 200 else { throw self.refusal(answer) }
        return .answered(answer.body)
    }

    /// Reads what only a running Usher knows.
    ///
    /// - Throws: `ExitCode` after a line that says what went wrong, also when nobody answers.
    func read(_ target: String) async throws -> Data {
        switch try await self.get(target) {
        case .answered(let body): return body
        case .nobody(let reason): throw self.nobody(reason)
        }
    }

    /// Asks for a change, for which the operator's token is needed.
    ///
    /// - Throws: `ExitCode` after a line that says what went wrong before there was an answer.
    func post(_ target: String, json: Data? = nil) async throws -> Answer {
        guard case .found(let token) = self.token else {
            if case .missing(let advice) = self.token { printError(advice) }
            throw ExitCode(1)
        }
        var request = self.request("POST", target, timeout: Self.changeLimit)
        request.fields.append(("Authorization", "Bearer \(token)"))
        if json != nil { request.fields.append(("Content-Type", "application/json")) }
        request.body = ByteBuffer(bytes: json ?? Data())
        do throws(Silence) {
            return try await self.send(request)
        } catch {
            throw self.nobody(error.reason)
        }
    }

    /// Says what an answer that is no success means.
    func refusal(_ answer: Answer) -> ExitCode {
        let problem = (try? JSONDecoder().decode(Problem.self, from: answer.body))?.error
        let text = problem ?? String(decoding: answer.body.prefix(1000), as: UTF8.self)
        printError("\(self.address) answered \(answer.status): \(TextStyle.printable(text))")
        if answer.status == 401 {
            switch self.token {
            case .found: printError("The token that was found is of another Usher: name the configuration of this one.")
            case .missing(let advice): printError(advice)
            }
        }
        return ExitCode(1)
    }

    private struct Problem: Decodable {
        var error: String
    }

    private func nobody(_ reason: String) -> ExitCode {
        printError(
            "no Usher answers at \(self.address): \(reason)\nStart one with `usher run`, or name it by --admin.")
        return ExitCode(1)
    }

    private func request(_ method: String, _ target: String, timeout: Duration) -> HTTPFetch.Request {
        let host = if case .unix = self.address { "localhost" } else { "\(self.address)" }
        var request = HTTPFetch.Request(address: self.address, target: target, host: host, timeout: timeout)
        request.method = method
        return request
    }

    /// Why there was no answer.
    private struct Silence: Error {
        var reason: String
    }

    private func send(_ request: HTTPFetch.Request) async throws(Silence) -> Answer {
        do {
            let answer = try await HTTPFetch.send(request, on: MultiThreadedEventLoopGroup.singleton.next())
            return Answer(status: answer.status, body: Data(answer.body.readableBytesView))
        } catch {
            throw Silence(reason: HTTPFetch.describe(error))
        }
    }
}
