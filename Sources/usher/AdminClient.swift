import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import UsherConfiguration
import UsherCore
import UsherTransport

/// Finds a running Usher and asks its admin server.
struct AdminClient {
    /// How the commands that talk to a running Usher are told where it is.
    struct Options: ParsableArguments {
        @Option(name: .customLong("admin"), help: "Where the admin server of the running Usher is: HOST:PORT.")
        var admin: String?

        @Option(name: .customLong("file"), help: "The configuration of the running Usher.")
        var file = "usher.yaml"
    }

    let address: ReplicaAddress
    private let token: String?

    init(_ options: Options) throws {
        if let admin = options.admin {
            do {
                self.address = try ReplicaAddress(text: admin)
            } catch {
                throw ValidationError("--admin \(admin): \(error)")
            }
            self.token = nil
            return
        }
        let settings: Settings
        do {
            settings = try ConfigurationReader.read(
                file: options.file, environment: ProcessInfo.processInfo.environment)
        } catch {
            printError("\(error)\nName a running Usher by --admin HOST:PORT, or its configuration by --file FILE.")
            throw ExitCode(1)
        }
        switch settings.admin.address {
        case .ip(let ip, let port):
            self.address = .ip(ip.isUnspecified ? IPAddress(v4: 0x7f00_0001) : ip, port: port)
        case .unix(let path):
            self.address = .unix(path: path)
        }
        let text = try? String(contentsOfFile: settings.state + "/admin-token", encoding: .utf8)
        self.token = text?.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    enum Outcome {
        case answered(Data)
        /// Nobody listens there.
        case nobody(String)
    }

    /// - Throws: `ExitCode` after a line that says what went wrong.
    func get(_ target: String) async throws -> Outcome {
        let host = if case .unix = self.address { "localhost" } else { "\(self.address)" }
        var request = HTTPFetch.Request(address: self.address, target: target, host: host, timeout: .seconds(5))
        if let token = self.token { request.fields.append(("Authorization", "Bearer \(token)")) }
        let answer: HTTPFetch.Answer
        do {
            answer = try await HTTPFetch.send(request, on: MultiThreadedEventLoopGroup.singleton.next())
        } catch {
            return .nobody(HTTPFetch.describe(error))
        }
        guard answer.status == 200 else {
            printError("\(self.address) answered \(answer.status): \(String(buffer: answer.body))")
            throw ExitCode(1)
        }
        return .answered(Data(answer.body.readableBytesView))
    }
}
