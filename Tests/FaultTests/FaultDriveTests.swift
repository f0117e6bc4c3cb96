import Foundation
import Testing

extension FaultTests {
    /// Replicas that die, hang, lie and flap, one kind after the other, under load that never stops.
    @Suite struct FaultDriveTests {
        private static let environment = ProcessInfo.processInfo.environment
        /// `USHER_FAULT_SECONDS`: how long each fault lasts.
        private static let seconds = Self.environment["USHER_FAULT_SECONDS"].flatMap { Double($0) } ?? 1.5
        /// `USHER_FAULT_RATE`: requests a second.
        private static let rate = Self.environment["USHER_FAULT_RATE"].flatMap { Int($0) } ?? 1500

        @Test(
            "no GET is lost that could be retried and no POST is sent twice, whatever one replica does",
            .timeLimit(.minutes(5)), arguments: [3, 20])
        func drive(count: Int) throws {
            let ledger = OrderLedger()
            let replicas = try (0..<count).map { _ in try ChaosReplica(ledger) }
            let service = """
                , readiness: { path: /ready, interval: 200ms, timeout: 500ms, rise: 2, fall: 2 }, \
                timeouts: { connect: 500ms, response: 500ms }, ejection: { for: 300ms }
                """
            try UsherProcess.running(Configuration.proxying(replicas.map(\.port), service: service)) { usher in
                let run = try FaultRun(usher, replicas, rate: Self.rate)
                try self.deadProcesses(run)
                try self.wrongAnswers(run)
                try self.flapping(run)
                try self.nobodyThere(run)
                let orders = try ledger.counts()
                print("\(count) replicas: \(run.total), orders carried out \(orders.once)")
                #expect(orders.repeated == 0, "POSTs that were sent twice")
                #expect(orders.once >= run.ordersAccepted)
                #expect(try usher.metric("usher_endpoint_requests_in_flight") <= 48)
            }
        }

        private func deadProcesses(_ run: FaultRun) throws {
            var triesAtTheDead = 0
            try run.phase("killed", seconds: Self.seconds + 1) { victim in
                victim.process.signal(SIGKILL)
                usleep(1_000_000)
                triesAtTheDead = try run.tries(at: victim)
            } end: { victim in
                let later = try run.tries(at: victim)
                #expect(later == triesAtTheDead, "requests went to a replica that had been dead for a second")
                try victim.restart()
            }
            try run.phase("stopped", seconds: Self.seconds) {
                $0.process.signal(SIGSTOP)
            } end: {
                $0.process.signal(SIGCONT)
            }
        }

        private func wrongAnswers(_ run: FaultRun) throws {
            let modes: [ChaosReplica.Mode] = [
                .slow, .silent, .closing, .garbage, .endless, .busy, .twice, .longer, .shorter,
            ]
            for mode in modes { try run.phase(mode, seconds: Self.seconds) }
        }

        private func flapping(_ run: FaultRun) throws {
            for mode in [ChaosReplica.Mode.flapping, .sometimesBusy] {
                // It begins with a good second and a full share, which must not weigh too much.
                let (share, account) = try run.phase(mode, seconds: max(8, Self.seconds * 2))
                #expect(share < 0.1, "\(mode.rawValue): \(share) of \(account.sent) requests")
            }
        }

        private func nobodyThere(_ run: FaultRun) throws {
            for replica in run.replicas { try replica.turn(.down) }
            usleep(500_000)
            _ = try run.account()
            usleep(1_000_000)
            let during = try run.account()
            print("all down: \(during.text), \(during.byStatus)")
            #expect(during.ok == 0)
            #expect(Set(during.byStatus.keys).isSubset(of: ["502", "503"]))
            #expect(during.broken + during.refused + during.timedOut + during.cutOff == 0)
            #expect(during.slowestFailureMs < 5000)
            for replica in run.replicas { try replica.turn(.good) }
            let start = ContinuousClock.now
            #expect(eventually { RawClient.status(run.usher.port, "/item/1") == 200 })
            print("all back: the first answer after \(ContinuousClock.now - start)")
            #expect(try run.isWhole())
            print("all back: all ready after \(ContinuousClock.now - start)")
            _ = try run.account()
            usleep(500_000)
            let after = try run.account()
            #expect(after.lost == 0 && after.postsFailed == 0, "\(after)")
            #expect(after.ok > 0)
        }
    }
}

/// One Usher under load and what happened so far; prints a line per fault.
private final class FaultRun {
    let usher: UsherProcess
    let replicas: [ChaosReplica]
    private let load: Drive
    private let start = ContinuousClock.now
    private var phases = 0
    private var sent = 0
    private var ok = 0
    private var lost = 0
    private(set) var ordersAccepted = 0

    init(_ usher: UsherProcess, _ replicas: [ChaosReplica], rate: Int) throws {
        self.usher = usher
        self.replicas = replicas
        self.load = try Drive(port: usher.port, connections: 48, rate: rate, postEvery: 10)
        #expect(try self.isWhole())
        _ = try self.account()
    }

    /// Whether all replicas take requests again, in time.
    func isWhole() throws -> Bool {
        try eventually(within: .seconds(40)) {
            try self.usher.metric("usher_endpoint_ready") == self.replicas.count
        }
    }

    func account() throws -> Drive.Account {
        let account = try self.load.account()
        self.sent += account.sent
        self.ok += account.ok
        self.lost += account.lost
        self.ordersAccepted += account.posts - account.postsFailed
        return account
    }

    var total: String {
        let seconds = Double((ContinuousClock.now - self.start).components.seconds)
        return "sent \(self.sent), answered right \(self.ok), lost \(self.lost) in \(Int(seconds)) s"
    }

    func tries(at replica: ChaosReplica) throws -> Int {
        try self.usher.metric("usher_endpoint_requests_total", "127.0.0.1:\(replica.port)\"")
    }

    @discardableResult
    func phase(
        _ mode: ChaosReplica.Mode, seconds: Double
    ) throws -> (share: Double, account: Drive.Account) {
        try self.phase(mode.rawValue, seconds: seconds, isCutOff: mode == .shorter) {
            try $0.turn(mode)
        } end: {
            try $0.turn(.good)
        }
    }

    /// One replica is hurt, and healed after `seconds`; the phase ends when all replicas take requests again.
    ///
    /// - Parameter isCutOff: answers break off when they have begun, which nobody can make good.
    /// - Returns: the part of the tries that went to the hurt one while it was hurt.
    @discardableResult
    func phase(
        _ name: String, seconds: Double, isCutOff: Bool = false,
        begin: (ChaosReplica) throws -> Void, end: (ChaosReplica) throws -> Void
    ) throws -> (share: Double, account: Drive.Account) {
        let victim = self.replicas[self.phases % self.replicas.count]
        self.phases += 1
        let before = try self.usher.scrape()
        let clock = ContinuousClock.now
        try begin(victim)
        let left = seconds - (ContinuousClock.now - clock) / .seconds(1)
        if left > 0 { usleep(UInt32(left * 1e6)) }
        let hurt = try self.usher.scrape()
        try end(victim)
        let healed = ContinuousClock.now
        #expect(try self.isWhole(), "after \(name)")
        let recovery = ContinuousClock.now - healed
        let account = try self.account()
        let after = try self.usher.scrape()

        func change(_ name: String, _ labels: String...) -> Int {
            (hurt.sum(name, labels) ?? 0) - (before.sum(name, labels) ?? 0)
        }
        let tries = change("usher_endpoint_requests_total")
        let share =
            Double(change("usher_endpoint_requests_total", "127.0.0.1:\(victim.port)\"")) / Double(max(tries, 1))
        let retried = after.count("usher_service_retries_total") - before.count("usher_service_retries_total")
        let refused =
            after.count("usher_service_retries_refused_total") - before.count("usher_service_retries_refused_total")
        print(
            "\(self.replicas.count) replicas, one \(name): \(account.text), retried \(retried), refused a retry "
                + "\(refused), \(Int((share * 1000).rounded())) ‰ of the tries at it, whole again after \(recovery)")
        if isCutOff {
            #expect(
                account.wrong == 0 && account.lost <= account.cutOff + (account.byStatus["502"] ?? 0),
                "\(name): \(account)")
        } else {
            #expect(account.lost == 0, "\(name): \(account)")
        }
        #expect(account.wrong == 0, "\(name): \(account)")
        try self.expectRetriesWithinBudget(after)
        return (share, account)
    }

    /// Retries of refused connections are free; all others together stay below the default budget: 20 % of the
    /// requests, ten a second, and what was saved at the begin.
    private func expectRetriesWithinBudget(_ scrape: Scrape) throws {
        let retries = scrape.count("usher_service_retries_total")
        let free = scrape.count("usher_endpoint_requests_total", "outcome=\"connect-failed\"")
        let requests = scrape.count("usher_requests_total", "service=\"web\"") + 48
        let seconds = Int((ContinuousClock.now - self.start).components.seconds) + 1
        #expect(retries - free <= requests / 5 + 10 * seconds + 100, "\(retries) retries for \(requests) requests")
    }
}
