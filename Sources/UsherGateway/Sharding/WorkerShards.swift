import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherReplication
import UsherSharding

/// What one worker counted of one shard.
struct ShardLoad: Sendable {
    /// Requests that it was sent and that are over, whoever owns their keys.
    var requests: UInt64 = 0
    /// From the first byte of each to the last byte of its answer.
    var nanoseconds: UInt64 = 0
    /// Both ways.
    var bytes: UInt64 = 0
    /// Requests of its hot keys that another shard was sent.
    var spread: UInt64 = 0
    /// Requests of its keys that went elsewhere because it had no replica or no room for them.
    var overflowed: UInt64 = 0
    /// Reads for which the owner in the map before was asked after a 404.
    var askedEarlier: UInt64 = 0
}

/// One worker's part of a sharded service: its shards, how much they are asked for, and the keys that are spread.
///
/// Confinement: the worker's event loop.
final class WorkerShards {
    let plan: ShardPlan
    /// In the order of the plan's map.
    let services: [WorkerService]
    /// In the order of the earlier map.
    let earlier: [WorkerService]
    private(set) var loads: [ShardLoad]
    /// How often keys were asked for, by the shard that owns them; nil: none of its keys was.
    private var tallies: [KeyTally?]
    private var recent: RecentLoad
    /// Keys that are asked for too often for one shard, with how many should answer for each.
    private var hot: [ShardKey: Int] = [:]
    /// The shards that answer for such a key, found when it is first asked for.
    private var copies: [ShardKey: [Int]] = [:]
    /// Who counts instead, since a reload brought another map; requests that began before hold on to this one.
    private var heir: WorkerShards?
    private unowned let worker: Worker

    /// - Parameters:
    ///   - known: of the same service before; what it counted goes on.
    ///   - service: finds a service by its name.
    init?(_ plan: ShardPlan, known: WorkerShards?, worker: Worker, service: (String) -> WorkerService?) {
        self.plan = plan
        self.worker = worker
        self.services = plan.services.compactMap(service)
        self.earlier = (plan.earlier?.services ?? []).compactMap(service)
        guard self.services.count == plan.services.count,
            self.earlier.count == plan.earlier?.services.count ?? 0
        else { return nil }
        self.loads = Array(repeating: ShardLoad(), count: plan.services.count)
        self.tallies = Array(repeating: nil, count: plan.services.count)
        self.recent = RecentLoad(weights: plan.weights)
        guard let known else { return }
        let places = known.plan.places
        for (index, name) in plan.services.enumerated() {
            guard let place = places[name] else { continue }
            self.loads[index] = known.loads[place]
            // Keys that moved away are forgotten with the next turn of the tallies.
            self.tallies[index] = known.tallies[place]
        }
        self.hot = known.hot
        known.heir = self
    }

    // MARK: Choosing

    /// The shard that a request of a key is sent to.
    struct Choice {
        var shard: Int
        /// The shard that owns the key.
        var owner: Int
        /// How many shards or replicas answer for the key; above 1 it is hot.
        var copies = 1

        var isHot: Bool { self.copies > 1 }
    }

    /// Chooses a shard for a key; nil: nobody owns it.
    ///
    /// - Parameter isRead: the request changes nothing.
    func choose(_ key: Span<UInt8>, _ hash: ShardKey, isRead: Bool) -> Choice? {
        guard let owner = self.plan.map.owner(of: key, hash) else { return nil }
        self.count(key, hash, owner)
        var choice = Choice(shard: owner, owner: owner)
        if !self.hot.isEmpty, let copies = self.hot[hash], isRead || self.spreadsWrites {
            choice.copies = copies
            if self.plan.settings.hotKeys?.across == .shards {
                choice.shard = self.lighter(of: self.copies(of: key, hash, copies), random: &self.worker.random)
            }
        }
        self.overflow(&choice, key, hash)
        return choice
    }

    /// Where a key would be sent, copies of hot ones aside; nothing is counted.
    ///
    /// - Parameter key: empty: the request has none.
    func preview(_ key: [UInt8]) -> Choice? {
        if key.isEmpty { return self.plan.missing.map { Choice(shard: $0, owner: $0) } }
        let hash = ShardKey(key.span)
        guard let owner = self.plan.map.owner(of: key.span, hash) else { return nil }
        var choice = Choice(shard: owner, owner: owner, copies: self.hot[hash] ?? 1)
        self.overflow(&choice, key.span, hash)
        return choice
    }

    /// The replicas of a key in its shard; nil: they all take everything.
    func affinity(of key: ShardKey, copies: Int) -> KeyAffinity? {
        guard self.plan.settings.hotKeys?.across == .replicas else { return nil }
        return KeyAffinity(key: SessionKey(hash: key.hash), copies: copies)
    }

    private func overflow(_ choice: inout Choice, _ key: Span<UInt8>, _ hash: ShardKey) {
        guard self.plan.settings.overflow == .next else { return }
        let bound = self.bound()
        let chosen = self.services[choice.shard]
        if chosen.hasAvailable, !(bound?.isFull(chosen, self.plan.weights[choice.shard]) ?? false) { return }
        choice.shard = self.next(key, hash, after: [], bound) ?? choice.shard
    }

    /// The first shard in a key's order that was not asked yet and may take it; nil: there is none.
    func next(_ key: Span<UInt8>, _ hash: ShardKey, after visited: [Int]) -> Int? {
        self.next(key, hash, after: visited, self.bound())
    }

    private func next(_ key: Span<UInt8>, _ hash: ShardKey, after visited: [Int], _ bound: Bound?) -> Int? {
        self.plan.map.pick(for: key, hash) { shard in
            !visited.contains(shard) && self.services[shard].hasAvailable
        } isFull: { shard in
            bound?.isFull(self.services[shard], self.plan.weights[shard]) ?? false
        }
    }

    /// How much all shards have to do now, to tell which of them have too much. This worker's share stands for the
    /// whole.
    private struct Bound {
        let rule: LoadBound
        var inFlight = 0
        var weights = 0

        func isFull(_ service: WorkerService, _ weight: Int) -> Bool {
            self.rule.isFull(
                load: service.inFlightCount, weight: weight, ofWeights: self.weights, inFlight: self.inFlight)
        }
    }

    /// Nil: loads are not bounded.
    private func bound() -> Bound? {
        guard let rule = self.plan.bound else { return nil }
        var bound = Bound(rule: rule)
        for (index, service) in self.services.enumerated() where service.hasAvailable {
            bound.inFlight += service.inFlightCount
            bound.weights += self.plan.weights[index]
        }
        return bound
    }

    private func copies(of key: Span<UInt8>, _ hash: ShardKey, _ count: Int) -> [Int] {
        if let known = self.copies[hash] { return known }
        let copies = self.plan.map.order(of: key, hash, atMost: count)
        self.copies[hash] = copies
        return copies
    }

    /// The one of two that are drawn that got less lately.
    private func lighter(of copies: [Int], random: inout SeededRandom) -> Int {
        let chosen = HotKeyCopies.choose(among: copies.count, random: &random) { copy in
            self.services[copies[copy]].hasAvailable ? self.recent[copies[copy]] : .max
        }
        guard !self.services[copies[chosen]].hasAvailable else { return copies[chosen] }
        return copies.first { self.services[$0].hasAvailable } ?? copies[chosen]
    }

    private var spreadsWrites: Bool { self.plan.settings.hotKeys?.writes ?? false }

    // MARK: Counting

    private func count(_ key: Span<UInt8>, _ hash: ShardKey, _ owner: Int) {
        if self.tallies[owner] == nil { self.tallies[owner] = KeyTally(capacity: self.plan.tallyCapacity) }
        self.tallies[owner]?.count(hash, text: key)
    }

    func sent(to shard: Int) { self.recent.requestSent(to: shard) }

    func earlierIsAsked(instead owner: Int) { self.count(owner) { $0.askedEarlier &+= 1 } }

    func ended(_ choice: Choice, nanoseconds: UInt64, bytes: Int) {
        self.count(choice.shard) { load in
            load.requests &+= 1
            load.nanoseconds &+= nanoseconds
            load.bytes &+= UInt64(clamping: bytes)
        }
        guard choice.shard != choice.owner else { return }
        self.count(choice.owner) { if choice.isHot { $0.spread &+= 1 } else { $0.overflowed &+= 1 } }
    }

    /// Counts where it will be seen; what is of a shard that is gone is not.
    private func count(_ shard: Int, _ change: (inout ShardLoad) -> Void) {
        guard let heir = self.heir else { return change(&self.loads[shard]) }
        guard let place = heir.plan.services.firstIndex(of: self.plan.services[shard]) else { return }
        heir.count(place, change)
    }

    /// What the control plane asks for now and then, of some of the shards.
    struct Counted: Sendable {
        /// Of their own: part of an array that is still counted in would have to be copied as a whole.
        var loads: [ShardLoad]
        var keys: [ShardCounts]
    }

    /// What some shards of a plan were asked for; the plan may be another than the one that is in force here.
    func loads(_ range: Range<Int>, of plan: ShardPlan) -> [ShardLoad] {
        if plan === self.plan { return Array(self.loads[range]) }
        let places = self.plan.places
        return plan.services[range].map { name in places[name].map { self.loads[$0] } ?? ShardLoad() }
    }

    /// - Parameter rotates: what was counted longest ago is forgotten then.
    func counted(_ range: Range<Int>, rotates: Bool) -> Counted {
        let keys = self.tallies[range].map { tally in
            ShardCounts(total: tally?.total ?? 0, keys: tally?.top(Self.topMaximum) ?? [])
        }
        if rotates {
            for index in range { self.tallies[index]?.rotate() }
            if range.lowerBound == 0 { self.recent.rotate() }
        }
        return Counted(loads: Array(self.loads[range]), keys: keys)
    }

    /// Keys of one shard that are looked at.
    private static let topMaximum = 32

    /// Spreads these keys over so many copies, and no others.
    func spread(_ keys: [ShardKey: Int]) {
        self.hot = keys
        self.copies = self.copies.filter { keys[$0.key] == $0.value.count }
    }
}
