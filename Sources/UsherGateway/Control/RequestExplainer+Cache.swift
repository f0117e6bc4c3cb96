import NIOCore
import UsherCaching
import UsherConsole
import UsherCore
import UsherHTTP
import UsherStores
import UsherTransport

/// The phase `cache` as it would go; nothing is used and nothing is fetched by asking.
extension RequestExplainer {
    /// What the path does after a look into the cache.
    enum CacheStep {
        /// The service is asked.
        ///
        /// - Parameter standIn: the status of a stale answer that is given when it fails.
        case goesOn(standIn: Int?)
        /// The cache has answered, or has refused to have others do so.
        case ends
    }

    /// What a route's cache would do with a request.
    func look(
        _ plan: RoutePlan, _ caller: Caller, _ head: RequestHead, _ peer: Peer, _ explanation: inout Explanation
    ) -> CacheStep {
        guard let use = plan.cache else { return .goesOn(standIn: nil) }
        explanation.cache = use.plan.name
        if use.isPurge(head) {
            guard use.mayPurge(peer.clientAddress(of: head)) else {
                explanation.refuse(
                    "cache", .purgeDenied,
                    detail: "\(PathRefusal.purgeDenied.answer.why): the client is not in purge-from")
                return .ends
            }
            explanation.add("cache", "\(use.plan.name): PURGE takes all answers of this target out")
            explanation.answer("respond", 200, "says how many answers were purged")
            return .ends
        }
        if let worker = self.commons, let pass = self.pass(use, head, worker) {
            explanation.tell(use, CacheStatus(forward: pass.forward), pass.why)
            return .goesOn(standIn: nil)
        }
        guard self.commons != nil else {
            let why = CachePass(head).map { "asked past it: \($0.why)" } ?? "would be looked up"
            explanation.add("cache", "\(use.plan.name): \(why)")
            return .goesOn(standIn: nil)
        }
        var scratch: [UInt8] = []
        let base = use.key(of: head, peer, caller, plan, &scratch)
        var key = base
        var missed = CacheStatus.Forward.uriMiss
        var entry = use.plan.store.peek(base)
        if case .variants(let variants) = entry {
            key = CacheUse.variant(base, variants.names, head, &scratch)
            entry = use.plan.store.peek(key)
            missed = .varyMiss
        }
        let directives = RequestDirectives(head)
        if case .answer(let answer) = entry, !use.plan.memory.walk.takes(answer) {
            return self.judge(answer, use, directives, &explanation)
        }
        if directives.onlyIfCached { return explanation.refuseNotCached(use, missed) }
        explanation.tell(
            use, CacheStatus(forward: missed),
            self.miss(use, missed, key, base, directives, isHead: head.method == .head))
        return .goesOn(standIn: nil)
    }

    private func pass(
        _ use: CacheUse, _ head: RequestHead, _ commons: WorkerCommons
    ) -> (forward: CacheStatus.Forward, why: String)? {
        if let pass = CachePass(head) { return (pass.forward, "\(pass.why)") }
        return commons.isBypassed(head) ? (.bypass, "the operator wants an answer of the service") : nil
    }

    private func judge(
        _ answer: StoredAnswer, _ use: CacheUse, _ directives: RequestDirectives, _ explanation: inout Explanation
    ) -> CacheStep {
        let now = ServiceControl.now
        let facts = answer.facts
        let left = facts.timeToLive(now: now)
        let hit = CacheStatus(isHit: true, timeToLive: left)
        switch ReuseRule.judge(facts, directives, now: now) {
        case .fresh:
            explanation.hit(use, hit, answer, "a hit, fresh for \(left) s more")
        case .staleWhileRevalidate:
            explanation.hit(
                use, hit, answer, "a hit, stale since \(-left) s; the service is asked behind the client's back")
        case .stale:
            explanation.hit(use, hit, answer, "a hit, stale since \(-left) s, which the client takes")
        case .validate(let reason):
            let forward: CacheStatus.Forward = reason == .stale ? .stale : .request
            if directives.onlyIfCached { return explanation.refuseNotCached(use, forward) }
            var why =
                switch reason {
                case .request: "the client does not take the answer that is there, \(facts.age(now: now)) s old"
                case .stale where facts.noCache: "the answer that is there must be validated each time"
                case .stale where left > 0: "the answer that is there is not to be given"
                case .stale: "the answer that is there is stale since \(-left) s"
                }
            why +=
                facts.hasValidator
                ? "; the service is asked whether it still holds" : "; the service is asked for another"
            let standsIn = ReuseRule.mayServeOnError(facts, directives, now: now)
            if standsIn { why += ", and this one stands in when that fails" }
            explanation.tell(use, CacheStatus(forward: forward), why)
            return .goesOn(standIn: standsIn ? Int(answer.status) : nil)
        }
        return .ends
    }

    private func miss(
        _ use: CacheUse, _ missed: CacheStatus.Forward, _ key: KeyedHash, _ base: KeyedHash,
        _ directives: RequestDirectives, isHead: Bool
    ) -> String {
        let why = missed == .varyMiss ? "a miss, its answers are for other values of what Vary names" : "a miss"
        if directives.noStore { return why + "; the client wants nothing kept" }
        if isHead { return why + "; HEAD brings no answer that could be kept" }
        switch use.plan.memory.fetches.peek(key, of: base, now: ServiceControl.now) {
        case .follows: return why + "; an answer is on its way, for which the request waits"
        case .passes, .probes: return why + "; an answer that came lately could not be kept"
        case .leads, nil: return why + "; the service is asked, and its answer kept if it may be"
        }
    }
}

extension Explanation {
    /// What would stand in `Cache-Status`, and why.
    fileprivate mutating func tell(_ use: CacheUse, _ status: CacheStatus, _ why: String) {
        var line = ByteBuffer()
        line.writeHead(reserving: CacheStatus.lineCount) { writer in status.write(to: &writer) }
        let text = String(buffer: line)
        self.cacheStatus = String(text.dropFirst("Cache-Status: ".count).prefix { !$0.isNewline })
        self.add("cache", "\(use.plan.name): \(why)")
    }

    fileprivate mutating func hit(_ use: CacheUse, _ status: CacheStatus, _ answer: StoredAnswer, _ why: String) {
        self.tell(use, status, why)
        self.action = "cache"
        self.status = Int(answer.status)
        self.why = "cache \(use.plan.name) has an answer: \(why)"
    }

    fileprivate mutating func refuseNotCached(
        _ use: CacheUse, _ forward: CacheStatus.Forward
    ) -> RequestExplainer.CacheStep {
        self.tell(use, CacheStatus(forward: forward), "nothing that may be given, and the client wants no other")
        let refusal = PathRefusal.notCached
        self.refuse("reply", refusal, detail: "\(refusal.answer.why)")
        return .ends
    }
}
