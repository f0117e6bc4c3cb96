import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherReplication
import UsherTransport

/// One service, ready to be used: its settings with everything worked out that does not depend on a worker.
final class ServicePlan: Sendable {
    struct Replica: Sendable {
        var address: ReplicaAddress
        var weight: Int
        var isBackup: Bool
        /// The address as the access log writes it.
        var logName: [UInt8]
        /// The Host of requests when `host: replica` says so.
        var host: [UInt8]
    }

    let index: Int
    let name: String
    let balance: BalancePolicy
    /// `host: replica`: replicas get their own address as Host.
    let rewritesHost: Bool
    let settings: ServiceSettings
    let replicas: [Replica]
    let logName: [UInt8]
    let queuePerWorker: Int

    init(index: Int, _ settings: ServiceSettings, workers: Int, logName: (String) -> [UInt8]) {
        self.index = index
        self.name = settings.name
        self.balance = settings.balance
        self.rewritesHost = settings.host == .replica
        self.settings = settings
        self.logName = logName(settings.name)
        switch settings.replicas {
        case .list(let list):
            self.replicas = list.map { replica in
                Replica(
                    address: replica.address, weight: replica.weight, isBackup: replica.backup,
                    logName: logName("\(replica.address)"), host: Self.host(of: replica.address))
            }
        case .run(let run):
            // A supervised replica's address is known when its process is started.
            self.replicas = (0..<run.count).map { number in
                Replica(
                    address: .ip(IPAddress(v4: 0x7f00_0001), port: 0), weight: 1, isBackup: false,
                    logName: logName("\(settings.name)/\(number)"), host: Array("127.0.0.1".utf8))
            }
        }
        self.queuePerWorker = Self.perWorker(settings.connections.queue, workers)
    }

    /// Without a readiness check, replicas that we do not start ourselves count as ready.
    var isReadyAtOnce: Bool {
        if case .list = self.settings.replicas { return self.settings.readiness == nil }
        return false
    }

    /// A worker's part of a total, rounded up so that no worker has none.
    static func perWorker(_ total: Int, _ workers: Int) -> Int {
        total > 0 ? max(1, (total + workers - 1) / workers) : 0
    }

    func poolConfiguration(workers: Int) -> UpstreamPool.Configuration {
        UpstreamPool.Configuration(
            connectionsMax: Self.perWorker(self.settings.connections.perReplica, workers),
            keep: self.settings.connections.keep.nanosecondsClamped,
            connectTimeout: self.settings.timeouts.connect,
            headLimits: Self.answerLimits)
    }

    /// A replica's head may be larger than a client's: it is trusted more, and cookies are set here. 64 KiB, 200
    /// fields.
    static let answerLimits = HeadLimits(head: 65536, requestLine: 8192, fields: 200)

    func retryBudget(workers: Int, now: MonotonicTime) -> RetryBudget {
        RetryBudget(
            share: self.settings.retries.budget.fraction,
            floorPerSecond: self.settings.retries.floor.perSecond / Double(workers), now: now)
    }

    private static func host(of address: ReplicaAddress) -> [UInt8] {
        switch address {
        case .unix: Array("localhost".utf8)
        case .ip, .name: Array("\(address)".utf8)
        }
    }
}
