import Logging
import NIOCore
import UsherCore
import UsherTransport

/// Sharded services in the control plane: what workers count of them, put together, and what a changed map needs.
extension ControlPlane {
    /// Counters of keys that a worker is asked for at once, so that it is not kept from its requests.
    private static let chunk = 4096

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
        let step = max(1, Self.chunk / plan.tallyCapacity)
        for worker in self.workers {
            for start in stride(from: 0, to: plan.services.count, by: step) {
                let range = start..<min(start + step, plan.services.count)
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

    // MARK: Changed maps

    /// Says what changed, and ends in time what a change brought for a while.
    func mapsAreInForce(_ snapshot: Snapshot, _ before: Snapshot) {
        let known = Dictionary(
            before.services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for service in snapshot.services {
            let earlier = known[service.name]?.shards
            guard let shards = service.shards, earlier !== shards else { continue }
            shards.log(service.name, before: earlier, self.logger)
            guard let until = shards.earlier?.until, until != earlier?.earlier?.until else { continue }
            self.jobs.add {
                while !Task.isCancelled, WallClock.seconds < until {
                    // The clock may be set meanwhile.
                    try? await Task.sleep(for: .seconds(min(max(until - WallClock.seconds, 1), 60)))
                }
                if !Task.isCancelled { await self.forgetEarlierMaps() }
            }
        }
    }

    /// Shards that only earlier maps know are left when these are needed no longer.
    private func forgetEarlierMaps() async {
        await self.turn.take {
            let snapshot = self.now.snapshot
            guard snapshot.services.contains(where: { $0.isBehind(WallClock.seconds) }) else { return }
            for problem in await self.applyInTurn(snapshot.settings, waits: false) {
                self.logger.warning("\(problem)")
            }
        }
    }
}

extension Worker {
    /// Its part of a sharded service.
    func shards(of service: String) -> WorkerShards? {
        self.services.first { $0.plan.name == service }?.shards
    }
}
