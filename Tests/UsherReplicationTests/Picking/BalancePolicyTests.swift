import Testing
import UsherCore
import UsherReplication

@Suite struct BalancePolicyTests {
    @Test("the policies are named as in the configuration")
    func names() {
        #expect(BalancePolicy.allCases.map(\.rawValue) == ["round-robin", "random", "least-requests", "latency"])
    }

    // MARK: round-robin

    @Test(
        "equal weights take turns in the order of the file, beginning anywhere",
        arguments: 1...20 as ClosedRange<UInt64>)
    func turns(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var balancer = readyBalancer(.roundRobin, weights: [1, 1, 1, 1, 1])
        let first = try balancer.requiredIndex(random: &random)
        for turn in 1..<50 {
            let index = balancer.index(random: &random)
            #expect(index == (first + turn) % 5)
        }
    }

    @Test("workers begin at different endpoints")
    func beginnings() {
        var firsts = Set<Int?>()
        for seed in 0..<100 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var balancer = readyBalancer(.roundRobin, weights: [1, 1, 1, 1])
            firsts.insert(balancer.index(random: &random))
        }
        #expect(firsts == [0, 1, 2, 3])
    }

    @Test(
        "every span of turns has each endpoint in proportion to its weight, to within two",
        arguments: [
            [5, 1, 1], [10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 2, 3, 4], [100, 1], [7], [3, 3, 2, 2, 2, 9],
        ])
    func proportions(weights: [Int]) throws {
        var random = SeededRandom(seed: 5)
        var balancer = readyBalancer(.roundRobin, weights: weights)
        let total = weights.reduce(0, +)
        var sums = [Array(repeating: 0, count: weights.count)]
        for _ in 0..<(3 * total) {
            let index = try balancer.requiredIndex(random: &random)
            var next = sums[sums.count - 1]
            next[index] += 1
            sums.append(next)
        }
        for start in 0..<(2 * total) {
            for length in 1...total {
                for (index, weight) in weights.enumerated() {
                    let taken = sums[start + length][index] - sums[start][index]
                    let wanted = Double(length * weight) / Double(total)
                    #expect(abs(Double(taken) - wanted) < 2, "\(index) in \(start)..<\(start + length)")
                }
            }
            let whole = weights.indices.map { sums[start + total][$0] - sums[start][$0] }
            #expect(zip(whole, weights).allSatisfy { abs($0 - $1) <= 1 })
        }
    }

    @Test("a heavy endpoint is interleaved with light ones")
    func interleaved() {
        var random = SeededRandom(seed: 6)
        var balancer = readyBalancer(.roundRobin, weights: [10] + Array(repeating: 1, count: 10))
        var inRow = 0
        for _ in 0..<200 {
            let index = balancer.index(random: &random)
            inRow = index == 0 ? inRow + 1 : 0
            #expect(inRow <= 2)
        }
    }

    @Test("an endpoint that flaps between any two picks gets no more than its share")
    func flapping() {
        var random = SeededRandom(seed: 7)
        var balancer = readyBalancer(.roundRobin, weights: [1, 1, 1, 1])
        var counts = [0, 0, 0, 0]
        for _ in 0..<4_000 {
            balancer.setReady(2, false)
            balancer.setReady(2, true)
            guard let index = balancer.index(random: &random) else { continue }
            counts[index] += 1
        }
        #expect(counts.allSatisfy { abs($0 - 1_000) <= 1 }, "\(counts)")
    }

    @Test("a turn passed over because it was tried is not lost")
    func triedTurn() {
        var random = SeededRandom(seed: 8)
        var balancer = readyBalancer(.roundRobin, weights: [1_000, 1])
        var tried = TriedEndpoints()
        tried.insert(endpointID(0))
        for _ in 0..<10 {
            let index = balancer.index(excluding: tried, random: &random)
            #expect(index == 1)
        }
        let heavy = balancer.index(random: &random)
        #expect(heavy == 0)
    }

    // MARK: random

    @Test(
        "draws follow the weights of those that are ready and untried",
        arguments: [[1, 1, 1, 1], [1, 2, 3, 10], [1_000, 1, 500, 2], [1, 1, 1, 999]], [-1, 0, 3])
    func draws(weights: [Int], excluded: Int) {
        let seed = UInt64(weights[0] + excluded + 10)
        var random = SeededRandom(seed: seed)
        var balancer = readyBalancer(.random, weights: weights)
        var tried = TriedEndpoints()
        tried.insert(endpointID(excluded))
        let total = weights.enumerated().filter { $0.offset != excluded }.reduce(0) { $0 + $1.element }
        var counts = weights.map { _ in 0 }
        let draws = 40_000
        for _ in 0..<draws {
            guard let index = balancer.index(excluding: tried, random: &random) else { continue }
            counts[index] += 1
        }
        for (index, weight) in weights.enumerated() where index != excluded {
            let share = Double(weight) / Double(total)
            let wanted = Double(draws) * share
            let deviation = (wanted * (1 - share)).squareRoot()
            #expect(abs(Double(counts[index]) - wanted) <= 5 * deviation + 1, "seed \(seed): \(counts)")
        }
    }

    // MARK: least-requests

    @Test("of two endpoints the less busy one, for its weight, is picked", arguments: [(1, 1), (1, 3), (5, 2)])
    func lessBusy(left: Int, right: Int) throws {
        var random = SeededRandom(seed: 9)
        var balancer = readyBalancer(.leastRequests, weights: [left, right])
        for _ in 0..<(100 * (left + right)) {
            let index = try balancer.requiredIndex(random: &random)
            balancer.requestStarted(index, now: .start)
        }
        let counts = [balancer.inFlight(0), balancer.inFlight(1)]
        #expect(abs(counts[0] - 100 * left) <= max(left, right), "\(counts)")
    }

    @Test("a quiet service shares its requests in proportion to weight")
    func quiet() {
        var random = SeededRandom(seed: 10)
        var balancer = readyBalancer(.leastRequests, weights: [1, 2])
        var counts = [0, 0]
        for _ in 0..<30_000 {
            guard let index = balancer.index(random: &random) else { continue }
            balancer.requestStarted(index, now: .start)
            balancer.requestEnded(index, latency: nil, now: .start)
            counts[index] += 1
        }
        #expect(abs(counts[0] - 10_000) < 500, "\(counts)")
    }

    @Test("requests that pile up are spread evenly, far better than by chance")
    func evenly() throws {
        var random = SeededRandom(seed: 11)
        let count = 50
        var balancer = readyBalancer(.leastRequests, weights: Array(repeating: 1, count: count))
        for _ in 0..<(100 * count) {
            let index = try balancer.requiredIndex(random: &random)
            balancer.requestStarted(index, now: .start)
        }
        // By chance alone the standard deviation would be 10 around 100.
        let counts = (0..<count).map { balancer.inFlight($0) }
        #expect(counts.allSatisfy { abs($0 - 100) <= 8 }, "\(counts)")
    }

    @Test("a hanging endpoint gets ever less")
    func hanging() throws {
        var random = SeededRandom(seed: 12)
        var balancer = readyBalancer(.leastRequests, weights: [1, 1, 1])
        var toHanging = 0
        for _ in 0..<10_000 {
            let index = try balancer.requiredIndex(random: &random)
            balancer.requestStarted(index, now: .start)
            if index == 1 {
                toHanging += 1
            } else {
                balancer.requestEnded(index, latency: .milliseconds(1), now: .start)
            }
        }
        // After the first it loses every comparison: with two draws of three different ones, it is always compared.
        #expect(toHanging == 1)
    }
}
