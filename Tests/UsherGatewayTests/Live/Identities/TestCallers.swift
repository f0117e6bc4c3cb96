import Crypto
import Foundation
import UsherTestKit

/// An API key of a test, made anew each time.
struct CallerKey: Sendable {
    let name: String
    let callerClass: String
    let text: String

    init(_ name: String, _ callerClass: String = "authenticated") {
        self.name = name
        self.callerClass = callerClass
        self.text = "test_\(name)_\(UUID().uuidString)"
    }

    /// As a request shows it.
    var field: String { "X-API-Key: \(self.text)\r\n" }

    /// As the file of keys has it.
    var line: String { "- { name: \(self.name), class: \(self.callerClass), sha256: \(Self.digest(self.text)) }\n" }

    static func digest(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

/// A name and its password, with a hash that another program made.
struct CallerPassword: Sendable {
    let name: String
    let password: String
    let hash: String
    var callerClass = "authenticated"

    static let ann = CallerPassword(
        name: "ann", password: "correct horse",
        hash: "scrypt$14$8$1$MDEyMzQ1Njc4OWFiY2RlZg$0LupyHkzAIgDr9UDsriAAf87vMbCbcaUfDvFOAHk0D0")
    static let bob = CallerPassword(
        name: "bob", password: "swordfish",
        hash: "scrypt$10$8$1$MDEyMzQ1Njc4OWFiY2RlZg$EnnshMQJBO5njFXhxb7lqJrTfwJZ-ZnnIatUXnc_UzQ", callerClass: "gold")

    /// Whose password nobody knows, and takes sixteen times as long as others to look at.
    static let slow = CallerPassword(
        name: "slow", password: "",
        hash: "scrypt$16$8$4$MDEyMzQ1Njc4OWFiY2RlZg$0LupyHkzAIgDr9UDsriAAf87vMbCbcaUfDvFOAHk0D0")

    var field: String { Self.field(self.name, self.password) }
    /// Of the field alone.
    var value: String { Self.value(self.name, self.password) }

    static func field(_ name: String, _ password: String) -> String {
        "Authorization: \(self.value(name, password))\r\n"
    }

    static func value(_ name: String, _ password: String) -> String {
        "Basic \(Data("\(name):\(password)".utf8).base64EncodedString())"
    }

    var line: String { "- { name: \(self.name), class: \(self.callerClass), hash: \"\(self.hash)\" }\n" }
}

extension Stage {
    /// Writes a file of the stage's folder in one step; a configuration names it without the folder.
    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: self.folder + "/" + name, atomically: true, encoding: .utf8)
    }

    func write(_ name: String, _ keys: [CallerKey]) throws {
        try self.write(name, keys.map(\.line).joined())
    }

    /// A replica that answers with the lines of everything it got whose name begins with `usher`, and behind an empty
    /// line with the body.
    func mirror() async throws -> ScriptedUpstream {
        try await self.upstream { peer in
            while let request = try await peer.receiveRequest() {
                let all = request.fields + request.trailers
                let own = all.filter { $0.name.lowercased().hasPrefix("usher") }
                let lines = own.map { "\($0.name): \($0.value)\n" }.joined()
                try await peer.send(Text.answer(lines + (request.text.isEmpty ? "" : "\n" + request.text)))
            }
        }
    }

    /// A gateway in front of a mirror.
    ///
    /// - Parameter routes: nil: one to the mirror for everything.
    func gateway(identities: String, routes: String? = nil, more: String = "") async throws -> RunningGateway {
        let mirror = try await self.mirror()
        return try await self.gateway(
            """
            identities: \(identities)
            services: { web: { replicas: \(list(mirror)) } }
            routes: \(routes ?? "[{ service: web }]")
            \(more)
            """)
    }
}

extension RunningGateway {
    /// The status of one GET on a connection of its own.
    func status(_ fields: String = "", _ target: String = "/") async throws -> Int {
        try await self.ask(Text.get(target, fields)).status
    }

    /// Asks until it is answered with this status, which a change of a watched file brings about; returns how long
    /// that took.
    @discardableResult
    func wait(
        until status: Int, _ fields: String, _ target: String = "/", limit: Duration = RawConnection.limit
    ) async throws -> Duration {
        let start = ContinuousClock.now
        var last = 0
        while ContinuousClock.now - start < limit {
            last = try await self.status(fields, target)
            if last == status { return ContinuousClock.now - start }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestKitError.timedOut("status \(status), is \(last)")
    }
}
