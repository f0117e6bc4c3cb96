import UsherConfiguration
import UsherConsole
import UsherCore
import UsherReplication
import UsherSharding

/// Sharded services as the console and metrics see them.
extension GatewayReport {
    func shards() async -> [ShardedServiceReport] {
        let current = self.plane.now
        let controls = Dictionary(
            current.controls.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return current.snapshot.services.compactMap { service in
            service.shards.map { self.report(on: service, $0, controls) }
        }
    }

    private func report(
        on service: ServicePlan, _ plan: ShardPlan, _ controls: [String: ServiceControl]
    ) -> ShardedServiceReport {
        let page = self.plane.shards.page(of: service.name, plan)
        let seconds = page.map { Double($0.window.nanosecondsClamped) / 1e9 } ?? 0
        let shares = plan.map.shares
        let shards = plan.map.shards.enumerated().map { index, shard in
            let standing = controls[plan.services[index]]?.readyCount ?? (ready: 0, all: 0)
            let load = page?.now[index].load ?? ShardLoad()
            let recent = load.since(page?.before[index] ?? load)
            let counts = page?.now[index].keys ?? ShardCounts(total: 0, keys: [])
            return ShardReport(
                name: shard.name, weight: shard.weight, keys: shares?[index], ready: standing.ready,
                replicas: standing.all, requests: load.requests,
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
            service: service.name, function: plan.map.function.name, epoch: plan.epoch, moved: plan.moved,
            dualReadUntil: plan.earlier?.until, expectedPeakToMean: plan.map.peakToMean?.hundredths,
            peakToMean: Self.peakToMean(shards)?.hundredths, dark: Self.dark(shards, plan), windowSeconds: seconds,
            shards: shards)
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

    /// With `overflow: next` somebody answers as long as anybody can.
    private static func dark(_ shards: [ShardReport], _ plan: ShardPlan) -> Double {
        let down = shards.filter { $0.ready == 0 }
        if plan.settings.overflow == .next, down.count < shards.count { return 0 }
        let share = down.reduce(0) { $0 + ($1.keys ?? 1 / Double(shards.count)) }
        return (min(share, 1) * 10_000).rounded() / 10_000
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
    var readyCount: (ready: Int, all: Int) {
        self.withState { state in
            let records = state.set.endpoints.map { state.records[$0.id] }
            return (records.count { $0?.availability.mayBePicked ?? false }, records.count)
        }
    }
}
