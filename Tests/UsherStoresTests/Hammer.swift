import NIOCore
import UsherCore
import UsherQuotas

@testable import UsherStores

/// What came of many calls for one caller.
struct HammerCount: Sendable {
    var allowed = 0
    var refused = 0
    var failures: [RedisFailure] = []
    /// How often the whole allowance was there, which it is once.
    var wasWhole = 0
    /// What the last decision left.
    var left = 0
    /// Before the first call, and after its answer.
    var first = ContinuousClock.now
    var firstAnswer: ContinuousClock.Instant?
    /// Before the last call, and after its answer.
    var lastCall = ContinuousClock.now
    var last = ContinuousClock.now

    init() {}

    init(_ parts: [HammerCount]) {
        self.first = parts.map(\.first).min() ?? self.first
        self.firstAnswer = parts.compactMap(\.firstAnswer).min()
        for part in parts {
            self.allowed += part.allowed
            self.refused += part.refused
            self.failures += part.failures
            self.wasWhole += part.wasWhole
        }
    }

    /// What lies between the store's first and last decision, at most and at least. Unit: seconds.
    var longest: Double { Double((self.last - self.first).nanosecondsClamped) / 1e9 }
    var shortest: Double { Double((self.lastCall - (self.firstAnswer ?? self.lastCall)).nanosecondsClamped) / 1e9 }

    mutating func add(_ decision: QuotaDecision, _ limit: QuotaLimit) {
        self.last = .now
        self.firstAnswer = self.firstAnswer ?? self.last
        self.left = limit.windows[0].remaining(debt: decision.debts[0])
        if decision.isAllowed { self.allowed += 1 } else { self.refused += 1 }
        if decision.isAllowed, decision.debts[0] == limit.windows[0].interval { self.wasWhole += 1 }
    }
}

/// Keeps calls of one worker on their way until an end.
///
/// Confinement: one event loop.
final class Hammer {
    private let store: RedisQuotaStore
    private let limit: QuotaLimit
    private let end: ContinuousClock.Instant
    private let promise: EventLoopPromise<HammerCount>
    private var count = HammerCount()
    private var open = 0

    init(
        _ store: RedisQuotaStore, _ limit: QuotaLimit, end: ContinuousClock.Instant,
        _ promise: EventLoopPromise<HammerCount>
    ) {
        self.store = store
        self.limit = limit
        self.end = end
        self.promise = promise
    }

    func start(_ outstanding: Int) {
        self.open = outstanding
        self.count.first = .now
        for _ in 0..<outstanding { self.ask() }
    }

    private func ask() {
        self.store.take(RedisWorker.caller.utf8.span, in: RedisWorker.keys, self.limit, cost: 1) { result in
            switch result {
            case .success(let decision): self.count.add(decision, self.limit)
            case .failure(let failure): self.count.failures.append(failure)
            }
            if ContinuousClock.now < self.end, self.count.failures.count < 100 { return self.ask() }
            self.open -= 1
            if self.open == 0 { self.promise.succeed(self.count) }
        }
    }
}
