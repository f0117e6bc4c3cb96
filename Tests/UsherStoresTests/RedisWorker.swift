import NIOCore
import NIOPosix
import UsherCore
import UsherQuotas

@testable import UsherStores

typealias QuotaResult = Result<QuotaDecision, RedisFailure>

/// One worker with a store, on a thread of its own so that tests beside it do not keep it waiting.
final class RedisWorker: Sendable {
    static let caller = "acme"
    static let keys = RedisQuotaKeys(quota: "public", callerClass: "0")
    /// Where `caller` is counted.
    static let key = "usher:quota:{public}:0:acme"

    private let loop: any EventLoop
    private let group: MultiThreadedEventLoopGroup
    private let store: NIOLoopBound<RedisQuotaStore>

    /// Starts a worker, waits until its first attempt to connect has succeeded or failed, and closes it after `body`.
    static func with<Value>(
        _ settings: RedisSettings, health: RedisHealth = RedisHealth { _ in },
        _ body: (RedisWorker) async throws -> Value
    ) async throws -> Value {
        let worker = try await RedisWorker(settings, health)
        do {
            let value = try await body(worker)
            try await worker.close()
            return value
        } catch {
            try? await worker.close()
            throw error
        }
    }

    /// Several workers of one health.
    static func with<Value>(
        count: Int, _ settings: RedisSettings, health: RedisHealth, _ body: ([RedisWorker]) async throws -> Value
    ) async throws -> Value {
        guard count > 0 else { return try await body([]) }
        return try await Self.with(settings, health: health) { worker in
            try await Self.with(count: count - 1, settings, health: health) { try await body([worker] + $0) }
        }
    }

    private init(_ settings: RedisSettings, _ health: RedisHealth) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        self.group = group
        self.loop = loop
        self.store = try await loop.submit {
            NIOLoopBound(RedisQuotaStore(settings, on: loop, health: health), eventLoop: loop)
        }.get()
        try await loop.flatSubmit { [store] in store.value.start() }.get()
    }

    private func close() async throws {
        try await self.closeStore()
        try await self.group.shutdownGracefully()
    }

    func closeStore() async throws {
        try await self.loop.submit { [store] in store.value.close() }.get()
    }

    // MARK: Calls

    func take(
        _ limit: QuotaLimit, cost: UInt64 = 1, by caller: String = RedisWorker.caller, in keys: RedisQuotaKeys = keys
    ) async -> QuotaResult {
        await withCheckedContinuation { continuation in
            self.loop.execute {
                self.store.value.take(caller.utf8.span, in: keys, limit, cost: cost) {
                    continuation.resume(returning: $0)
                }
            }
        }
    }

    /// The same, and how long it took on the worker's own thread.
    func timedTake(_ limit: QuotaLimit) async -> (result: QuotaResult, duration: Duration) {
        await withCheckedContinuation { continuation in
            self.loop.execute {
                let start = ContinuousClock.now
                self.store.value.take(Self.caller.utf8.span, in: Self.keys, limit, cost: 1) { result in
                    continuation.resume(returning: (result, ContinuousClock.now - start))
                }
            }
        }
    }

    /// What came of calls that were all made in one turn of the loop.
    struct Batch: Sendable {
        /// Answered before the call returned, in order.
        var atOnce: [QuotaResult]
        /// Of all calls, in order.
        var all: EventLoopFuture<[QuotaResult]>
    }

    private final class Collector {
        var isCalling = true
        var atOnce: [QuotaResult] = []
    }

    func takeAtOnce(_ count: Int, _ limit: QuotaLimit, by caller: String = RedisWorker.caller) async throws -> Batch {
        try await self.loop.submit {
            let collector = Collector()
            let futures = (0..<count).map { _ in
                let promise = self.loop.makePromise(of: QuotaResult.self)
                self.store.value.take(caller.utf8.span, in: Self.keys, limit, cost: 1) { result in
                    if collector.isCalling { collector.atOnce.append(result) }
                    promise.succeed(result)
                }
                return promise.futureResult
            }
            collector.isCalling = false
            return Batch(atOnce: collector.atOnce, all: EventLoopFuture.whenAllSucceed(futures, on: self.loop))
        }.get()
    }

    /// Keeps `outstanding` calls on their way for `duration`.
    func hammer(_ limit: QuotaLimit, outstanding: Int, for duration: Duration) async throws -> HammerCount {
        try await self.loop.flatSubmit {
            let promise = self.loop.makePromise(of: HammerCount.self)
            let hammer = Hammer(self.store.value, limit, end: .now + duration, promise)
            hammer.start(outstanding)
            return promise.futureResult
        }.get()
    }
}
