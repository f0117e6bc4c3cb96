import Foundation
import Synchronization
import UsherTestKit

/// A client that asks for one thing after the other on a thread of its own, checks every answer, and notes how long it
/// took.
///
/// Unchecked: all but `asked` belongs to its thread.
final class GoodClient: @unchecked Sendable {
    enum Speech: String, Sendable, CaseIterable {
        case http1 = "HTTP/1.1"
        case http2 = "HTTP/2"
    }

    /// What became of its requests.
    struct Answers: Sendable {
        var lost = 0
        /// What came in place of the first one that was lost.
        var firstLoss: String?
        var milliseconds: [Double] = []

        var median: Double { self.percentile(0.5) }
        var p99: Double { self.percentile(0.99) }

        private func percentile(_ share: Double) -> Double {
            let sorted = self.milliseconds.sorted()
            return sorted.isEmpty ? .infinity : sorted[min(Int(Double(sorted.count) * share), sorted.count - 1)]
        }
    }

    let speech: Speech
    private let connect: @Sendable () throws -> RawClient
    private var client: RawClient?
    private var stream: UInt32 = 1
    private var received: ArraySlice<UInt8> = []
    private let asked = Mutex((answers: Answers(), isEnough: false))
    private let ended = DispatchSemaphore(value: 0)

    init(_ speech: Speech, _ connect: @escaping @Sendable () throws -> RawClient) {
        self.speech = speech
        self.connect = connect
    }

    /// Asks until `finish`, about a thousand times a second at most, so that the machine has time for others.
    func start() {
        self.asked.withLock { $0 = (Answers(), false) }
        Thread.detachNewThread {
            var number = 0
            while !self.asked.withLock({ $0.isEnough }) {
                let start = ContinuousClock.now
                let loss = self.ask("/good/\(number)")
                let elapsed = (ContinuousClock.now - start) / .milliseconds(1)
                self.asked.withLock { asked in
                    guard let loss else { return asked.answers.milliseconds.append(elapsed) }
                    asked.answers.lost += 1
                    asked.answers.firstLoss = asked.answers.firstLoss ?? "\(loss) after \(elapsed) ms"
                }
                if loss != nil { self.client = nil }
                number += 1
                usleep(1000)
            }
            self.ended.signal()
        }
    }

    /// Waits until it has asked often enough to tell.
    func finish(atLeast count: Int = 200) -> Answers {
        _ = eventually(within: .seconds(20)) {
            self.asked.withLock { $0.answers.milliseconds.count + $0.answers.lost >= count }
        }
        self.asked.withLock { $0.isEnough = true }
        self.ended.wait()
        return self.asked.withLock { $0.answers }
    }

    /// Closes its connection; between `finish` and `start` only.
    func leave() { self.client = nil }

    /// Replicas answer with the path that they were asked for; nil when that is what came.
    private func ask(_ path: String) -> String? {
        if self.client == nil {
            self.client = try? self.connect()
            self.stream = 1
            self.received = []
            // Room for all answers that will ever come.
            if self.speech == .http2 { self.client?.send(HTTP2Wire.hello + HTTP2Wire.windowUpdate(0, 1 << 30)) }
        }
        guard let client = self.client else { return "no connection" }
        switch self.speech {
        case .http1:
            guard let answer = client.get(path) else { return "no answer" }
            return answer.status == 200 && answer.body == path + "\n" ? nil : "\(answer)"
        case .http2:
            client.send(HTTP2Wire.get(self.stream, path))
            defer { self.stream += 2 }
            let body = self.body(of: self.stream, from: client)
            return body == path + "\n" ? nil : body ?? "no answer"
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
