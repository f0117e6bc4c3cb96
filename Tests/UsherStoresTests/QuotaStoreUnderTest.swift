import Testing
import UsherCore
import UsherQuotas
import UsherTestKit

@testable import UsherStores

/// Asks again and again, for what no event tells, up to 20 s.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while try await !condition() {
        guard ContinuousClock.now < end else { throw TestKitError.timedOut(what) }
        await Task.yield()
    }
}

/// Which store a test of the suite for all of them runs on.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case local, redis

    var testDescription: String { self.rawValue }

    /// A new store, whose time is the machine's.
    func with<Value>(_ body: (QuotaStoreUnderTest) async throws -> Value) async throws -> Value {
        switch self {
        case .local:
            return try await body(.local(LocalQuotaStore(windows: 4, capacity: 1000)))
        case .redis:
            let server = try await RedisServer.start()
            let settings = RedisSettings(address: .unix(path: server.socketPath), deadline: .seconds(10))
            return try await RedisWorker.with(count: 3, settings, health: RedisHealth { _ in }) { workers in
                try await body(.redis(workers))
            }
        }
    }
}

/// A store that a test can ask without knowing which it is.
enum QuotaStoreUnderTest: Sendable {
    case local(LocalQuotaStore)
    /// Several gateways, which are asked in turn by random choice.
    case redis([RedisWorker])

    func take(
        _ limit: QuotaLimit, cost: UInt64 = 1, by caller: String = RedisWorker.caller, of callerClass: Int = 0
    ) async throws -> QuotaDecision {
        switch self {
        case .local(let store):
            let key = store.key(caller.utf8.span, space: UInt64(callerClass))
            return store.take(key, limit, cost: cost, now: Self.now)
        case .redis(let workers):
            let keys = RedisQuotaKeys(quota: limit.name, callerClass: "\(callerClass)")
            return try await workers[.random(in: workers.indices)].take(limit, cost: cost, by: caller, in: keys).get()
        }
    }

    /// Asks as often as possible from several sides at once, for `duration`, and once more when they are done.
    func hammer(_ limit: QuotaLimit, for duration: Duration) async throws -> HammerCount {
        let parts = try await withThrowingTaskGroup(of: HammerCount.self) { group in
            switch self {
            case .local:
                for _ in 0..<3 { group.addTask { try await self.hammerAlone(limit, for: duration) } }
            case .redis(let workers):
                for worker in workers {
                    group.addTask { try await worker.hammer(limit, outstanding: 32, for: duration) }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var sum = HammerCount(parts)
        sum.lastCall = .now
        try await sum.add(self.take(limit), limit)
        return sum
    }

    private func hammerAlone(_ limit: QuotaLimit, for duration: Duration) async throws -> HammerCount {
        var count = HammerCount()
        while count.last < count.first + duration {
            try await count.add(self.take(limit), limit)
            await Task.yield()
        }
        return count
    }

    private static var now: MonotonicTime {
        MonotonicTime(nanoseconds: start.duration(to: .now).nanosecondsClamped + 1_000_000_000)
    }

    private static let start = ContinuousClock.now
}

extension QuotaLimit {
    /// From text such as `100/s`, with the burst behind it where it is not the rate's: `100/s 10`.
    convenience init(_ texts: String..., name: String = "public") throws {
        try self.init(
            name: name,
            windows: texts.map { text in
                let words = text.split(separator: " ")
                return try QuotaWindow(Rate(text: String(words[0])), burst: words.count > 1 ? Int(words[1]) : nil)
            })
    }

    func remaining(_ decision: QuotaDecision) -> [Int] {
        self.windows.indices.map { self.windows[$0].remaining(debt: decision.debts[$0]) }
    }
}
