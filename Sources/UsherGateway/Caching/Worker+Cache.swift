import NIOCore
import Synchronization
import UsherCaching
import UsherCore
import UsherHTTP
import UsherStores
import UsherTelemetry
import UsherTransport

/// What the `cache` phase found.
enum CacheFinding {
    /// An answer that may be given now; `refreshes`: it is freshened behind the client's back.
    case hit(StoredAnswer, refreshes: CacheTarget?)
    /// An answer is on its way, or has to be fetched.
    case fetch(CacheFetch, CacheStatus.Forward, leads: Bool)
    /// The service is asked as if there were no cache.
    case pass(CacheStatus.Forward)
    /// The client wanted an answer of the cache or none (RFC 9111 §5.2.1.7).
    case onlyIfCached
}

/// Where an answer would be that the service has to be asked for.
final class CacheTarget {
    let use: CacheUse
    /// Of the target alone.
    let base: KeyedHash
    /// With the selecting fields, where they are known.
    let key: KeyedHash
    let directives: RequestDirectives
    let stale: StoredAnswer?

    init(_ use: CacheUse, base: KeyedHash, key: KeyedHash, _ directives: RequestDirectives, stale: StoredAnswer?) {
        self.use = use
        self.base = base
        self.key = key
        self.directives = directives
        self.stale = stale
    }
}

/// The `cache` phase (RFC 9111).
extension Worker {
    /// Fields of a request that are the client's business with us and not part of what is fetched.
    private static let ownConditions: HeaderSet = [
        .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .range, .host,
    ]

    /// Some frameworks let these say what is asked for, beside the target.
    private static let overrides = [
        "x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url", "x-host",
    ].map { Array($0.utf8) }

    /// Follows a request of a route that has a cache.
    func cached(
        _ use: CacheUse, _ admission: consuming Admission, _ downstream: any Downstream, _ plan: RoutePlan
    ) -> any DownstreamHandler {
        if use.isPurge(downstream.head) { return self.purged(use, admission, downstream, plan) }
        let finding = self.look(use, admission.caller, downstream, plan)
        switch finding {
        case .pass(let reason):
            self.metrics.cacheAsked(cache: self.cacheIndex(of: use.plan), outcome: .pass)
            return self.forwarding(admission, downstream, plan, .passes(CacheStatus(forward: reason)))
        case .onlyIfCached:
            self.metrics.cacheAsked(cache: self.cacheIndex(of: use.plan), outcome: .pass)
            return self.refusal(.notCached, downstream, plan: plan, admission)
        case .hit, .fetch:
            return CachedExchange(self, downstream, plan, use, admission, finding)
        }
    }

    /// What the cache has for a request.
    func look(_ use: CacheUse, _ caller: Caller, _ downstream: any Downstream, _ plan: RoutePlan) -> CacheFinding {
        let head = downstream.head
        let peer = downstream.peer
        if let reason = CachePass(head) { return .pass(reason.forward) }
        if head.known.contains(.usher), self.isBypassed(head) { return .pass(.bypass) }
        let base = use.key(of: head, peer, caller, plan, &self.scratch)
        var key = base
        var missed = CacheStatus.Forward.uriMiss
        var entry = use.plan.memory.store.find(base)
        if case .variants(let variants) = entry {
            key = CacheUse.variant(base, variants.names, head, &self.scratch)
            entry = use.plan.memory.store.find(key)
            missed = .varyMiss
        }
        let directives = RequestDirectives(head)
        var stale: StoredAnswer?
        if case .answer(let answer) = entry, !use.plan.memory.walk.takes(answer) {
            switch ReuseRule.judge(answer.facts, directives, now: self.loop.now) {
            case .fresh, .stale:
                return .hit(answer, refreshes: nil)
            case .staleWhileRevalidate:
                return .hit(answer, refreshes: CacheTarget(use, base: base, key: key, directives, stale: answer))
            case .validate(let reason):
                stale = answer
                missed = reason == .request ? .request : .stale
            }
        }
        if directives.onlyIfCached { return .onlyIfCached }
        // What must not be kept is nobody else's, and a HEAD brings no body (RFC 9111 §5.2.1.5).
        if directives.noStore || (head.method == .head && stale == nil) { return .pass(missed) }
        let target = CacheTarget(use, base: base, key: key, directives, stale: stale)
        return self.join(target, missed, caller, downstream, plan)
    }

    /// Waits for somebody else's answer, or begins to fetch one.
    private func join(
        _ target: CacheTarget, _ reason: CacheStatus.Forward, _ caller: Caller, _ downstream: any Downstream,
        _ plan: RoutePlan
    ) -> CacheFinding {
        var begun: CacheFetch?
        let place = target.use.plan.memory.fetches.join(
            target.key, of: target.base, isKept: target.stale != nil, now: self.loop.now
        ) {
            let fetch = self.fetch(target, caller, downstream, plan, isBackground: false)
            begun = fetch
            return fetch
        }
        switch place {
        case .passes: return .pass(reason)
        case .follows(let fetch): return .fetch(fetch, reason, leads: false)
        case .leads, .probes:
            guard let begun else { return .pass(reason) }
            // Somebody may have brought it between our look and this.
            if case .answer(let answer) = target.use.plan.store.peek(target.key), answer !== target.stale,
                !target.use.plan.memory.walk.takes(answer),
                ReuseRule.judge(answer.facts, target.directives, now: self.loop.now) == .fresh
            {
                begun.settleUnasked(answer)
                return .hit(answer, refreshes: nil)
            }
            return .fetch(begun, reason, leads: true)
        }
    }

    /// Freshens an answer that was given though it is stale (RFC 5861 §3).
    func refresh(_ target: CacheTarget, _ caller: Caller, _ downstream: any Downstream, _ plan: RoutePlan) {
        var begun: CacheFetch?
        let place = target.use.plan.memory.fetches.join(
            target.key, of: target.base, isKept: target.stale != nil, now: self.loop.now
        ) {
            let fetch = self.fetch(target, caller, downstream, plan, isBackground: true)
            begun = fetch
            return fetch
        }
        guard place.isOwn, let begun else { return }
        if !self.start(begun, caller, plan) { begun.settleUnasked(nil) }
    }

    /// Asks the service on a fetch's behalf; false: it is gone.
    func start(_ fetch: CacheFetch, _ caller: Caller, _ plan: RoutePlan) -> Bool {
        guard let destination = self.destination(of: plan), let service = self.service(of: destination, plan) else {
            return false
        }
        fetch.start(Exchange(self, fetch, plan, destination, service, Admission(caller), .fills(fetch)))
        return true
    }

    private func fetch(
        _ target: CacheTarget, _ caller: Caller, _ downstream: any Downstream, _ plan: RoutePlan, isBackground: Bool
    ) -> CacheFetch {
        let head = downstream.head
        var text: [UInt8] = []
        target.use.writeTarget(of: head, isSecure: downstream.peer.isSecure(head), to: &text)
        return CacheFetch(
            self, target.use, key: target.key, base: target.base, target: text,
            of: Self.head(of: head, target.use, conditions: target.stale), downstream, target.directives,
            stale: target.stale,
            isBackground: isBackground,
            isAuthorized: !caller.isAnonymous || head.known.contains(.authorization))
    }

    /// The request for a whole answer: without what the client knows already, with what we know.
    private static func head(
        of head: RequestHead, _ use: CacheUse, conditions stale: StoredAnswer?
    ) -> RequestHead {
        var text = ByteBufferAllocator().buffer(capacity: head.bytes.readableBytes + 256)
        text.writeStaticString("GET ")
        var target: [UInt8] = []
        use.writePathAndQuery(of: head, to: &target)
        text.writeBytes(target)
        text.writeStaticString(" HTTP/1.1\r\nHost: ")
        head.copy(head.authority, to: &text)
        text.writeStaticString("\r\n")
        head.copyFields(to: &text, dropping: self.ownConditions, droppingNames: self.overrides)
        if let stale {
            var lines: [UInt8] = []
            let bytes = stale.bytes
            Validators.writeConditions(from: bytes.span.extracting(stale.lines), to: &lines)
            text.writeBytes(lines)
        }
        text.writeStaticString("\r\n")
        let copy = RequestHead()
        // It was parsed before, and what was added is well formed.
        _ = copy.parse(&text, limits: HeadLimits(head: .max, requestLine: .max, fields: .max))
        return copy
    }

    /// The number that a cache's counters have now; see `routeIndex`.
    func cacheIndex(of plan: CachePlan) -> Int {
        let caches = self.snapshot.caches
        if caches.indices.contains(plan.index), caches[plan.index] === plan { return plan.index }
        return caches.firstIndex { $0.name == plan.name } ?? -1
    }
}
