import Logging
import NIOCore
import ServiceLifecycle
import UsherConfiguration
import UsherCore
import UsherSharding
import UsherTransport

/// Gathers once a second what workers counted of shards and their keys, and has the hot ones spread.
struct ShardWatch: Service {
    let plane: ControlPlane
    let logger: Logger

    private static let interval = Duration.seconds(1)
    /// After so many rounds what was counted longest ago is forgotten: keys are judged by the last five to ten seconds.
    private static let generation = 5
    /// Keys of one shard that are kept.
    private static let topMaximum = 64

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var round = 0
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                round += 1
                await self.look(rotates: round % Self.generation == 0)
            }
        }
    }

    private func look(rotates: Bool) async {
        let services = self.plane.now.snapshot.services.filter { $0.shards != nil }
        self.plane.shards.keep(Set(services.map(\.name)))
        for service in services {
            guard let plan = service.shards, let shards = await self.counted(service, plan, rotates: rotates),
                let hot = self.plane.shards.take(service.name, plan, shards, now: ServiceControl.now)
            else { continue }
            self.log(service.name, hot.count)
            for worker in self.plane.workers {
                // Keys are hot whatever the map: a reload that came in between does not matter.
                worker.loop.eventLoop.execute { worker.shards(of: service.name)?.spread(hot) }
            }
        }
    }

    /// Nil: a reload came in between.
    private func counted(_ service: ServicePlan, _ plan: ShardPlan, rotates: Bool) async -> [ShardLedger.Shard]? {
        var shards = Array(repeating: ShardLedger.Shard(), count: plan.services.count)
        let isWhole = await self.plane.gather(service.name, plan) { part, range in
            part?.plan === plan ? part?.counted(range, rotates: rotates) : nil
        } take: { range, counted in
            for (index, (load, keys)) in zip(range, zip(counted.loads, counted.keys)) {
                shards[index].load.add(load)
                shards[index].keys.add(keys, keeping: Self.topMaximum)
            }
        }
        return isWhole ? shards : nil
    }

    private func log(_ service: String, _ count: Int) {
        self.logger.info("other keys are hot", metadata: ["service": "\(service)", "hot": "\(count)"])
    }
}

extension ShardLoad {
    mutating func add(_ other: ShardLoad) {
        self.requests &+= other.requests
        self.nanoseconds &+= other.nanoseconds
        self.bytes &+= other.bytes
        self.spread &+= other.spread
        self.overflowed &+= other.overflowed
        self.askedEarlier &+= other.askedEarlier
    }
}
