import Testing
import UsherCore
import UsherReplication

/// What endpoint `index` of a test is known by: another number than its index.
func endpointID(_ index: Int) -> EndpointID {
    EndpointID(Int32(clamping: 100 + index))
}

/// A balancer of `weights` with everything ready; the last `backups` of them are backups.
func readyBalancer(
    _ policy: BalancePolicy, weights: [Int], backups: Int = 0, slowStart: Duration = .seconds(10)
) -> Balancer {
    var balancer = Balancer(
        policy: policy,
        endpoints: weights.enumerated().map { index, weight in
            .init(id: endpointID(index), weight: weight, isBackup: index >= weights.count - backups)
        }, slowStart: slowStart)
    for index in weights.indices { balancer.setReady(index, true) }
    return balancer
}

extension Balancer {
    /// The index that was picked, for tests in which there must be one.
    mutating func index(
        excluding tried: TriedEndpoints = TriedEndpoints(), now: MonotonicTime = .start, random: inout SeededRandom
    ) -> Int? {
        guard case .endpoint(let index) = pick(excluding: tried, now: now, random: &random) else { return nil }
        return index
    }

    /// The same where nothing else makes sense.
    mutating func requiredIndex(random: inout SeededRandom) throws -> Int {
        let picked = index(random: &random)
        return try #require(picked)
    }
}

@Suite struct BalancerTests {
    @Test("endpoints start unready and are not picked", arguments: BalancePolicy.allCases)
    func unreadyAtStart(policy: BalancePolicy) {
        var random = SeededRandom(seed: 1)
        var balancer = Balancer(
            policy: policy, endpoints: [.init(id: endpointID(0)), .init(id: endpointID(1), weight: 3)],
            slowStart: .zero)
        let result = balancer.pick(excluding: TriedEndpoints(), now: .start, random: &random)
        #expect(result == .noneReady)
        let count = balancer.readyCount
        #expect(count == 0)
    }

    @Test("a service without endpoints has none ready", arguments: BalancePolicy.allCases)
    func empty(policy: BalancePolicy) {
        var random = SeededRandom(seed: 1)
        var balancer = Balancer(policy: policy, endpoints: [], slowStart: .zero)
        let result = balancer.pick(excluding: TriedEndpoints(), now: .start, random: &random)
        #expect(result == .noneReady)
    }

    @Test(
        "an endpoint that is no longer ready gets nothing, and its share again when it is",
        arguments: BalancePolicy.allCases)
    func readinessFollowed(policy: BalancePolicy) {
        var random = SeededRandom(seed: 2)
        var balancer = readyBalancer(policy, weights: [1, 1, 1])
        balancer.setReady(1, false)
        let readyCount = balancer.readyCount
        #expect(readyCount == 2)
        for _ in 0..<300 {
            let index = balancer.index(random: &random)
            #expect(index == 0 || index == 2)
        }
        balancer.setReady(1, true)
        var seen = Set<Int?>()
        for _ in 0..<300 { seen.insert(balancer.index(random: &random)) }
        #expect(seen == [0, 1, 2])
    }

    @Test(
        "a request visits every ready endpoint once, primaries before backups, and is then told that all were tried",
        arguments: BalancePolicy.allCases, [1, 2, 3, 7, 40])
    func visitsAll(policy: BalancePolicy, count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        let backups = count / 3
        // One endpoint has nearly all of the weight, so that draws must give up on chance.
        var balancer = readyBalancer(policy, weights: (0..<count).map { $0 == 0 ? 100_000 : 1 }, backups: backups)
        var tried = TriedEndpoints()
        var visited: [Int] = []
        while let index = balancer.index(excluding: tried, random: &random) {
            #expect(!tried.contains(endpointID(index)))
            visited.append(index)
            tried.insert(endpointID(index))
            guard visited.count <= count else { break }
        }
        #expect(visited.sorted() == Array(0..<count))
        #expect(visited.prefix(count - backups).allSatisfy { $0 < count - backups })
        let last = balancer.pick(excluding: tried, now: .start, random: &random)
        #expect(last == .allTried)
    }

    @Test(
        "backups stand in as soon as no primary is ready, and back down when one is", arguments: BalancePolicy.allCases)
    func backups(policy: BalancePolicy) {
        var random = SeededRandom(seed: 3)
        var balancer = readyBalancer(policy, weights: [1, 1, 5], backups: 1)
        for _ in 0..<100 {
            let index = balancer.index(random: &random)
            #expect(index != 2)
        }
        balancer.setReady(0, false)
        balancer.setReady(1, false)
        let standIn = balancer.index(random: &random)
        #expect(standIn == 2)
        balancer.setReady(1, true)
        let primary = balancer.index(random: &random)
        #expect(primary == 1)
    }

    @Test(
        "only ready and untried endpoints are picked, whatever happens", arguments: BalancePolicy.allCases,
        [11, 12, 13] as [UInt64])
    func randomEvents(policy: BalancePolicy, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let count = 2 + random.below(12)
        var balancer = readyBalancer(policy, weights: (0..<count).map { _ in 1 + random.below(9) }, backups: 1)
        var ready = Array(repeating: true, count: count)
        var inFlight = Array(repeating: 0, count: count)
        var now = MonotonicTime.start
        for _ in 0..<5_000 {
            now = now.advanced(by: .microseconds(random.below(50_000)))
            let index = random.below(count)
            switch random.below(4) {
            case 0:
                ready[index] = random.below(2) == 0
                balancer.setReady(index, ready[index])
            case 1 where inFlight[index] > 0:
                inFlight[index] -= 1
                balancer.requestEnded(index, latency: .microseconds(random.below(10_000)), now: now)
            default:
                var tried = TriedEndpoints()
                for _ in 0..<random.below(6) { tried.insert(endpointID(random.below(count))) }
                let result = balancer.pick(excluding: tried, now: now, random: &random)
                let allowed = (0..<count).filter { ready[$0] && !tried.contains(endpointID($0)) }
                switch result {
                case .endpoint(let picked):
                    #expect(allowed.contains(picked), "seed \(seed)")
                    inFlight[picked] += 1
                    balancer.requestStarted(picked, now: now)
                case .noneReady: #expect(!ready.contains(true), "seed \(seed)")
                case .allTried: #expect(ready.contains(true) && allowed.isEmpty, "seed \(seed)")
                }
            }
        }
        for index in 0..<count {
            let counted = balancer.inFlight(index)
            #expect(counted == inFlight[index])
        }
        let total = balancer.inFlightCount
        #expect(total == inFlight.reduce(0, +))
    }

    @Test("unknown indexes and unmatched ends change nothing")
    func ignored() {
        var balancer = readyBalancer(.latency, weights: [1])
        for index in [-1, 1, .max, .min] {
            balancer.setReady(index, true)
            balancer.requestStarted(index, now: .start)
            balancer.requestEnded(index, latency: nil, now: .start)
            let inFlight = balancer.inFlight(index)
            let isReady = balancer.isReady(index)
            #expect(inFlight == 0)
            #expect(!isReady)
        }
        balancer.requestEnded(0, latency: .seconds(1), now: .start)
        balancer.requestFailed(0, now: .start)
        let inFlight = balancer.inFlight(0)
        let readyCount = balancer.readyCount
        #expect(inFlight == 0)
        #expect(readyCount == 1)
    }

    @Test("weights out of range are clamped", arguments: [(0, 1), (-5, 1), (Int.max, 1_000_000)])
    func clampedWeights(given: Int, meant: Int) {
        var random = SeededRandom(seed: 4)
        var balancer = readyBalancer(.random, weights: [given, meant])
        var counts = [0, 0]
        for _ in 0..<4_000 {
            guard let index = balancer.index(random: &random) else { continue }
            counts[index] += 1
        }
        #expect(counts[0] > 1_800 && counts[1] > 1_800)
    }
}
