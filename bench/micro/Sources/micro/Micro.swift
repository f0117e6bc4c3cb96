import Glibc
import Synchronization
import UsherCore
import UsherQuotas
import UsherReplication
import UsherSharding

/// Times what a worker decides for each request, and what a change of the replicas costs it: `make micro`.
///
/// Each figure is the least of several runs, which is the one that other work on the machine disturbed least. With
/// `cache-memory` or `hit-ratio` it measures that instead, for bench/run.py.
@main
struct Micro {
    static func main() {
        switch CommandLine.arguments.dropFirst().first {
        case "cache-memory": CachedAnswers.reportMemory()
        case "hit-ratio": HitRatio.report()
        default: self.reportTimes()
        }
    }

    private static func reportTimes() {
        print("| operation | cost | allocations |\n| --- | ---: | ---: |")
        for policy in BalancePolicy.allCases {
            self.report("pick among 1,000, \(policy.rawValue)", self.picks(policy, ramping: false))
        }
        for policy in BalancePolicy.allCases {
            self.report(
                "pick among 1,000, half of them in slow start, \(policy.rawValue)", self.picks(policy, ramping: true))
        }
        for count in [3, 20, 100, 1000] {
            self.report("a session's replica among \(count)", self.rendezvous(count))
        }
        self.reportShards()
        self.report("a try's outcome judged", self.outcomes())
        for windows in [1, 2] {
            self.report("a quota decision among 1,000,000 live callers, \(windows) windows", self.quota(windows))
        }
        self.report("a quota decision in a flood of new callers", self.flood())
        self.report("a caller counted for the audit", self.topCallers())
        self.report("an answer found among 1,000,000 in the cache", CachedAnswers.find(self.least))
        self.report("a small answer kept in a full cache", CachedAnswers.insert(self.least))
        self.report("10,000 endpoints replaced, one of them new", self.replacement(changing: 1))
        self.report("10,000 endpoints replaced, all of them new", self.replacement(changing: 10_000))
    }

    private static func reportShards() {
        self.report("a shard key of 13 bytes hashed", ShardLookup.hash(self.least))
        let functions: [ShardingFunction] = [.rendezvous, .maglev, .ring, .jump, .modulo, .ranges, .map(unlisted: nil)]
        for function in functions {
            self.report(
                "a key's shard among 100, \(function.name)", ShardLookup.owner(function, among: 100, self.least))
        }
        for count in [10, 1000, 10_000] {
            self.report(
                "a key's shard among \(count), rendezvous", ShardLookup.owner(.rendezvous, among: count, self.least))
        }
        self.report("the next shard among 100, rendezvous", ShardLookup.next(.rendezvous, among: 100, self.least))
        self.report("the next shard among 100, ring", ShardLookup.next(.ring, among: 100, self.least))
        for function in functions {
            self.report(
                "a map of 10,000 shards made, \(function.name)", ShardLookup.build(function, of: 10_000, self.least))
        }
        self.report("a map of 100 shards made, maglev", ShardLookup.build(.maglev, of: 100, self.least))
        self.report("a key counted that is counted already", ShardLookup.tally(keys: 32, self.least))
        self.report("a key counted among 10,000", ShardLookup.tally(keys: 10_000, self.least))
    }

    // MARK: What is timed

    private static func picks(_ policy: BalancePolicy, ramping: Bool) -> Cost {
        var balancer = Balancer(policy: policy, endpoints: self.endpoints(1000), slowStart: .seconds(10))
        let now = MonotonicTime(nanoseconds: 5_000_000_000)
        for index in 0..<1000 {
            balancer.setReady(index, true, rampFrom: ramping && index % 2 == 0 ? .start : nil)
        }
        var random = SeededRandom(seed: 1)
        return self.least(of: 100_000) {
            guard case .endpoint(let index) = balancer.pick(excluding: .init(), now: now, random: &random) else {
                return
            }
            balancer.requestStarted(index, now: now)
            balancer.requestEnded(index, latency: .milliseconds(1), now: now)
        }
    }

    private static func rendezvous(_ count: Int) -> Cost {
        let rendezvous = Rendezvous(
            (0..<count).map { (tag: EndpointTag(name: "10.0.0.\($0):80").hash, weight: 1, isBackup: false) })
        var random = SeededRandom(seed: 2)
        var found = 0
        let cost = self.least(of: 20_000) {
            let choice = rendezvous.pick(SessionKey(hash: random.next())) { _ in true }
            found &+= choice?.index ?? 0
        }
        precondition(count < 3 || found > 0)
        return cost
    }

    private static func outcomes() -> Cost {
        var window = OutcomeWindow()
        var nanoseconds: UInt64 = 0
        return self.least(of: 100_000) {
            nanoseconds &+= 1_000_000
            _ = window.record(failed: false, now: MonotonicTime(nanoseconds: nanoseconds), EjectionPolicy())
        }
    }

    private static let secret: (UInt64, UInt64) = (11, 13)

    /// As a gateway does it: the caller's name is hashed, one of 64 tables is locked, the decision is made.
    private static func quota(_ windows: Int) -> Cost {
        let limit = self.limit(windows)
        let tables = (0..<64).map { _ in LockedTable(windows: windows) }
        // Made anew each time, so that fetching it from memory is not timed as well.
        var caller = Array("10.00.00.00.00".utf8)
        let now = MonotonicTime(nanoseconds: 5_000_000_000)
        var allowed = 0
        let take = { (number: Int) in
            for (place, shift) in [(3, 0), (6, 8), (9, 16)] {
                caller[place] = UInt8(truncatingIfNeeded: number >> shift)
            }
            let key = self.key(caller)
            let decision = tables[Int(key.high >> 58)].table.withLock { $0.take(key, limit, cost: 1, now: now) }
            if decision.isAllowed { allowed += 1 }
        }
        for number in 0..<1_000_000 { take(number) }
        var random = SeededRandom(seed: 5)
        let cost = self.least(of: 200_000) { take(random.below(1_000_000)) }
        precondition(allowed >= 1_000_000)
        return cost
    }

    private static func key(_ caller: [UInt8]) -> KeyedHash {
        KeyedHash(value: caller.span, secret: self.secret, space: 0)
    }

    private static func flood() -> Cost {
        let limit = self.limit(1)
        let tables = (0..<64).map { _ in LockedTable(windows: 1) }
        let now = MonotonicTime(nanoseconds: 5_000_000_000)
        var random = SeededRandom(seed: 6)
        let take = {
            let key = KeyedHash(high: random.next(), low: random.next())
            _ = tables[Int(key.high >> 58)].table.withLock { $0.take(key, limit, cost: 1, now: now) }
        }
        for _ in 0..<3_000_000 { take() }
        return self.least(of: 200_000, take)
    }

    private static func topCallers() -> Cost {
        var top = TopCallers()
        var random = SeededRandom(seed: 7)
        let names = (0..<10_000).map { Array("192.0.2.\($0)".utf8) }
        let keys = names.map(self.key)
        return self.least(of: 200_000) {
            let caller = min(random.below(10_000), random.below(10_000), random.below(10_000))
            let name = names[caller]
            top.count(keys[caller], label: name.span, .anonymous, isAllowed: true, now: MonotonicTime(nanoseconds: 1))
        }
    }

    private static func limit(_ windows: Int) -> QuotaLimit {
        let rates = [Rate(count: 60, per: .seconds(60)), Rate(count: 1000, per: .seconds(3600))]
        return QuotaLimit(name: "public", windows: rates.prefix(windows).compactMap { try? QuotaWindow($0) })
    }

    private static func replacement(changing changed: Int) -> Cost {
        var balancer = Balancer(policy: .leastRequests, endpoints: self.endpoints(10_000), slowStart: .seconds(10))
        var first: Int32 = 10_000
        return self.least(of: 1) {
            var next = self.endpoints(10_000)
            for index in 0..<changed {
                next[index].id = EndpointID(first)
                first += 1
            }
            balancer.replace(policy: .leastRequests, endpoints: next, slowStart: .seconds(10))
        }
    }

    private static func endpoints(_ count: Int) -> [Balancer.Endpoint] {
        (0..<count).map { .init(id: EndpointID(Int32($0))) }
    }

    // MARK: Timing

    /// The cost of one `body`, from the quickest of ten runs of so many.
    private static func least(of count: Int, _ body: () -> Void) -> Cost {
        let clock = ContinuousClock()
        let before = AllocationCounter.calls
        let duration = (0..<10).map { _ in clock.measure { for _ in 0..<count { body() } } / count }.min() ?? .zero
        let allocations = zip(before, AllocationCounter.calls).map { Double($1 - $0) / Double(count * 10) }
        return Cost(duration: duration, allocations: allocations.first)
    }

    private static func report(_ operation: String, _ cost: Cost) {
        let nanoseconds = cost.duration / .nanoseconds(1)
        let time = nanoseconds < 100_000 ? "\(Int(nanoseconds)) ns" : "\(Int(nanoseconds / 1000)) µs"
        let allocations = cost.allocations.map { "\(($0 * 100).rounded() / 100)" } ?? "—"
        print("| \(operation) | \(time) | \(allocations) |")
    }
}

/// What one operation takes.
struct Cost {
    var duration: Duration
    /// On the heap; nil where nobody counts them.
    var allocations: Double?
}

/// Reads what bench/allocations.c counts, when that is preloaded.
private enum AllocationCounter {
    /// Allocations so far; nothing when they are not counted.
    static var calls: [UInt64] {
        guard let path = getenv("BENCH_ALLOCATIONS"), let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        // `malloc`, `calloc`, `realloc` and the aligned ones.
        var counters = [UInt64](repeating: 0, count: 4)
        guard fread(&counters, 8, counters.count, file) == counters.count else { return [] }
        return [counters.reduce(0, +)]
    }
}

/// A table under its lock, one of those that share a quota's callers.
private final class LockedTable: Sendable {
    let table: Mutex<QuotaTable>

    init(windows: Int) {
        self.table = Mutex(QuotaTable(windows: windows, capacity: 1_000_000 / 64))
    }
}
