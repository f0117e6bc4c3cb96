import NIOCore
import Synchronization
import Testing
import UsherTestKit

/// Many clients that ask one quota as fast as they are answered, and what that quota may have let pass meanwhile.
///
/// Whatever the machine does in between, a quota that is right lets pass no less and no more than its allowance at the
/// beginning and what came back from the first request to the last one that was refused; when those were decided is
/// known to within the time that they took.
final class QuotaFlood: Sendable {
    private struct State {
        var statuses: [Int: Int] = [:]
        var first: (sent: ContinuousClock.Instant, received: ContinuousClock.Instant)?
        /// The last request of which it is sure that it was refused.
        var refusal: ContinuousClock.Instant?
        var last = ContinuousClock.now
        /// The longest time without any answer: when it exceeds what a whole allowance takes to come back, a part of
        /// the allowance may have been lost.
        var longestGap = Duration.zero
    }

    /// Of one client's requests that are sent together.
    private static let batch = 8

    private let fields: [(String, String)]
    private let target: String
    private let state = Mutex(State())

    /// - Parameter fields: of every request, with names in lower case.
    init(_ fields: [(String, String)] = [], target: String = "/") {
        self.fields = fields
        self.target = target
    }

    var allowed: Int { self.state.withLock { $0.statuses[200, default: 0] } }
    var refused: Int { self.state.withLock { $0.statuses[429, default: 0] } }
    var others: [Int: Int] { self.state.withLock { $0.statuses.filter { $0.key != 200 && $0.key != 429 } } }
    var longestGap: Duration { self.state.withLock { $0.longestGap } }

    private var request: String {
        Text.get(self.target, self.fields.map { "\($0): \($1)\r\n" }.joined())
    }

    // MARK: Flooding

    /// - Parameters:
    ///   - ports: of gateways that share the quota.
    ///   - burst: requests that the quota lets pass at the beginning.
    ///   - clients: with HTTP/1.1, spread over the ports; one more of each port speaks HTTP/2.
    func run(on ports: [Int], burst: Int, clients: Int, for duration: Duration) async throws {
        let first = try await RawClient.connect(port: ports[0])
        // All that is there at the beginning at once: of an allowance that is whole nothing more comes back.
        try await self.ask(on: first, together: burst + Self.batch)
        let end = ContinuousClock.now + duration
        try await withThrowingTaskGroup { group in
            for number in 0..<clients {
                group.addTask { try await self.flood(ports[number % ports.count], until: end) }
            }
            for port in ports { group.addTask { try await self.floodByHTTP2(port, until: end) } }
            try await group.waitForAll()
        }
        // So many at once that the last is refused: that moment is known well.
        try await self.ask(on: first, together: 2 * Self.batch)
        await first.close()
    }

    private func flood(_ port: Int, until end: ContinuousClock.Instant) async throws {
        let client = try await RawClient.connect(port: port)
        while ContinuousClock.now < end {
            try await client.send(String(repeating: self.request, count: Self.batch))
            for _ in 0..<Self.batch { self.note(try await client.receiveAnswer().status) }
        }
        await client.close()
    }

    private func floodByHTTP2(_ port: Int, until end: ContinuousClock.Instant) async throws {
        var client = try await HTTP2Talk(RawClient.connect(port: port))
        while ContinuousClock.now < end {
            var streams: [UInt32] = []
            for _ in 0..<Self.batch { streams.append(try await client.send(self.target, self.fields)) }
            for stream in streams { self.note(try await client.answer(to: stream).status) }
        }
        await client.connection.close()
    }

    /// Asks on a quiet connection until the last of some requests is refused.
    private func ask(on client: RawConnection, together count: Int) async throws {
        for _ in 0..<1000 {
            let sent = ContinuousClock.now
            try await client.send(String(repeating: self.request, count: count))
            var status = 0
            for _ in 0..<count {
                status = try await client.receiveAnswer().status
                self.note(status)
                self.state.withLock { $0.first = $0.first ?? (sent, .now) }
            }
            if status == 429 { return self.state.withLock { $0.refusal = sent } }
        }
        throw TestKitError.ended("nothing is ever refused")
    }

    private func note(_ status: Int) {
        let now = ContinuousClock.now
        self.state.withLock { state in
            if !state.statuses.isEmpty { state.longestGap = max(state.longestGap, now - state.last) }
            state.statuses[status, default: 0] += 1
            state.last = now
        }
    }

    // MARK: What must hold

    /// What may have passed, in units: more than the lower bound, at most the upper one.
    func bounds(rate: Double, burst: Int, cost: Int = 1) -> (lower: Double, upper: Double) {
        self.state.withLock { state in
            guard let first = state.first, let refusal = state.refusal else { return (.infinity, 0) }
            let surely = max((refusal - first.received) / .seconds(1), 0)
            let atMost = (state.last - first.sent) / .seconds(1)
            return (Double(burst) + rate * surely - Double(cost), Double(burst) + rate * atMost)
        }
    }
}

extension QuotaFlood {
    /// Floods a quota until it was done without a pause in which a part of the allowance came back unused.
    static func expectExact(
        rate: Int, cost: Int = 1, on ports: [Int], fields: [(String, String)] = [], target: String = "/",
        clients: Int = 6, tolerance: Double = 0, location: SourceLocation = #_sourceLocation,
        forgetting: () async throws -> Void
    ) async throws {
        for attempt in 1...5 {
            let flood = QuotaFlood(fields, target: target)
            try await flood.run(on: ports, burst: rate / cost, clients: clients, for: .seconds(2))
            let (lower, upper) = flood.bounds(rate: Double(rate), burst: rate, cost: cost)
            let passed = flood.allowed * cost
            let report =
                "\(rate)/s, cost \(cost), \(ports.count) gateways: \(passed) of \(lower)...\(upper), "
                + "\(flood.refused) refused, \(flood.others)"
            print(report)
            #expect(flood.others.isEmpty, "\(report)", sourceLocation: location)
            #expect(Double(passed) <= upper * (1 + tolerance), "\(report)", sourceLocation: location)
            if flood.longestGap < .milliseconds(900) || attempt == 5 {
                #expect(Double(passed) > lower * (1 - tolerance), "\(report)", sourceLocation: location)
                return
            }
            try await forgetting()
        }
    }
}
