import NIOCore
import UsherCaching
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherTransport

/// What takes answers out of caches on the request's path: `PURGE`, and methods that change their target.
extension Worker {
    /// Takes the answers of a request's target out of the route's cache, all that differ by fields of the request.
    func purged(
        _ use: CacheUse, _ admission: consuming Admission, _ downstream: any Downstream, _ plan: RoutePlan
    ) -> any DownstreamHandler {
        let head = downstream.head
        let client = downstream.peer.clientAddress(of: head)
        guard use.mayPurge(client) else {
            return self.refusal(.purgeDenied, downstream, plan: plan, admission)
        }
        var target: [UInt8] = []
        use.writeTarget(of: head, isSecure: downstream.peer.isSecure(head), to: &target)
        guard use.hasOwnKey else {
            // Another route, for other methods say, may have kept it.
            let count = self.snapshot.cacheUses.reduce(0) { count, other in
                other.plan === use.plan ? count + other.purge(target) : count
            }
            return LocalExchange(self, downstream, plan, admission, .purged(count))
        }
        let count = use.purge(head, downstream.peer, admission.caller, plan, &self.scratch)
        return PurgeExchange(self, downstream, plan, admission, use.plan.memory, target, purged: count)
    }

    /// A service has done something at a target: what was kept of it is no longer right (RFC 9111 §4.4).
    func invalidate(after answer: ResponseHead, to exchange: Exchange) {
        let head = exchange.head
        let caches = self.snapshot.caches
        guard !caches.isEmpty, Invalidation.isUnsafe(head.method), Invalidation.happens(status: answer.status) else {
            return
        }
        let isSecure = exchange.peer.isSecure(head)
        for target in Invalidation.targets(head, answer, isSecure: isSecure) {
            for use in self.snapshot.cacheUses where !use.hasOwnKey {
                use.purge(use.target(target, isSecure: isSecure))
            }
            for plan in caches where plan.settings.key != nil {
                guard let use = self.snapshot.cacheUses.first(where: { $0.plan === plan }) else { continue }
                plan.memory.purge(
                    PurgeOrder(
                        rule: .target(use.target(target, isSecure: isSecure)), isSoft: false, now: self.loop.now,
                        isUrgent: false, done: { _ in }))
            }
        }
        if let use = exchange.plan.cache, use.hasOwnKey {
            // Whatever target it was kept for, this is what a request for this one would get.
            use.purge(head, exchange.peer, exchange.admission.caller, exchange.plan, &self.scratch)
        }
    }
}

extension CacheUse {
    /// Whether a request means the cache: with `purge-from`, `PURGE` is no service's business.
    func isPurge(_ head: RequestHead) -> Bool {
        head.method == .other && !self.plan.settings.purgeFrom.isEmpty && head.equals(head.methodSlice, "PURGE")
    }

    /// Whether `PURGE` of this client is obeyed.
    func mayPurge(_ client: IPAddress?) -> Bool {
        client.map { client in self.plan.settings.purgeFrom.contains { $0.contains(client) } } ?? false
    }
}

/// A `PURGE` for a cache with a key of its own, which is answered when all answers have been looked through.
///
/// Confinement: one event loop.
final class PurgeExchange: DownstreamHandler {
    private let worker: Worker
    private let downstream: any Downstream
    private let plan: RoutePlan
    private let memory: CacheMemory
    private let target: [UInt8]
    /// Answers that are gone already.
    private let purged: Int
    private var admission: Admission?
    private var local: LocalExchange?
    private var isOver = false

    init(
        _ worker: Worker, _ downstream: any Downstream, _ plan: RoutePlan, _ admission: consuming Admission,
        _ memory: CacheMemory, _ target: [UInt8], purged: Int
    ) {
        self.worker = worker
        self.downstream = downstream
        self.plan = plan
        self.memory = memory
        self.target = target
        self.purged = purged
        self.admission = consume admission
    }

    func begin() {
        // It is called on its own loop.
        nonisolated(unsafe) let exchange = self
        let loop = self.worker.loop.eventLoop
        self.memory.purge(
            PurgeOrder(rule: .target(self.target), isSoft: false, now: self.worker.loop.now, isUrgent: true) { count in
                loop.execute { exchange.answer(count) }
            })
    }

    private func answer(_ count: Int) {
        guard !self.isOver, let admission = self.admission.take() else { return }
        let local = LocalExchange(self.worker, self.downstream, self.plan, admission, .purged(self.purged + count))
        self.local = local
        local.begin()
    }

    func exchangeEnded() {
        self.isOver = true
        self.local?.exchangeEnded()
    }

    func downstreamClosed(_ reason: DownstreamEnd) {
        self.isOver = true
        if let local = self.local { return local.downstreamClosed(reason) }
        self.worker.account(
            self.downstream, plan: self.plan, self.admission, status: 0,
            why: "the client closed the connection before the purge was over")
        self.admission?.release()
    }

    // The answer does not depend on the body, which the connection throws away.
    var keptBytes: Int { 0 }

    func requestBody(_ data: ByteBuffer) {}
    func requestEnd(_ trailers: Trailers?) {}
    func requestReadComplete() {}
    func downstreamIsWritable() {}
}

extension LocalAnswer {
    fileprivate static func purged(_ count: Int) -> LocalAnswer {
        LocalAnswer(
            status: 200, body: ByteBuffer(string: "{\"purged\":\(count)}\n"), contentType: "application/json")
    }
}
