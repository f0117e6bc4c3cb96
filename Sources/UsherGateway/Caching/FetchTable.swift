import Synchronization
import UsherCaching
import UsherCore

/// The answers of one cache that are on their way from a service: who misses the same one waits for it.
///
/// All fetches of one target lie in one part, whatever fields they differ by.
final class FetchTable: Sendable {
    private struct Part: Sendable {
        var fetches: [KeyedHash: CacheFetch] = [:]
        /// Of targets that the cache passes by.
        var probes: [KeyedHash: CacheFetch] = [:]
        /// Targets whose answers could not be kept lately, with the moment until which that is believed.
        var passes = GenerationMap<KeyedHash, MonotonicTime>(capacity: 1024)

        mutating func purge(_ takes: (CacheFetch) -> Bool) {
            for (key, fetch) in self.fetches where takes(fetch) {
                fetch.isPurged.store(true, ordering: .releasing)
                self.fetches[key] = nil
            }
            for (key, probe) in self.probes where takes(probe) {
                probe.isPurged.store(true, ordering: .releasing)
                self.probes[key] = nil
            }
        }
    }

    /// How a request that found nothing goes on.
    enum Place {
        /// It fetches the answer, for itself and for who comes meanwhile.
        case leads
        case follows(CacheFetch)
        /// Waiting for another one's answer would be in vain, and one request looks whether that is still so.
        case passes
        /// This is that one: nobody waits for it.
        case probes

        var isOwn: Bool {
            switch self {
            case .leads, .probes: true
            case .follows, .passes: false
            }
        }
    }

    private static let partBits: UInt64 = 6

    private let parts: [Locked]

    private final class Locked: Sendable {
        let part = Mutex(Part())
    }

    init() {
        self.parts = (0..<(1 << Int(Self.partBits))).map { _ in Locked() }
    }

    /// Takes part in a fetch that there is, or begins one.
    ///
    /// - Parameters:
    ///   - base: the key of the target alone.
    ///   - isKept: there is an answer, so the next one is likely to be kept as well.
    ///   - fetch: makes it.
    func join(
        _ key: KeyedHash, of base: KeyedHash, isKept: Bool, now: MonotonicTime, _ fetch: () -> CacheFetch
    ) -> Place {
        self.withPart(of: base) { part in
            if let known = part.fetches[key] { return .follows(known) }
            if !isKept, let until = part.passes.value(of: key) {
                if now < until {
                    guard part.probes[key] == nil else { return .passes }
                    part.probes[key] = fetch()
                    return .probes
                }
                part.passes.remove(key)
            }
            part.fetches[key] = fetch()
            return .leads
        }
    }

    /// Nobody joins it any more.
    func remove(_ fetch: CacheFetch) {
        self.withPart(of: fetch.base) { part in
            if part.fetches[fetch.key] === fetch { part.fetches[fetch.key] = nil }
            if part.probes[fetch.key] === fetch { part.probes[fetch.key] = nil }
        }
    }

    /// A purge has come: an answer that is on its way now is from before. It is not kept, and who asks from now on does
    /// not wait for it. To be called before answers are taken out of the store, so that none slips in behind.
    func purge(_ rule: PurgeRule) {
        for locked in self.parts { locked.part.withLock { $0.purge(rule.takes) } }
    }

    /// The same for one target.
    func purge(_ base: KeyedHash) {
        self.withPart(of: base) { part in part.purge { $0.base == base } }
    }

    /// Requests for this target do not wait for each other until then.
    func pass(_ key: KeyedHash, of base: KeyedHash, until: MonotonicTime) {
        self.withPart(of: base) { $0.passes.insert(until, for: key) }
    }

    var count: Int {
        self.parts.reduce(0) { count, locked in count + locked.part.withLock { $0.fetches.count } }
    }

    /// How a request would go on; nil: it would lead.
    func peek(_ key: KeyedHash, of base: KeyedHash, now: MonotonicTime) -> Place? {
        self.withPart(of: base) { part in
            if let known = part.fetches[key] { return .follows(known) }
            return part.passes.value(of: key).flatMap { now < $0 ? .passes : nil }
        }
    }

    private func withPart<Result>(of key: KeyedHash, _ body: (inout Part) -> Result) -> Result {
        self.parts[Int(truncatingIfNeeded: key.high &>> (64 &- Self.partBits))].part.withLock { part in body(&part) }
    }
}
