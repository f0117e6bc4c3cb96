import NIOCore
import UsherCore
import UsherTransport

/// What workers count of sharded services, put together: for the watch that looks for hot keys, and for whoever asks.
extension ControlPlane {
    /// Shards that a worker is asked for at once, so that it is not kept from its requests.
    private static let chunk = 256

    /// Asks every worker for its part of a sharded service, some shards at a time.
    ///
    /// - Parameters:
    ///   - read: called on the worker's loop, with nil when the worker has no such service; returns nil when there is
    ///     no use in going on.
    ///   - take: called with what it read, and of which shards.
    /// - Returns: false when it did not go on to the end.
    @discardableResult
    func gather<Part: Sendable>(
        _ service: String, _ plan: ShardPlan, read: @escaping @Sendable (WorkerShards?, Range<Int>) -> Part?,
        take: (Range<Int>, Part) -> Void
    ) async -> Bool {
        for worker in self.workers {
            for start in stride(from: 0, to: plan.services.count, by: Self.chunk) {
                let range = start..<min(start + Self.chunk, plan.services.count)
                let part = try? await worker.loop.eventLoop.submit { read(worker.shards(of: service), range) }.get()
                guard let part = part ?? nil else { return false }
                take(range, part)
            }
        }
        return true
    }

    /// What all workers counted of each shard until now, in the order of the plan.
    ///
    /// A reload may be on its way, so that some workers go by another plan: shards are known by their names then, and
    /// no count falls.
    func shardLoads(_ service: String, _ plan: ShardPlan) async -> [ShardLoad] {
        var loads = Array(repeating: ShardLoad(), count: plan.services.count)
        await self.gather(service, plan) { shards, range in
            shards?.loads(range, of: plan) ?? []
        } take: { range, counted in
            for (index, load) in zip(range, counted) { loads[index].add(load) }
        }
        return loads
    }
}

extension Worker {
    /// Its part of a sharded service.
    func shards(of service: String) -> WorkerShards? {
        self.services.first { $0.plan.name == service }?.shards
    }
}
