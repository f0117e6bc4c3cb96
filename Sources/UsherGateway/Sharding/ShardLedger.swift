import Synchronization
import UsherConfiguration
import UsherCore
import UsherSharding

/// What the control plane has learnt of sharded services from all workers: loads over the last minute, the keys that
/// are asked for most, and which of them are hot.
final class ShardLedger: Sendable {
    /// All workers' counts of one shard together.
    struct Shard: Sendable {
        var load = ShardLoad()
        /// How often its keys were asked for lately.
        var keys = ShardCounts(total: 0, keys: [])
    }

    /// One service at one moment.
    struct Page: Sendable {
        var now: [Shard]
        /// What the loads were at the beginning of the window.
        var before: [ShardLoad]
        var window: Duration
        var hot: Set<ShardKey>
    }

    private struct Record {
        var names: [String] = []
        var samples: [(at: MonotonicTime, loads: [ShardLoad])] = []
        var latest: [Shard] = []
        var detector: HotKeyDetector?
        /// With the copies of each.
        var hot: [ShardKey: Int] = [:]
    }

    /// Over which loads are told.
    static let window = Duration.seconds(60)

    private let records = Mutex<[String: Record]>([:])

    /// Takes over what workers have counted.
    ///
    /// - Returns: the keys that are hot now with the copies of each; nil when that is the same as before.
    func take(_ service: String, _ plan: ShardPlan, _ shards: [Shard], now: MonotonicTime) -> [ShardKey: Int]? {
        self.records.withLock { records in
            var record = records[service] ?? Record()
            defer { records[service] = record }
            if record.names != plan.services {
                // What other shards did says nothing of these.
                record = Record(names: plan.services, hot: record.hot)
            }
            record.latest = shards
            record.samples.append((now, shards.map(\.load)))
            while record.samples.count > 1, now.elapsed(since: record.samples[0].at) > Self.window {
                record.samples.removeFirst()
            }
            guard let settings = plan.settings.hotKeys else {
                record.detector = nil
                defer { record.hot = [:] }
                return record.hot.isEmpty ? nil : [:]
            }
            let known = record.detector.flatMap { $0.above == settings.above ? $0 : nil }
            var detector = known ?? HotKeyDetector(above: settings.above)
            let hot = Dictionary(
                detector.judge(shards.map(\.keys)).inForce.map { ($0.key, min($0.copiesWanted, settings.copies)) },
                uniquingKeysWith: { first, _ in first })
            record.detector = detector
            guard hot != record.hot else { return nil }
            record.hot = hot
            return hot
        }
    }

    /// Services that are there no longer are forgotten.
    func keep(_ services: Set<String>) {
        self.records.withLock { $0 = $0.filter { services.contains($0.key) } }
    }

    func page(of service: String, _ plan: ShardPlan) -> Page? {
        self.records.withLock { records in
            guard let record = records[service], record.names == plan.services, let first = record.samples.first,
                let last = record.samples.last
            else { return nil }
            return Page(
                now: record.latest, before: first.loads, window: last.at.elapsed(since: first.at),
                hot: Set(record.hot.keys))
        }
    }
}
