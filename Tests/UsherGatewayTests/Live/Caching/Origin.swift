import Foundation
import NIOCore
import Synchronization
import UsherTestKit

/// A service whose answers a test makes up, one by one.
final class Origin: Sendable {
    typealias Answer = @Sendable (_ request: ReceivedMessage, _ number: Int) -> String

    /// Requests in the order in which they came.
    let requests = Journal<ReceivedMessage>()
    private let answer: Mutex<Answer>
    /// Nil: answers leave at once.
    private let gate: Signal?

    /// - Parameter isHeld: answers leave when the test says so.
    init(isHeld: Bool = false, _ answer: @escaping Answer) {
        self.answer = Mutex(answer)
        self.gate = isHeld ? Signal() : nil
    }

    /// Each answer has its number as its body.
    convenience init(_ fields: String) {
        self.init { _, number in Text.answer("\(number)", fields) }
    }

    func answers(_ answer: @escaping Answer) { self.answer.withLock { $0 = answer } }

    func answers(_ fields: String) {
        self.answers { _, number in Text.answer("\(number)", fields) }
    }

    func letGo() { self.gate?.fire() }

    var count: Int { self.requests.entries.count }

    func serve(_ peer: RawConnection) async throws {
        while let request = try await peer.receiveRequest() {
            let number = self.requests.note(request)
            try await self.gate?.wait()
            let answer = self.answer.withLock { $0 }(request, number)
            let head = answer.components(separatedBy: "\r\n\r\n")[0]
            try await peer.send(request.method == "HEAD" ? head + "\r\n\r\n" : answer)
            // A body without an end of its own ends with the connection.
            if !head.contains("Content-Length"), !head.contains("chunked"), !answer.contains("304") { return }
        }
    }
}

extension Stage {
    /// A gateway with one cache in front of an origin.
    ///
    /// - Parameters:
    ///   - keys: of the cache.
    ///   - route: more keys of the route.
    ///   - more: more of the file.
    func cached(
        _ origin: Origin, keys: String = "", route: String = "", more: String = ""
    ) async throws -> RunningGateway {
        let upstream = try await self.upstream { try await origin.serve($0) }
        return try await self.gateway(
            """
            caches: { pages: { memory: 16MiB, object-limit: 1MiB\(keys.isEmpty ? "" : ", " + keys) } }
            services: { web: { replicas: ["\(upstream.address)"] } }
            routes: [{ service: web, cache: pages\(route.isEmpty ? "" : ", " + route) }]
            \(more)
            """)
    }
}

extension Stage {
    /// A gateway with one cache of the default settings in front of an upstream.
    ///
    /// - Parameters:
    ///   - service: more keys of the service.
    ///   - more: more of the file.
    func cached(at upstream: ScriptedUpstream, service: String = "", more: String = "") async throws -> RunningGateway {
        try await self.gateway(
            """
            caches: { pages: {} }
            services: { web: { replicas: ["\(upstream.address)"]\(service.isEmpty ? "" : ", " + service) } }
            routes: [{ service: web, cache: pages }]
            \(more)
            """)
    }
}

extension ReceivedMessage {
    /// What the cache says of an answer, without its name.
    var cache: String? {
        self.values("cache-status").last.map { status in
            status.hasPrefix("usher; ") ? String(status.dropFirst(7)) : status
        }
    }
}
