import Foundation
import UsherCore
import UsherGateway
import UsherTestKit

/// What a reload came to, as the API says it.
struct Reloaded: Decodable {
    struct Change: Decodable, Hashable {
        var path: String
        var kind: String
        var old: String?
        var new: String?
        var needsRestart: Bool

        enum CodingKeys: String, CodingKey {
            case path, kind, old, new
            case needsRestart = "needs-restart"
        }
    }

    var outcome: String
    var problems: [String]
    var changes: [Change]

    var paths: [String] { self.changes.map(\.path) }
}

/// What the API says of one replica.
struct ToldEndpoint: Decodable {
    struct Event: Decodable {
        var at: String
        var state: String
        var reason: String
    }

    var address: String
    var state: String
    var reason: String
    var until: String?
    var weight: Int
    var requests: Int
    var pid: Int?
    var events: [Event]?
}

/// What `explain` says of a request.
struct Explained: Decodable {
    struct Endpoint: Decodable {
        var address: String
        var verdict: String
        var why: String
    }

    struct Phase: Decodable {
        var phase: String
        var decision: String
    }

    enum CodingKeys: String, CodingKey {
        case action, status, identity, replica, session, cache, phases, why, endpoints
        case cacheStatus = "cache-status"
    }

    var action: String
    var status: Int?
    var identity: String?
    var replica: String?
    var session: String?
    var cache: String?
    var cacheStatus: String?
    var phases: [Phase]
    var why: String
    var endpoints: [Endpoint]

    func verdict(on upstream: ScriptedUpstream) -> String? {
        self.endpoints.first { $0.address == "\(upstream.address)" }?.verdict
    }

    func why(_ upstream: ScriptedUpstream) -> String? {
        self.endpoints.first { $0.address == "\(upstream.address)" }?.why
    }
}

/// What operators do to a running gateway.
extension RunningGateway {
    /// - Parameter token: nil for a stranger.
    func post(_ path: String, body: String = "", token: String?) async throws -> ReceivedMessage {
        let client = try await RawClient.connect(port: self.bound.adminPort)
        let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        let content = "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        try await client.send(
            "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(self.bound.adminPort)\r\nConnection: close\r\n"
                + "\(authorization)\(content)\r\n\(body)")
        let answer = try await client.receiveAnswer()
        await client.close()
        return answer
    }

    // MARK: Reloading

    /// Puts another configuration in force; returns when it is, or when it was refused.
    @discardableResult
    func reload(_ yaml: String, dryRun: Bool = false) async throws -> Reloaded {
        try self.file.replace(yaml)
        let answer = try await self.post(
            "/api/v1/reload" + (dryRun ? "?dry-run=true" : ""), token: try self.file.adminToken)
        return try Self.decode(Reloaded.self, answer)
    }

    // MARK: Replicas

    @discardableResult
    func drain(_ upstream: ScriptedUpstream, of service: String = "web") async throws -> ReceivedMessage {
        try await self.change(upstream, "drain", service)
    }

    @discardableResult
    func undrain(_ upstream: ScriptedUpstream, of service: String = "web") async throws -> ReceivedMessage {
        try await self.change(upstream, "undrain", service)
    }

    private func change(_ upstream: ScriptedUpstream, _ change: String, _ service: String) async throws
        -> ReceivedMessage
    {
        try await self.post(
            "/api/v1/services/\(service)/\(change)", body: "{\"address\": \"\(upstream.address)\"}",
            token: try self.file.adminToken)
    }

    func endpoints(of service: String = "web") async throws -> [ToldEndpoint] {
        struct List: Decodable { var endpoints: [ToldEndpoint] }
        return try Self.decode(List.self, try await self.admin("/api/v1/services/\(service)/endpoints")).endpoints
    }

    func endpoint(_ upstream: ScriptedUpstream, of service: String = "web") async throws -> ToldEndpoint? {
        try await self.endpoints(of: service).first { $0.address == "\(upstream.address)" }
    }

    /// Waits until a replica is in a state.
    func wait(for upstream: ScriptedUpstream, toBe state: String, of service: String = "web") async throws {
        try await self.wait(
            for: "usher_endpoint_state{service=\"\(service)\",endpoint=\"\(upstream.address)\",state=\"\(state)\"}",
            toBe: 1)
    }

    /// The value of a metric of one replica.
    func metric(_ name: String, of upstream: ScriptedUpstream, service: String = "web") async throws -> Double? {
        try await self.metric("\(name){service=\"\(service)\",endpoint=\"\(upstream.address)\"}")
    }

    // MARK: Explaining

    func explain(
        _ url: String = "http://a.example/", _ headers: [String] = [], method: String = "GET"
    ) async throws -> Explained {
        let query = ([("url", url), ("method", method)] + headers.map { ("header", $0) }).map { name, value in
            let code = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return "\(name)=\(code)"
        }
        return try Self.decode(Explained.self, try await self.admin("/api/v1/explain?" + query.joined(separator: "&")))
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ answer: ReceivedMessage) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(answer.text.utf8))
        } catch {
            throw TestKitError.malformed("\(answer.status) \(answer.text)")
        }
    }
}
