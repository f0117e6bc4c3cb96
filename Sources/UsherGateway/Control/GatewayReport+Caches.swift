import UsherCaching
import UsherConfiguration
import UsherConsole
import UsherCore
import UsherStores
import UsherTelemetry
import UsherTransport

/// The caches as the console and metrics see them.
extension GatewayReport {
    func caches() async -> [CacheReport] {
        let snapshot = self.plane.now.snapshot
        let counted = await self.counted(snapshot)
        return snapshot.caches.map { cache in
            let totals = cache.store.totals
            let count = { (outcome: CacheOutcome) in counted.cache(cache.index, outcome: outcome) }
            return CacheReport(
                name: cache.name, answers: totals.answers, memoryBytes: totals.bytes,
                budgetBytes: Int(clamping: cache.settings.memory.bytes), evictions: totals.evicted,
                onTheirWay: cache.memory.fetches.count,
                requests: .init(
                    hit: count(.hit), stale: count(.stale), staleIfError: count(.staleIfError),
                    revalidated: count(.revalidated), miss: count(.miss), collapsed: count(.collapsed),
                    pass: count(.pass)))
        }
    }

    /// What metrics say of caches beside what workers count.
    func cacheMetrics(_ snapshot: Snapshot) -> [ControlMetrics.Cache] {
        snapshot.caches.map { cache in
            let totals = cache.store.totals
            return ControlMetrics.Cache(
                name: cache.name, answers: totals.answers, memory: totals.bytes, evictions: totals.evicted)
        }
    }

    // MARK: Purging

    func purge(_ request: PurgeRequest) async -> PurgeOutcome {
        let snapshot = self.plane.now.snapshot
        let caches = snapshot.caches.filter { request.cache == nil || $0.name == request.cache }
        guard !caches.isEmpty else {
            guard request.cache == nil else { return .noSuchCache(snapshot.caches.map(\.name)) }
            return .purged(0, "no cache is configured, so there is nothing to purge")
        }
        let rule: PurgeRule
        switch request.what {
        case .tag(let tag):
            guard tag.utf8.count <= SurrogateTags.tagLengthMaximum else {
                return .refused(
                    "no tag is longer than \(SurrogateTags.tagLengthMaximum) bytes; longer ones are not kept")
            }
            rule = .tag(CacheFetch.hash(Array(tag.utf8)))
        case .all: rule = .all
        case .url(let url):
            do throws(PurgeURL.Fault) {
                let url = try PurgeURL(url)
                return Self.outcome(await self.purge(url, of: caches, snapshot, request.isSoft), request, caches)
            } catch {
                return .refused(error.sentence)
            }
        case .prefix(let prefix):
            do throws(PurgeURL.Fault) {
                rule = .prefix(try PurgeURL(prefix).prefix)
            } catch {
                return .refused(error.sentence)
            }
        }
        var count = 0
        for cache in caches { count += await cache.memory.purge(rule, isSoft: request.isSoft) }
        return Self.outcome(count, request, caches)
    }

    private func purge(
        _ url: PurgeURL, of caches: [CachePlan], _ snapshot: Snapshot, _ isSoft: Bool
    ) async -> Int {
        let now = isSoft ? ServiceControl.now : nil
        var count = 0
        // By the keys under which routes keep its answers, because that takes no walk through all of them.
        for route in snapshot.routes {
            guard let use = route.cache, caches.contains(where: { $0 === use.plan }) else { continue }
            let target = use.target(url.target, isSecure: url.isSecure)
            if use.hasOwnKey {
                var scratch: [UInt8] = []
                count += use.purge(
                    url.head, Self.nobody, .anonymous, route, softly: now, sparing: target, &scratch)
            } else {
                count += use.purge(target, softly: now)
            }
        }
        let walked = caches.compactMap { cache -> (CacheMemory, PurgeRule)? in
            let use = snapshot.cacheUses.first { $0.plan === cache }
            guard let use else { return (cache.memory, .target(url.prefix)) }
            // Where all of them are cannot be told from the target.
            return use.hasOwnKey ? (cache.memory, .target(use.target(url.target, isSecure: url.isSecure))) : nil
        }
        for (memory, rule) in walked { count += await memory.purge(rule, isSoft: isSoft) }
        return count
    }

    private static let nobody = Peer(address: nil, trusted: [])

    private static func outcome(_ count: Int, _ request: PurgeRequest, _ caches: [CachePlan]) -> PurgeOutcome {
        let place =
            caches.count == 1 ? "cache \(caches[0].name)" : "caches \(caches.map(\.name).joined(separator: ", "))"
        guard count > 0 else { return .purged(0, "nothing of that is in \(place)") }
        let answers = count == 1 ? "1 answer" : "\(count) answers"
        let done = request.isSoft ? "stale from now on, to be validated when next asked for" : "purged"
        return .purged(count, "\(answers) in \(place) \(count == 1 ? "is" : "are") \(done)")
    }
}

extension CacheMemory {
    /// Returns when the walk is over, with how many answers it took.
    func purge(_ rule: PurgeRule, isSoft: Bool) async -> Int {
        await withCheckedContinuation { continuation in
            self.purge(
                PurgeOrder(rule: rule, isSoft: isSoft, now: ServiceControl.now, isUrgent: true) {
                    continuation.resume(returning: $0)
                })
        }
    }
}
