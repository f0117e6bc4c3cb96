import UsherCaching
import UsherConfiguration
import UsherHTTP
import UsherStores
import UsherTransport

/// What a cache has to do with an exchange.
enum CacheRole {
    /// The route has none.
    case none
    /// The service is asked as if there were none; what the answer says of that.
    case passes(CacheStatus)
    /// The answer is for a cache, and for those who wait for it there.
    case fills(CacheFetch)
}

extension Worker {
    /// A service has answered: what that means for answers that are kept.
    func answerArrived(_ answer: ResponseHead, to exchange: Exchange) {
        let head = exchange.head
        if !head.method.isSafe { return self.invalidate(after: answer, to: exchange) }
        // An answer to HEAD tells whether the one to GET is still right (RFC 9111 §4.3.5).
        guard head.method == .head, case .passes = exchange.cache, let use = exchange.plan.cache else { return }
        // Not one that was meant for somebody in particular.
        guard exchange.admission.caller.isAnonymous, !head.known.contains(.authorization),
            !RequestDirectives(head).noStore, !answer.known.contains(.setCookie), use.names(answer) != nil
        else { return }
        self.update(use, by: answer, exchange)
    }

    private func update(_ use: CacheUse, by answer: ResponseHead, _ exchange: Exchange) {
        var key = use.key(
            of: exchange.head, exchange.peer, exchange.admission.caller, exchange.plan, &self.scratch)
        if case .variants(let variants) = use.plan.store.peek(key) {
            key = CacheUse.variant(key, variants.names, exchange.head, &self.scratch)
        }
        guard case .answer(let stored) = use.plan.store.peek(key) else { return }
        let bytes = stored.bytes
        let lines = bytes.span.extracting(stored.lines)
        switch HeadUpdate.judge(lines, storedLength: stored.length, answer) {
        case .leave: return
        case .invalidate:
            var facts = stored.facts
            facts.expire(now: self.loop.now)
            use.plan.store.replace(stored, with: StoredAnswer(stored, facts: facts), for: key)
        case .update:
            let new = Freshening.refresh(
                lines, status: Int(stored.status), with: answer, date: self.loop.dateLine,
                requestedAt: exchange.downstream.startedAt, receivedAt: self.loop.now,
                unixSeconds: WallClock.seconds)
            guard new.mayBeStored else {
                use.plan.store.remove(key)
                return
            }
            use.plan.store.replace(stored, with: StoredAnswer(stored, facts: new.facts, lines: new.lines), for: key)
        }
    }
}

extension Worker {
    /// Whether a request wants no answer of the cache, and may: it is signed with the operator's token.
    func isBypassed(_ head: RequestHead) -> Bool { self.commons.isBypassed(head) }
}

extension WorkerCommons {
    func isBypassed(_ head: RequestHead) -> Bool {
        guard let value = head.first(named: "usher-cache-bypass") else { return false }
        return head.withBytes(value) { bytes in
            CacheBypass.isValid(bytes, token: self.adminToken, unixSeconds: WallClock.seconds)
        }
    }
}
