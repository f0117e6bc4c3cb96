import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherReplication
import UsherTelemetry
import UsherTransport

/// One service, ready to be used: its settings with everything worked out that does not depend on a worker or on its
/// replicas.
final class ServicePlan: Sendable {
    let name: String
    /// `host: replica`: replicas get their own address as Host.
    let rewritesHost: Bool
    let settings: ServiceSettings
    let logName: [UInt8]
    /// What the access log calls it as a shard of another service; empty: it is none.
    let shardLogName: [UInt8]
    /// Nil: it has replicas of its own.
    let shards: ShardPlan?
    let queuePerWorker: Int
    let panic: PanicRule
    let ejection: EjectionPolicy?
    /// Nil: requests are independent of each other.
    let sessions: SessionPlan?
    /// Nil: replicas are spoken to in the clear.
    let tls: ReplicaTLS?

    init(
        _ settings: ServiceSettings, workers: Int, sessions: SessionPlan?, tls: ReplicaTLS?, shards: ShardPlan? = nil
    ) {
        self.name = settings.name
        self.rewritesHost = settings.host == .replica
        self.settings = settings
        self.logName = AccessEntry.name(settings.name)
        // A slash stands in the names of shards' services alone.
        let shard = settings.name.split(separator: "/").dropFirst().first
        self.shardLogName = shard.map { AccessEntry.name(String($0)) } ?? []
        self.shards = shards
        self.queuePerWorker = Self.perWorker(settings.connections.queue, workers)
        self.panic = PanicRule(share: settings.panic)
        self.ejection = settings.ejection.map { ejection in
            EjectionPolicy(
                failures: ejection.failures, share: ejection.share, duration: ejection.duration,
                atMost: ejection.atMost)
        }
        self.sessions = shards == nil ? sessions : nil
        self.tls = tls
    }

    /// What it knows of an earlier map is no longer wanted.
    func isBehind(_ nowSeconds: Int) -> Bool { self.shards?.earlier.map { $0.until <= nowSeconds } ?? false }

    /// It is a part of another service.
    var isShard: Bool { !self.shardLogName.isEmpty }

    /// Without a readiness check, replicas that we do not start ourselves count as ready.
    var isReadyAtOnce: Bool {
        if case .run = self.settings.replicas { return false }
        return self.settings.readiness == nil
    }

    /// How replicas are judged. A process that Usher runs is checked in any case: by a connection when nothing else is
    /// said.
    var healthConfiguration: ServiceHealth.Configuration {
        var readiness = self.settings.readiness.map { readiness in
            ReadinessMachine.Configuration(
                interval: readiness.interval, rise: readiness.rise, fall: readiness.fall)
        }
        if case .run = self.settings.replicas, readiness == nil {
            readiness = ReadinessMachine.Configuration(interval: .seconds(1), rise: 1, fall: 3)
        }
        return ServiceHealth.Configuration(readiness: readiness, ejection: self.ejection)
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
            headLimits: Self.answerLimits, tls: self.tls?.upstream)
    }

    /// A replica's head may be larger than a client's: it is trusted more, and cookies are set here. 64 KiB, 200
    /// fields.
    static let answerLimits = HeadLimits(head: 65536, requestLine: 8192, fields: 200)

    func retryBudget(workers: Int, now: MonotonicTime) -> RetryBudget {
        RetryBudget(
            share: self.settings.retries.budget.fraction,
            floorPerSecond: self.settings.retries.floor.perSecond / Double(workers), now: now)
    }
}
