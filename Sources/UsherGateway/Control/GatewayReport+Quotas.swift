import NIOCore
import UsherConfiguration
import UsherConsole
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// The quotas as the console and metrics see them.
extension GatewayReport {
    /// - Parameter top: callers of each quota at most.
    func quotas(top: Int) async -> [QuotaReport] {
        let snapshot = self.plane.now.snapshot
        let counted = await self.counted(snapshot)
        let seen = await self.topCallers()
        return snapshot.quotas.map { quota in
            let callers = TopCallers.merged(seen.compactMap { $0[quota.name] })
            return QuotaReport(
                name: quota.name, dryRun: quota.settings.dryRun,
                store: quota.redis.map { "\($0.settings.address)" } ?? "local",
                storeProblem: quota.redis?.health.reason,
                classes: Self.totals(quota, snapshot, counted),
                callers: callers.prefix(top).map { Self.report(on: $0, snapshot.credentials.classes) })
        }
    }

    /// Of each worker by the names of the quotas; each is copied on its own loop.
    private func topCallers() async -> [[String: TopCallers]] {
        var all: [[String: TopCallers]] = []
        for worker in self.plane.workers {
            let seen = try? await worker.loop.eventLoop.submit {
                Dictionary(
                    zip(worker.snapshot.quotas.map(\.name), worker.topCallers), uniquingKeysWith: { first, _ in first })
            }.get()
            if let seen { all.append(seen) }
        }
        return all
    }

    private static func totals(
        _ quota: QuotaPlan, _ snapshot: Snapshot, _ counted: WorkerMetrics
    ) -> [QuotaReport.ClassTotal] {
        snapshot.metricNames.classes.enumerated().compactMap { index, name in
            let counts = QuotaOutcome.allCases.map { counted.quota(quota.index, callerClass: index, outcome: $0) }
            guard counts.contains(where: { $0 > 0 }) else { return nil }
            return QuotaReport.ClassTotal(
                callerClass: name, allowed: counts[QuotaOutcome.allowed.rawValue],
                refused: counts[QuotaOutcome.refused.rawValue] &+ counts[QuotaOutcome.tooMany.rawValue],
                wouldRefuse: counts[QuotaOutcome.dryRun.rawValue],
                storeFailed: counts[QuotaOutcome.storeFailed.rawValue])
        }
    }

    private static func report(on caller: TopCallers.Caller, _ classes: CallerClasses) -> QuotaReport.Caller {
        QuotaReport.Caller(
            caller: String(decoding: caller.label, as: UTF8.self), callerClass: classes[caller.callerClass],
            requests: caller.asked, refused: caller.refused, error: caller.error,
            firstSeenUnixSeconds: WallClock.seconds(at: caller.firstSeen),
            lastSeenUnixSeconds: WallClock.seconds(at: caller.lastSeen))
    }

    /// What metrics say of quotas beside what workers count.
    func quotaMetrics(_ snapshot: Snapshot) -> [ControlMetrics.Quota] {
        snapshot.quotas.map { quota in
            let totals = quota.local.totals
            return ControlMetrics.Quota(
                name: quota.name, isStoreUp: quota.redis?.health.isAvailable, evictions: totals.evicted,
                memory: totals.memory)
        }
    }
}
