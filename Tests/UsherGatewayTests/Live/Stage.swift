import Foundation
import Logging
import NIOSSL
import ServiceLifecycle
import Synchronization
import UsherConfiguration
import UsherCore
import UsherGateway
import UsherTestKit

/// What one live test plays on: its upstreams, gateways and clients, with a folder of its own; all gone at the end.
final class Stage: Sendable {
    let folder: String
    private let upstreams = Mutex<[ScriptedUpstream]>([])
    private let gateways = Mutex<[RunningGateway]>([])
    private let clients = Mutex<[RawConnection]>([])

    init() throws {
        self.folder = NSTemporaryDirectory() + "usher-live-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    }

    // MARK: Actors

    func upstream(
        at place: ScriptedUpstream.Place = .ipv4, receiveBuffer: Int? = nil, tls: NIOSSLContext? = nil,
        script: @escaping ScriptedUpstream.Script
    ) async throws -> ScriptedUpstream {
        let upstream = try await ScriptedUpstream.start(
            at: place, receiveBuffer: receiveBuffer, tls: tls, script: script)
        self.upstreams.withLock { $0.append(upstream) }
        return upstream
    }

    /// An upstream that gives every request this answer.
    func upstream(answering answer: String = Text.ok, at place: ScriptedUpstream.Place = .ipv4) async throws
        -> ScriptedUpstream
    {
        try await self.upstream(at: place) { peer in
            while try await peer.receiveRequest() != nil { try await peer.send(answer) }
        }
    }

    /// Starts a gateway; returns when every service that `isReady` has a ready replica.
    ///
    /// - Parameter yaml: services and routes; workers, state, admin, log and one listener are added when it has none.
    func gateway(
        _ yaml: String, waitsForReadiness: Bool = true, guardExecutable: String = "/bin/false"
    ) async throws -> RunningGateway {
        let number = self.gateways.withLock { $0.count }
        let gateway = try await RunningGateway.start(
            Self.complete(yaml, in: self.folder, number), folder: self.folder, number,
            guardExecutable: guardExecutable)
        self.gateways.withLock { $0.append(gateway) }
        if waitsForReadiness { try await gateway.waitUntilReady() }
        return gateway
    }

    /// A gateway with one service of these replicas and one route to it.
    func gateway(to replicas: ScriptedUpstream..., keys: String = "") async throws -> RunningGateway {
        let list = replicas.map { "\"\($0.address)\"" }.joined(separator: ", ")
        return try await self.gateway("services: { web: { replicas: [\(list)]\(keys.isEmpty ? "" : ", " + keys) } }")
    }

    func client(_ gateway: RunningGateway, receiveBuffer: Int? = nil) async throws -> RawConnection {
        let client = try await RawClient.connect(port: gateway.port, receiveBuffer: receiveBuffer)
        self.clients.withLock { $0.append(client) }
        return client
    }

    static func complete(_ yaml: String, in folder: String, _ number: Int) -> String {
        var text = ""
        for (key, line) in [
            ("workers:", "workers: 1"),
            ("state:", "state: \(folder)/state-\(number)"),
            ("admin:", "admin: 127.0.0.1:0"),
            ("log:", "log: { access: \(folder)/access-\(number).log, level: error }"),
            ("listeners:", "listeners: [{ address: 127.0.0.1:0 }]"),
        ] where !yaml.contains(key) {
            text += line + "\n"
        }
        return text + yaml
    }

    func tearDown() async {
        for client in self.clients.withLock({ $0 }) { await client.close() }
        for upstream in self.upstreams.withLock({ $0 }) { await upstream.stop() }
        for gateway in self.gateways.withLock({ $0 }) { try? await gateway.stop() }
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}

/// Plays one test and clears the stage, whatever happens.
func onStage(_ play: (Stage) async throws -> Void) async throws {
    let stage = try Stage()
    do {
        try await play(stage)
    } catch {
        await stage.tearDown()
        throw error
    }
    await stage.tearDown()
}

/// Messages that many tests send.
enum Text {
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    static func get(_ target: String = "/", host: String = "a.example", _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
    }

    static func post(_ target: String = "/", body: String) -> String {
        "POST \(target) HTTP/1.1\r\nHost: a.example\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func answer(_ body: String, status: String = "200 OK", _ fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }
}
