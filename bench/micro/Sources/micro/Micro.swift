import UsherCore
import UsherReplication

/// Times what a worker decides for each request, and what a change of the replicas costs it: `make micro`.
///
/// Each figure is the least of several runs, which is the one that other work on the machine disturbed least.
@main
struct Micro {
    static func main() {
        print("| operation | cost |\n| --- | ---: |")
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
        self.report("a try's outcome judged", self.outcomes())
        self.report("10,000 endpoints replaced, one of them new", self.replacement(changing: 1))
        self.report("10,000 endpoints replaced, all of them new", self.replacement(changing: 10_000))
    }

    // MARK: What is timed

    private static func picks(_ policy: BalancePolicy, ramping: Bool) -> Duration {
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

    private static func rendezvous(_ count: Int) -> Duration {
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

    private static func outcomes() -> Duration {
        var window = OutcomeWindow()
        var nanoseconds: UInt64 = 0
        return self.least(of: 100_000) {
            nanoseconds &+= 1_000_000
            _ = window.record(failed: false, now: MonotonicTime(nanoseconds: nanoseconds), EjectionPolicy())
        }
    }

    private static func replacement(changing changed: Int) -> Duration {
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
    private static func least(of count: Int, _ body: () -> Void) -> Duration {
        let clock = ContinuousClock()
        return (0..<10).map { _ in clock.measure { for _ in 0..<count { body() } } / count }.min() ?? .zero
    }

    private static func report(_ operation: String, _ cost: Duration) {
        let nanoseconds = cost / .nanoseconds(1)
        let text = nanoseconds < 100_000 ? "\(Int(nanoseconds)) ns" : "\(Int(nanoseconds / 1000)) µs"
        print("| \(operation) | \(text) |")
    }
}
