import Synchronization
import UsherCaching
import UsherCore

/// The answers of one cache that are on their way from a service: who misses the same one waits for it.
final class FetchTable: Sendable {
    private struct Part: Sendable {
        var fetches: [KeyedHash: CacheFetch] = [:]
        /// Targets whose answers could not be kept lately, with the moment until which that is believed.
        var passes = GenerationMap<KeyedHash, MonotonicTime>(capacity: 1024)
    }

    /// How a request that found nothing goes on.
    enum Place {
        /// It fetches the answer, for itself and for who comes meanwhile.
        case leads
        case follows(CacheFetch)
        /// Waiting for another one's answer would be in vain.
        case passes
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
    ///   - isKept: there is an answer, so the next one is likely to be kept as well.
    ///   - fetch: makes it.
    func join(_ key: KeyedHash, isKept: Bool, now: MonotonicTime, _ fetch: () -> CacheFetch) -> Place {
        self.withPart(of: key) { part in
            if let known = part.fetches[key] { return .follows(known) }
            if !isKept, let until = part.passes.value(of: key) {
                if now < until { return .passes }
                part.passes.remove(key)
            }
            part.fetches[key] = fetch()
            return .leads
        }
    }

    /// Nobody joins it any more.
    func remove(_ fetch: CacheFetch, at key: KeyedHash) {
        self.withPart(of: key) { part in
            if part.fetches[key] === fetch { part.fetches[key] = nil }
        }
    }

    /// Requests for this target do not wait for each other until then.
    func pass(_ key: KeyedHash, until: MonotonicTime) {
        self.withPart(of: key) { $0.passes.insert(until, for: key) }
    }

    var isEmpty: Bool {
        self.parts.allSatisfy { $0.part.withLock { $0.fetches.isEmpty } }
    }

    private func withPart<Result>(of key: KeyedHash, _ body: (inout Part) -> Result) -> Result {
        self.parts[Int(truncatingIfNeeded: key.high &>> (64 &- Self.partBits))].part.withLock { part in body(&part) }
    }
}
