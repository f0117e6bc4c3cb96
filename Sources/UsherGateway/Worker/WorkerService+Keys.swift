import UsherCore
import UsherReplication
import UsherTransport

/// Where a key belongs in its shard, when replicas do not all take everything.
struct KeyAffinity {
    let key: SessionKey
    /// How many replicas answer for it. At least 1.
    let copies: Int
}

/// What a service is asked as a shard of another one.
extension WorkerService {
    /// The replica that a key has in its shard, or one of the several that a hot one has.
    func home(
        of affinity: KeyAffinity, excluding tried: TriedEndpoints, random: inout SeededRandom
    ) -> Int? {
        guard let rendezvous = self.set.rendezvous else { return nil }
        let rank = affinity.copies > 1 ? random.below(min(affinity.copies, self.endpoints.count)) : 0
        var passed = tried
        var chosen: Int?
        for _ in 0...rank {
            let next = rendezvous.pick(affinity.key) { index in
                self.balancer.isReady(index) && !passed.contains(self.endpoints[index].id)
            }
            // There are fewer than asked for: the last one is as good as any.
            guard let next else { break }
            chosen = next.index
            passed.insert(self.endpoints[next.index].id)
        }
        return chosen
    }

    /// One of its replicas may be picked, not only for want of better ones.
    var hasAvailable: Bool { self.availableCount > 0 && !self.isRetired }

    /// The configuration has it no longer: nothing new may be sent to it.
    var isRetired: Bool { self.index < 0 }

    var inFlightCount: Int { self.balancer.inFlightCount }

    /// Where replicas are at which tries failed; processes of Usher's have places of their own.
    func addresses(of tried: TriedEndpoints) -> [ReplicaAddress] {
        self.endpoints.filter { tried.contains($0.id) && !$0.plan.key.isProcess }.map(\.plan.address)
    }

    /// The replicas that are there, so that no try of a request goes to the same dead place twice.
    func endpoints(at addresses: [ReplicaAddress]) -> TriedEndpoints {
        var result = TriedEndpoints()
        for endpoint in self.endpoints where addresses.contains(endpoint.plan.address) { result.insert(endpoint.id) }
        return result
    }
}
