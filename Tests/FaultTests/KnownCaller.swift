import Foundation
import Synchronization
import UsherTestKit

/// A client that shows who it is: asks for one thing after the other on one connection and a thread of its own, and
/// notes how long each answer took.
///
/// Unchecked: all but `asked` belongs to its thread.
final class KnownCaller: @unchecked Sendable {
    let name: String
    private let port: UInt16
    private let fields: [(String, String)]
    private let speech: GoodClient.Speech
    private var client: RawClient?
    private var stream: UInt32 = 1
    private var received: ArraySlice<UInt8> = []
    private let asked = Mutex((answers: GoodClient.Answers(), isEnough: false))
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter fields: of every request; names in lower case.
    init(_ name: String, _ port: UInt16, _ speech: GoodClient.Speech = .http1, _ fields: [(String, String)]) {
        self.name = name
        self.port = port
        self.fields = fields
        self.speech = speech
    }

    /// Asks until `finish`, some hundred times a second, so that the machine has time for others.
    func start() {
        self.asked.withLock { $0 = (GoodClient.Answers(), false) }
        Thread.detachNewThread {
            while !self.asked.withLock({ $0.isEnough }) {
                let start = ContinuousClock.now
                let loss = self.ask()
                let elapsed = (ContinuousClock.now - start) / .milliseconds(1)
                self.asked.withLock { asked in
                    guard let loss else { return asked.answers.milliseconds.append(elapsed) }
                    asked.answers.lost += 1
                    asked.answers.firstLoss = asked.answers.firstLoss ?? "\(loss) after \(elapsed) ms"
                }
                if loss != nil { self.client = nil }
                usleep(2000)
            }
            self.ended.signal()
        }
    }

    /// Waits until it has asked often enough to tell.
    func finish(atLeast count: Int = 200) -> GoodClient.Answers {
        _ = eventually(within: .seconds(30)) {
            self.asked.withLock { $0.answers.milliseconds.count + $0.answers.lost >= count }
        }
        self.asked.withLock { $0.isEnough = true }
        self.ended.wait()
        return self.asked.withLock { $0.answers }
    }

    /// Nil when the answer is the right one.
    private func ask() -> String? {
        if self.client == nil {
            self.client = try? RawClient(self.port)
            self.stream = 1
            self.received = []
            // Room for all answers that will ever come.
            if self.speech == .http2 { self.client?.send(HTTP2Wire.hello + HTTP2Wire.windowUpdate(0, 1 << 30)) }
        }
        guard let client = self.client else { return "no connection" }
        switch self.speech {
        case .http1:
            let lines = self.fields.map { "\($0): \($1)\r\n" }.joined()
            client.send("GET /good HTTP/1.1\r\nHost: test\r\n\(lines)\r\n")
            guard let answer = client.readAnswer() else { return "no answer" }
            return answer.status == 200 && answer.body == "/good\n" ? nil : "\(answer)"
        case .http2:
            client.send(HTTP2Wire.get(self.stream, "/good", self.fields))
            defer { self.stream += 2 }
            let body = self.body(of: self.stream, from: client)
            return body == "/good\n" ? nil : body ?? "no answer"
        }
    }

    /// Nil when the stream, or the connection, ends otherwise.
    private func body(of stream: UInt32, from client: RawClient) -> String? {
        var body: [UInt8] = []
        while true {
            while let frame = HTTP2RawFrame(takingFrom: &self.received) {
                if frame.type == HTTP2Wire.Kind.goAway { return nil }
                guard frame.stream == stream else { continue }
                if frame.type == HTTP2Wire.Kind.reset { return nil }
                if frame.type == HTTP2Wire.Kind.data { body += frame.payload }
                if frame.endsStream { return String(decoding: body, as: UTF8.self) }
            }
            let piece = client.readSome()
            if piece.isEmpty { return nil }
            self.received += piece
        }
    }
}
