import Dispatch
import Synchronization
import UsherCaching
import UsherCore
import UsherStores

/// One purge that goes through all answers of a cache.
struct PurgeOrder: Sendable {
    var rule: PurgeRule
    /// They stay, to be freshened, and to be given when the service fails.
    var isSoft: Bool
    /// When it was asked for.
    var now: MonotonicTime
    /// Somebody waits for it to be over.
    var isUrgent: Bool
    /// Called on the walk's thread when it is over, with how many answers it took.
    var done: @Sendable (Int) -> Void
}

/// Goes through all answers of one cache for purges, away from the event loops: a million of them take too long there.
///
/// Purges that come while one goes share the next walk. Between two walks there is a rest, unless somebody waits for
/// the next, so that no number of requests that change something takes more than a tenth of a core. What a hard purge
/// takes is not to be given from the moment on at which it was ordered: `takes`.
final class PurgeWalk: Sendable {
    private struct State: Sendable {
        var running = PurgeOrders()
        var waiting = PurgeOrders()
    }

    /// The rest after a walk, as a multiple of the time that it took.
    private static let rest = 9
    /// What counts of a walk for that. Unit: nanoseconds; a minute.
    private static let walkLongest = 60_000_000_000

    /// One for all caches, because a walk takes a whole core.
    private static let queue = DispatchQueue(label: "usher.purge", qos: .utility)

    private let store: any CacheStore
    private let state = Mutex(State())
    private let isBusy = Atomic<Bool>(false)

    init(_ store: any CacheStore) {
        self.store = store
    }

    func order(_ order: PurgeOrder) {
        let starts = self.state.withLock { state in
            state.waiting.add(order)
            let wasBusy = self.isBusy.exchange(true, ordering: .acquiringAndReleasing)
            return !wasBusy || order.isUrgent && state.running.all.isEmpty
        }
        if starts { Self.queue.async { self.goOn() } }
    }

    /// Whether an answer is still there only because a walk has not come to it.
    func takes(_ answer: StoredAnswer) -> Bool {
        guard self.isBusy.load(ordering: .acquiring) else { return false }
        return self.state.withLock { state in state.running.takesHard(answer) || state.waiting.takesHard(answer) }
    }

    private func goOn() {
        guard let orders = self.next() else { return }
        let start = DispatchTime.now()
        let counts = self.walk(orders)
        let isUrgent = self.state.withLock { state in
            state.running = PurgeOrders()
            return state.waiting.isUrgent
        }
        for (order, count) in zip(orders.all, counts) { order.done(count) }
        let taken = DispatchTime.now().uptimeNanoseconds &- start.uptimeNanoseconds
        let rest = isUrgent ? 0 : min(Int(clamping: taken), Self.walkLongest) * Self.rest
        Self.queue.asyncAfter(deadline: .now() + .nanoseconds(rest)) { self.goOn() }
    }

    /// Returns how many answers each one took.
    private func walk(_ orders: PurgeOrders) -> [Int] {
        var counts = Array(repeating: 0, count: orders.all.count)
        self.store.visit { key, answer in
            let takers = orders.takers(of: answer)
            guard !takers.isEmpty else { return }
            for taker in takers { counts[taker] += 1 }
            if takers.contains(where: { !orders.all[$0].isSoft }) {
                self.store.remove(key)
            } else if let soft = takers.first {
                self.store.expire(key, now: orders.all[soft].now)
            }
        }
        return counts
    }

    /// Those that have come meanwhile; nil: there are none, and nobody walks any more.
    private func next() -> PurgeOrders? {
        self.state.withLock { state in
            state.running = state.waiting
            state.waiting = PurgeOrders()
            guard state.running.all.isEmpty else { return state.running }
            self.isBusy.store(false, ordering: .releasing)
            return nil
        }
    }
}

/// Purges that share a walk, so that an answer is not compared with each of a thousand targets.
struct PurgeOrders: Sendable {
    private(set) var all: [PurgeOrder] = []
    private(set) var isUrgent = false
    /// Places of those for one target, by the target's hash.
    private var targets: [UInt64: [Int]] = [:]
    private var others: [Int] = []

    mutating func add(_ order: PurgeOrder) {
        if case .target(let target) = order.rule {
            self.targets[Self.hash(target[...]), default: []].append(self.all.count)
        } else {
            self.others.append(self.all.count)
        }
        self.all.append(order)
        if order.isUrgent { self.isUrgent = true }
    }

    /// Places of those that take an answer.
    func takers(of answer: StoredAnswer) -> [Int] {
        var candidates = self.others
        if !self.targets.isEmpty { candidates += self.targets[Self.hash(answer.bytes[answer.target])] ?? [] }
        return candidates.filter { self.all[$0].rule.takes(answer) }
    }

    func takesHard(_ answer: StoredAnswer) -> Bool {
        !self.all.isEmpty && self.takers(of: answer).contains { !self.all[$0].isSoft }
    }

    private static func hash(_ target: ArraySlice<UInt8>) -> UInt64 {
        var hash = SipHash(key: self.secret)
        hash.append(target.span)
        return hash.finish()
    }

    /// So that nobody outside can choose targets that collide.
    private static let secret = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
}

extension CacheStore {
    /// An answer stays, and counts as stale from now on; with `key` of a target, all its answers do, but those of a
    /// target that is spared. Returns how many.
    @discardableResult
    func expire(_ key: KeyedHash, now: MonotonicTime, sparing spared: [UInt8] = []) -> Int {
        switch self.peek(key) {
        case .answer(let answer):
            guard spared.isEmpty || !answer.bytes[answer.target].elementsEqual(spared) else { return 0 }
            var facts = answer.facts
            facts.expire(now: now)
            self.replace(answer, with: StoredAnswer(answer, facts: facts), for: key)
            return 1
        case .variants(let variants): return variants.keys.reduce(0) { $0 + self.expire($1, now: now, sparing: spared) }
        case nil: return 0
        }
    }
}
