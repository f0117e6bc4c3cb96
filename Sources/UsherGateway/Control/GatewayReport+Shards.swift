import UsherConfiguration
import UsherConsole
import UsherCore
import UsherReplication
import UsherSharding
import UsherTelemetry

/// Sharded services as the console and metrics see them: counts as workers have them now, rates and keys as the last
/// look found them.
extension GatewayReport {
    func shards() async -> [ShardedServiceReport] {
        await self.sharded(self.plane.now).map(Self.report)
    }

    /// What metrics say of them.
    func shardMetrics(_ current: ControlPlane.Current) async -> [ControlMetrics.ShardedService] {
        await self.sharded(current).map { sharded in
            ControlMetrics.ShardedService(
                name: sharded.name, epoch: sharded.plan.epoch,
                dark: sharded.plan.darkShare(ready: sharded.standings.map(\.ready)),
                hotKeys: sharded.page?.hot.count ?? 0,
                shards: zip(sharded.plan.map.shards, sharded.loads).map { shard, load in
                    ControlMetrics.Shard(
                        name: shard.name, requests: load.requests, busy: load.nanoseconds, bytes: load.bytes,
                        spread: load.spread, overflowed: load.overflowed, askedEarlier: load.askedEarlier)
                })
        }
    }

    /// A sharded service with everything that is known of it. Lists are in the order of the plan.
    private struct Sharded {
        var name: String
        var plan: ShardPlan
        var loads: [ShardLoad]
        var standings: [ServiceControl.ReadyCount]
        /// Nil: the control plane has not looked yet.
        var page: ShardLedger.Page?
    }

    private func sharded(_ current: ControlPlane.Current) async -> [Sharded] {
        let standings = Standings(current.controls)
        var all: [Sharded] = []
        for service in current.snapshot.services {
            guard let plan = service.shards else { continue }
            all.append(
                Sharded(
                    name: service.name, plan: plan, loads: await self.plane.shardLoads(service.name, plan),
                    standings: standings.of(plan), page: self.plane.shards.page(of: service.name, plan)))
        }
        return all
    }

    private static func report(on sharded: Sharded) -> ShardedServiceReport {
        let (plan, page) = (sharded.plan, sharded.page)
        let seconds = page.map { Double($0.window.nanosecondsClamped) / 1e9 } ?? 0
        let shards = plan.map.shards.enumerated().map { index, shard in
            let load = sharded.loads[index]
            let recent = page.map { $0.now[index].load.since($0.before[index]) } ?? ShardLoad()
            let counts = page?.now[index].keys ?? ShardCounts(total: 0, keys: [])
            return ShardReport(
                name: shard.name, weight: shard.weight, keys: plan.shares?[index],
                ready: sharded.standings[index].ready, replicas: sharded.standings[index].all, requests: load.requests,
                requestsPerSecond: Self.rate(Double(recent.requests), seconds),
                busy: Self.rate(Double(recent.nanoseconds) / 1e9, seconds),
                bytesPerSecond: Self.rate(Double(recent.bytes), seconds), spread: load.spread,
                overflowed: load.overflowed, askedEarlier: load.askedEarlier,
                top: counts.keys.prefix(Self.topShown).map { counted in
                    .init(
                        key: plan.rule.shown(counted.text.span) + (counted.isCut ? "…" : ""),
                        share: (Double(counted.count) / Double(max(counts.total, 1))).hundredths,
                        hot: page?.hot.contains(counted.key) ?? false)
                })
        }
        return ShardedServiceReport(
            service: sharded.name, function: plan.map.function.name, epoch: plan.epoch, moved: plan.moved,
            dualReadUntil: plan.earlier?.until, expectedPeakToMean: plan.peakToMean?.hundredths,
            peakToMean: Self.peakToMean(shards)?.hundredths,
            dark: plan.darkShare(ready: sharded.standings.map(\.ready)), windowSeconds: seconds, shards: shards)
    }

    /// Keys of each shard that are shown.
    private static let topShown = 5

    private static func rate(_ amount: Double, _ seconds: Double) -> Double {
        seconds > 0 ? (amount / seconds).hundredths : 0
    }

    private static func peakToMean(_ shards: [ShardReport]) -> Double? {
        let requests = shards.reduce(0) { $0 + $1.requestsPerSecond }
        let weights = shards.reduce(0) { $0 + $1.weight }
        guard requests > 0, weights > 0 else { return nil }
        return shards.map { $0.requestsPerSecond / requests * Double(weights) / Double($0.weight) }.max()
    }
}

/// How many replicas of each service may be picked.
struct Standings {
    private let counts: [String: ServiceControl.ReadyCount]

    init(_ controls: [ServiceControl]) {
        self.counts = Dictionary(
            controls.map { ($0.name, $0.readyCount) }, uniquingKeysWith: { first, _ in first })
    }

    /// Of each shard, in the order of the plan.
    func of(_ plan: ShardPlan) -> [ServiceControl.ReadyCount] {
        plan.services.map { self.counts[$0] ?? (ready: 0, all: 0) }
    }
}

extension ShardPlan {
    /// The share of keys whose shard has nobody who answers; where keys are listed the share of shards.
    ///
    /// - Parameter ready: of each shard, how many of its replicas are.
    func darkShare(ready: [Int]) -> Double {
        let down = ready.indices.filter { ready[$0] == 0 }
        // With `overflow: next` somebody answers as long as anybody can.
        if self.settings.overflow == .next, down.count < ready.count { return 0 }
        let share = down.reduce(0) { $0 + (self.shares?[$1] ?? 1 / Double(ready.count)) }
        // One dark shard of thousands must not be rounded to none.
        return share > 0 ? max((min(share, 1) * 10_000).rounded(), 1) / 10_000 : 0
    }
}

extension ShardLoad {
    /// What came since an earlier count.
    func since(_ earlier: ShardLoad) -> ShardLoad {
        var load = self
        load.requests &-= min(earlier.requests, load.requests)
        load.nanoseconds &-= min(earlier.nanoseconds, load.nanoseconds)
        load.bytes &-= min(earlier.bytes, load.bytes)
        return load
    }
}

extension ServiceControl {
    /// How many of its replicas may be picked, and how many there are.
    typealias ReadyCount = (ready: Int, all: Int)

    var readyCount: ReadyCount {
        self.withState { state in
            let records = state.set.endpoints.map { state.records[$0.id] }
            return (records.count { $0?.availability.mayBePicked ?? false }, records.count)
        }
    }
}
