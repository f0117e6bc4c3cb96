import NIOCore
import Synchronization
import UsherTestKit

/// A replica that says its name, and does at certain targets what a test needs:
///
///     /held      answers only when the test releases it
///     /ready     200 or 503, as the test sets it
///     Upgrade    agrees, and sends everything back
final class Replica: Sendable {
    private struct State {
        var isReady = true
        /// Status line and fields of ordinary answers.
        var status = "200 OK"
        var fields = ""
    }

    let name: String
    /// Requests in the order in which they came, checks left aside.
    let requests = Journal<ReceivedMessage>()
    /// A request for `/held` has come.
    let holds = Journal<String>()
    private let release = Signal()
    private let state = Mutex(State())

    init(_ name: String) { self.name = name }

    /// Lets every held request be answered, now and later.
    func letGo() { self.release.fire() }

    func setReady(_ isReady: Bool) { self.state.withLock { $0.isReady = isReady } }

    func answers(_ status: String, _ fields: String = "") {
        self.state.withLock { state in
            state.status = status
            state.fields = fields
        }
    }

    func serve(_ peer: RawConnection) async throws {
        while let request = try await peer.receiveRequest() {
            if request.target == "/ready" {
                let isReady = self.state.withLock { $0.isReady }
                try await peer.send(Text.answer("", status: isReady ? "200 OK" : "503 Not yet"))
                continue
            }
            self.requests.note(request)
            if let name = request.value("upgrade") {
                try await peer.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: \(name)\r\n\r\n")
                while let bytes = try await peer.receive() { try await peer.send(bytes) }
                return
            }
            if request.target == "/held" {
                self.holds.note(self.name)
                try await self.release.wait()
            }
            let (status, fields) = self.state.withLock { ($0.status, $0.fields) }
            try await peer.send(Text.answer(self.name, status: status, fields))
        }
    }

    /// The targets of the requests that came.
    var targets: [String] { self.requests.entries.map(\.target) }
}

extension Stage {
    func upstream(_ replica: Replica) async throws -> ScriptedUpstream {
        try await self.upstream { try await replica.serve($0) }
    }
}

extension Text {
    static func upgrade(_ target: String = "/", to name: String = "websocket", _ fields: String = "") -> String {
        self.get(target, "Connection: Upgrade\r\nUpgrade: \(name)\r\n\(fields)")
    }
}

extension RawConnection {
    /// Makes a tunnel of this connection; its replica must agree.
    func becomeTunnel(_ request: String = Text.upgrade()) async throws {
        try await self.send(request)
        let answer = try await self.receiveHead()
        guard answer.status == 101 else { throw TestKitError.malformed(answer.startLine) }
    }

    /// Sends a text through a tunnel whose other end sends everything back; returns what comes.
    func echo(_ text: String) async throws -> String {
        try await self.send(text)
        return String(buffer: try await self.receive(count: text.utf8.count))
    }

    /// One request on this connection and its answer.
    func ask(_ request: String = Text.get()) async throws -> ReceivedMessage {
        try await self.send(request)
        return try await self.receiveAnswer()
    }
}

/// A list of replicas as the configuration has it.
func list(_ upstreams: ScriptedUpstream...) -> String {
    "[" + upstreams.map { "\"\($0.address)\"" }.joined(separator: ", ") + "]"
}
