package import NIOCore
package import UsherCore

/// Asks name servers, one after the other, until one gives a usable answer.
///
/// Each query goes out over UDP with a random identifier from a socket of its own, whose source port the system draws
/// anew: whoever wants to slip in an answer without seeing the query has to guess both, and an answer that comes too
/// late finds nobody. What does not fit into a datagram is asked for again over TCP. Nothing is kept between queries.
///
/// One resolution takes at most 2 × servers × rounds × `timeout`: 24 s with three servers and the defaults.
package struct DNSClient: Sendable {
    package struct Settings: Sendable, Hashable {
        /// Asked in this order; more than `serversMax` are not used.
        package var servers: [DNSServer]
        /// For one query to one server over UDP, and as long again over TCP. Range: 10 ms...30 s. Default: 2 s.
        package var timeout: Duration = .seconds(2)
        /// How often all servers are tried. Range: 1...5. Default: 2.
        package var rounds = 2

        package static let serversMax = 3

        package init(servers: [DNSServer]) {
            self.servers = servers
        }
    }

    private let settings: Settings
    private let group: any EventLoopGroup

    /// Values out of range are moved to the nearest that is in range.
    package init(_ settings: Settings, on group: any EventLoopGroup) {
        self.settings = settings
        self.group = group
    }

    /// The records of one type that the name leads to, aliases followed. The name is complete: nothing is appended.
    package func resolve(_ name: String, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer {
        guard let name = DomainName(text: name) else { throw .notAskable("'\(name)' is not a name") }
        return try await self.resolve(DNSQuestion(name, type))
    }

    package func resolve(_ question: DNSQuestion) async throws(DNSFailure) -> DNSAnswer {
        var problems: [String] = []
        let servers = self.settings.servers.prefix(Settings.serversMax)
        for round in 0..<min(max(self.settings.rounds, 1), 5) {
            for server in servers {
                switch await self.ask(server, question) {
                case .verdict(.answer(let answer)):
                    return answer
                case .verdict(.noSuchName):
                    throw .noSuchName("\(question.name)")
                case .verdict(.useless(let what)), .failed(let what):
                    if round == 0 { problems.append("\(server): \(what)") }
                case .cancelled:
                    throw .cancelled
                }
            }
        }
        throw .noAnswer("\(question.name): " + problems.joined(separator: "; "))
    }

    private enum Outcome {
        case verdict(DNSVerdict)
        case failed(String)
        case cancelled
    }

    /// One server's word, over UDP and then, when it does not fit, over TCP.
    private func ask(_ server: DNSServer, _ question: DNSQuestion) async -> Outcome {
        let timeout = min(max(self.settings.timeout, .milliseconds(10)), .seconds(30))
        var attempt = DNSAttempt(
            server: server, question: question, timeout: timeout, transport: .datagram, isExtended: true)
        // At most: datagram, datagram without EDNS, stream.
        for _ in 0..<3 {
            switch await attempt.run(on: self.group.next()) {
            case .message(let message) where message.isTruncated:
                guard attempt.transport == .datagram else { return .failed("a truncated answer over TCP") }
                attempt.transport = .stream
            case .message(let message) where attempt.isExtended && message.rejectsExtension:
                // A server from before EDNS (RFC 6891 §7).
                attempt.isExtended = false
            case .message(let message):
                return .verdict(message.verdict(on: question))
            case .failed(let what):
                return .failed(what)
            case .cancelled:
                return .cancelled
            }
        }
        return .failed("no answer to any form of the question")
    }
}

extension DNSMessage {
    /// Whether the server did not understand the query, perhaps for its OPT record.
    fileprivate var rejectsExtension: Bool { self.code == .badFormat || self.code == .notImplemented }
}

/// Where a name server answers, over UDP and TCP alike.
package struct DNSServer: Sendable, Hashable, CustomStringConvertible {
    package static let standardPort = 53

    package var address: IPAddress
    package var port: Int

    package init(_ address: IPAddress, port: Int = standardPort) {
        self.address = address
        self.port = port
    }

    package var description: String { "\(ReplicaAddress.ip(self.address, port: self.port))" }
}
