import Testing
import UsherCore
import UsherReplication

@Suite struct BalancerReplaceTests {
    private func endpoints(_ numbers: [Int], weight: Int = 1) -> [Balancer.Endpoint] {
        numbers.map { .init(id: EndpointID(Int32($0)), weight: weight) }
    }

    private func balancer(_ policy: BalancePolicy, _ numbers: [Int]) -> Balancer {
        var balancer = Balancer(policy: policy, endpoints: endpoints(numbers), slowStart: .seconds(10))
        for index in numbers.indices { balancer.setReady(index, true) }
        return balancer
    }

    @Test("what stays keeps readiness and requests in flight at its new place", arguments: BalancePolicy.allCases)
    func keeps(policy: BalancePolicy) {
        var balancer = balancer(policy, [1, 2, 3])
        balancer.setReady(1, false)
        for (index, count) in [3, 4, 5].enumerated() {
            for _ in 0..<count { balancer.requestStarted(index, now: .start) }
        }
        balancer.replace(policy: policy, endpoints: endpoints([3, 9, 2]), slowStart: .seconds(10))
        let inFlight = (0..<3).map { balancer.inFlight($0) }
        let ready = (0..<3).map { balancer.isReady($0) }
        #expect(inFlight == [5, 0, 4])
        #expect(ready == [true, false, false])
        let sums = [balancer.readyCount, balancer.inFlightCount, balancer.count]
        #expect(sums == [1, 9, 3])
    }

    @Test("what comes back after it had left is a stranger", arguments: BalancePolicy.allCases)
    func stranger(policy: BalancePolicy) {
        var random = SeededRandom(seed: 1)
        var balancer = balancer(policy, [1, 2])
        balancer.requestStarted(0, now: .start)
        balancer.replace(policy: policy, endpoints: endpoints([2]), slowStart: .zero)
        balancer.replace(policy: policy, endpoints: endpoints([1, 2]), slowStart: .zero)
        let inFlight = balancer.inFlight(0)
        let ready = (0..<2).map { balancer.isReady($0) }
        #expect(inFlight == 0)
        #expect(ready == [false, true])
        let picked = balancer.index(random: &random)
        #expect(picked == 1)
    }

    @Test("a request that failed on an endpoint avoids it at its new place", arguments: BalancePolicy.allCases)
    func triedMoves(policy: BalancePolicy) {
        var random = SeededRandom(seed: 2)
        var balancer = balancer(policy, [1, 2])
        var tried = TriedEndpoints()
        tried.insert(EndpointID(1))
        balancer.replace(policy: policy, endpoints: endpoints([2, 1]), slowStart: .zero)
        for _ in 0..<50 {
            let picked = balancer.index(excluding: tried, random: &random)
            #expect(picked == 0)
        }
    }

    @Test("turns go on over any number of replacements that change nothing", arguments: [[1, 2, 3, 4, 5], [7]])
    func turnsGoOn(numbers: [Int]) throws {
        var random = SeededRandom(seed: 3)
        var balancer = balancer(.roundRobin, numbers)
        let first = try balancer.requiredIndex(random: &random)
        for turn in 1..<100 {
            balancer.replace(policy: .roundRobin, endpoints: endpoints(numbers), slowStart: .zero)
            let index = balancer.index(random: &random)
            #expect(index == (first + turn) % numbers.count)
        }
    }

    @Test("those that stay get even turns while others come and go at every pick", arguments: [1, 2, 3] as [UInt64])
    func evenTurns(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var balancer = balancer(.roundRobin, [0, 1, 2, 3])
        var counts = [0, 0, 0]
        var newest = 3
        for _ in 0..<4_000 {
            newest += 1
            let order = random.below(2) == 0 ? [0, 1, 2, newest] : [newest, 2, 0, 1]
            balancer.replace(policy: .roundRobin, endpoints: endpoints(order), slowStart: .zero)
            for index in order.indices { balancer.setReady(index, true) }
            let index = try balancer.requiredIndex(random: &random)
            if order[index] < 3 { counts[order[index]] += 1 }
        }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 2, "seed \(seed): \(counts)")
        // A newcomer's first turn may be close, and there is one at every pick: they get half instead of a quarter.
        #expect(counts.reduce(0, +) > 1_200, "seed \(seed): \(counts)")
    }

    @Test("a changed weight, tier and policy hold from the next pick on")
    func changes() throws {
        var random = SeededRandom(seed: 4)
        var balancer = balancer(.roundRobin, [1, 2])
        balancer.replace(
            policy: .random, endpoints: [.init(id: EndpointID(1), weight: 9), .init(id: EndpointID(2))],
            slowStart: .zero)
        var toFirst = 0
        for _ in 0..<10_000 where balancer.index(random: &random) == 0 { toFirst += 1 }
        #expect(abs(toFirst - 9_000) < 200)
        balancer.replace(
            policy: .leastRequests,
            endpoints: [.init(id: EndpointID(1), isBackup: true), .init(id: EndpointID(2))], slowStart: .zero)
        for _ in 0..<50 {
            let picked = balancer.index(random: &random)
            #expect(picked == 1)
        }
        let policy = balancer.policy
        #expect(policy == .leastRequests)
    }

    @Test("a measured latency is kept")
    func latency() {
        var random = SeededRandom(seed: 5)
        var balancer = balancer(.latency, [1, 2])
        for index in 0..<2 {
            balancer.requestStarted(index, now: .start)
            balancer.requestEnded(index, latency: .milliseconds(index == 0 ? 5 : 50), now: .start)
        }
        balancer.replace(policy: .latency, endpoints: endpoints([2, 1]), slowStart: .zero)
        for _ in 0..<50 {
            let picked = balancer.index(random: &random)
            #expect(picked == 1)
        }
    }

    @Test("a ramp goes on, and follows a changed slow start")
    func ramp() {
        let now = MonotonicTime.start.advanced(by: .seconds(1))
        var random = SeededRandom(seed: 6)
        var balancer = balancer(.random, [1, 2])
        balancer.setReady(0, true, rampFrom: .start)
        balancer.replace(policy: .random, endpoints: endpoints([2, 1]), slowStart: .seconds(10))
        var ramping = 0
        for _ in 0..<10_000 where balancer.index(now: now, random: &random) == 1 { ramping += 1 }
        #expect(abs(ramping - 909) < 200)
        balancer.replace(policy: .random, endpoints: endpoints([2, 1]), slowStart: .seconds(1))
        var full = 0
        for _ in 0..<10_000 where balancer.index(now: now, random: &random) == 1 { full += 1 }
        #expect(abs(full - 5_000) < 300)
    }

    @Test(
        "replacing at random agrees with a plain model", arguments: BalancePolicy.allCases,
        [21, 22, 23, 24] as [UInt64])
    func model(policy: BalancePolicy, seed: UInt64) {
        struct Known: Equatable {
            var isReady = false
            var inFlight = 0
        }
        var random = SeededRandom(seed: seed)
        var balancer = Balancer(policy: policy, endpoints: [], slowStart: .seconds(10))
        var order: [Int] = []
        var known: [Int: Known] = [:]
        var now = MonotonicTime.start
        for _ in 0..<1_500 {
            now = now.advanced(by: .milliseconds(random.below(1_000)))
            switch random.below(5) {
            case 0:
                // Numbers are few, so that some come back; the model forgets those that leave.
                order = (0..<12).filter { _ in random.below(2) == 0 }.shuffled(using: &random)
                known = Dictionary(uniqueKeysWithValues: order.map { ($0, known[$0] ?? Known()) })
                balancer.replace(
                    policy: policy,
                    endpoints: order.map {
                        .init(id: EndpointID(Int32($0)), weight: 1 + random.below(3), isBackup: $0 > 9)
                    }, slowStart: .seconds(random.below(20)))
            case 1 where !order.isEmpty:
                let index = random.below(order.count)
                let isReady = random.below(2) == 0
                balancer.setReady(index, isReady, rampFrom: random.below(2) == 0 ? now : nil)
                known[order[index]]?.isReady = isReady
            case 2 where !order.isEmpty:
                let index = random.below(order.count)
                balancer.requestEnded(index, latency: .milliseconds(3), now: now)
                if let before = known[order[index]]?.inFlight { known[order[index]]?.inFlight = max(before - 1, 0) }
            default:
                var tried = TriedEndpoints()
                for number in order where random.below(4) == 0 { tried.insert(EndpointID(Int32(number))) }
                let result = balancer.pick(excluding: tried, now: now, random: &random)
                let ready = order.filter { known[$0]?.isReady == true }
                let allowed = ready.filter { !tried.contains(EndpointID(Int32($0))) }
                let primaries = allowed.filter { $0 <= 9 }
                switch result {
                case .endpoint(let index):
                    #expect((primaries.isEmpty ? allowed : primaries).contains(order[index]), "seed \(seed)")
                    balancer.requestStarted(index, now: now)
                    known[order[index]]?.inFlight += 1
                case .noneReady: #expect(ready.isEmpty, "seed \(seed)")
                case .allTried: #expect(!ready.isEmpty && allowed.isEmpty, "seed \(seed)")
                }
            }
            let found = order.indices.map { Known(isReady: balancer.isReady($0), inFlight: balancer.inFlight($0)) }
            #expect(found == order.map { known[$0] ?? Known() }, "seed \(seed)")
            let sums = [balancer.readyCount, balancer.inFlightCount]
            #expect(sums == [found.count { $0.isReady }, found.reduce(0) { $0 + $1.inFlight }], "seed \(seed)")
        }
    }
}
