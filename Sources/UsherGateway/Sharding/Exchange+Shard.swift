import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherReplication
import UsherSharding
import UsherTransport

/// Where a request of a sharded service is, and where it was.
struct ShardTrail {
    let shards: WorkerShards
    /// Nil: the request has none, and went to the shard for those.
    let key: ShardKey?
    var choice: WorkerShards.Choice
    /// Shards that had no replica for it.
    var visited: [Int] = []
    /// Where tries failed, in all shards.
    var failed: [ReplicaAddress] = []
    /// The owner in the earlier map has been asked.
    var hasAskedEarlier = false
}

/// The `pick` phase of a sharded service: the shard, before the replica.
extension Exchange {
    /// The body has to be read before it is known which shard the request is for.
    var needsBodyForShard: Bool {
        guard let shards = self.root.shards, self.trail == nil else { return false }
        return shards.plan.needsBody && !self.body.isComplete
    }

    /// Reads the body until the key in it is known.
    func gatherBody() {
        self.phase = .gathering
        var isEmpty = self.head.framing == .none
        if case .length(let length) = self.head.framing {
            if length > self.root.shards?.plan.bodyLimit ?? .max { return self.end(.bodyTooLargeForKey) }
            isEmpty = length == 0
        }
        self.gatherDeadline()
        self.downstream.resumeBody()
        // It may keep its body back until it is asked for (RFC 9110 §10.1.1).
        if self.head.expectsContinue, !isEmpty, self.body.count == 0 { self.askForBody() }
    }

    /// More of the body has come: there is an end to what is read for one key, and for all together.
    func checkGathered(_ count: Int) {
        self.gatheredBytes += count
        self.worker.gatheredBytes += count
        if self.body.count > self.root.shards?.plan.bodyLimit ?? .max {
            self.end(.bodyTooLargeForKey)
        } else if self.worker.gatheredBytes > Worker.gatheredBytesMax {
            self.end(.tooManyBodies)
        }
    }

    private func gatherDeadline() {
        let timer = DeadlineTimer()
        timer.onFire = { [unowned self] _ in
            self.waitTimer = nil
            if self.phase == .gathering { self.end(.bodyTooSlowForKey) }
        }
        let now = self.worker.loop.now
        let limit = max(self.destination.total, Worker.gatheringMin)
        self.worker.loop.schedule(timer, at: now.nanoseconds &+ limit, now: now)
        self.waitTimer = timer
    }

    /// What the replica would say, when it is not known yet which one that is.
    private func askForBody() {
        var text = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
        let head = ResponseHead()
        guard case .complete = head.parse(&text, requestMethod: self.head.method, limits: ServicePlan.answerLimits)
        else { return }
        self.hasAskedForBody = true
        self.downstream.sendInformational(head)
        self.downstream.flush()
    }

    /// Chooses the shard; false: the request ended here.
    func pickShard(_ shards: WorkerShards, now: MonotonicTime) -> Bool {
        var key: [UInt8] = []
        swap(&key, &self.worker.scratch)
        defer { swap(&key, &self.worker.scratch) }
        key.removeAll(keepingCapacity: true)
        let hasKey =
            shards.plan.readsHeadOnly
            ? shards.plan.rule.append(to: &key, from: HeadSource(self.head))
            : self.writeKey(shards.plan.rule, to: &key)
        var choice: WorkerShards.Choice?
        let hash = ShardKey(key.span)
        if hasKey {
            choice = shards.choose(key.span, hash, isRead: self.isRead)
        } else if let missing = shards.plan.missing {
            choice = WorkerShards.Choice(shard: missing, owner: missing)
        }
        guard let choice else {
            self.end(hasKey ? .keyUnlisted : .keyMissing)
            return false
        }
        guard !shards.services[choice.shard].isRetired else {
            self.end(.serviceGone)
            return false
        }
        self.trail = ShardTrail(shards: shards, key: hasKey ? hash : nil, choice: choice)
        self.move(to: shards.services[choice.shard], now: now)
        shards.sent(to: choice.shard)
        return true
    }

    /// Nil: any replica of the service will do.
    var affinity: KeyAffinity? {
        guard let trail = self.trail, let key = trail.key else { return nil }
        return trail.shards.affinity(of: key, copies: trail.choice.copies)
    }

    private var isRead: Bool { self.head.method == .get || self.head.method == .head }

    /// Makes the request's key; false when it has none.
    private func writeKey(_ rule: KeyRule, to key: inout [UInt8]) -> Bool {
        let source = RequestSource(
            self.head, peer: self.peer, caller: self.admission.caller, plan: self.plan, service: self.root.plan,
            body: self.body.gathered)
        return rule.append(to: &key, from: source)
    }

    /// Another shard may take the request when this one cannot.
    var mayOverflow: Bool {
        guard let trail = self.trail, trail.shards.plan.settings.overflow == .next, let hash = trail.key,
            !trail.hasAskedEarlier
        else { return false }
        var key: [UInt8] = []
        return self.writeKey(trail.shards.plan.rule, to: &key)
            && trail.shards.next(key.span, hash, after: trail.visited + [trail.choice.shard]) != nil
    }

    /// No replica of the shard is left to ask: goes on with the next one, where that is allowed.
    func overflows(now: MonotonicTime) -> Bool {
        guard var trail = self.trail, trail.shards.plan.settings.overflow == .next, !trail.hasAskedEarlier else {
            return false
        }
        trail.visited.append(trail.choice.shard)
        var key: [UInt8] = []
        guard let hash = trail.key, self.writeKey(trail.shards.plan.rule, to: &key),
            let next = trail.shards.next(key.span, hash, after: trail.visited)
        else { return false }
        trail.choice.shard = next
        trail.choice.copies = 1
        self.trail = trail
        self.move(to: trail.shards.services[next], now: now)
        trail.shards.sent(to: next)
        return true
    }

    /// The owner in the map before the last change, when it has to be asked after this status.
    func earlierOwner(afterStatus status: Int) -> WorkerService? {
        guard status == 404, let trail = self.trail, !trail.hasAskedEarlier, let earlier = trail.shards.plan.earlier,
            self.isRead, self.body.isReplayable, WallClock.seconds < earlier.until
        else { return nil }
        var key: [UInt8] = []
        guard self.writeKey(earlier.rule, to: &key), let owner = earlier.map.owner(of: key.span, ShardKey(key.span)),
            trail.shards.earlier.indices.contains(owner)
        else { return nil }
        let service = trail.shards.earlier[owner]
        let hasBeenAsked = service === self.service || trail.visited.contains { trail.shards.services[$0] === service }
        // One that is down is asked as well: nobody knows then that there is no value.
        return hasBeenAsked || service.isRetired ? nil : service
    }

    /// Asks the earlier owner instead: the new one does not have the value yet.
    func askEarlier(_ service: WorkerService, now: MonotonicTime) {
        if let trail = self.trail { trail.shards.earlierIsAsked(instead: trail.choice.owner) }
        self.trail?.hasAskedEarlier = true
        self.move(to: service, now: now)
    }
}
