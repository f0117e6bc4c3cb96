internal import Synchronization
package import UsherCore
package import UsherQuotas

/// A quota's callers in this process's memory, shared by all workers: in parts with a lock each, held for one look-up.
package final class LocalQuotaStore: Sendable {
    private final class Part: Sendable {
        let table: Mutex<QuotaTable>
        let inFlight = Mutex(InFlightCounts())

        init(windows: Int, capacity: Int) {
            self.table = Mutex(QuotaTable(windows: windows, capacity: capacity))
        }
    }

    /// Live callers that one quota remembers.
    package static let capacityDefault = 1_000_000
    private static let partBits: UInt64 = 6
    /// However little memory there is. Unit: callers.
    private static let capacityLeast = 1000

    private let parts: [Part]
    /// The same for all stores of a process, so that a caller has one name wherever it is counted.
    private static let secret = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

    /// - Parameter windows: of the quota's limits, at most.
    package init(windows: Int, capacity: Int = LocalQuotaStore.capacityDefault) {
        let count = 1 << Int(Self.partBits)
        self.parts = (0..<count).map { _ in Part(windows: windows, capacity: (max(capacity, 1) + count - 1) / count) }
    }

    /// With room for as many callers as fit into `memory`, and for no more than `capacityDefault`.
    package convenience init(windows: Int, memory: UInt64) {
        let fitting = Int(clamping: memory) / QuotaTable.bytesPerCaller(windows: windows)
        self.init(windows: windows, capacity: min(max(fitting, Self.capacityLeast), Self.capacityDefault))
    }

    /// The name under which a caller is counted.
    ///
    /// - Parameter space: callers of the same name in different spaces count apart.
    package func key(_ caller: Span<UInt8>, space: UInt64) -> KeyedHash {
        KeyedHash(value: caller, secret: Self.secret, space: space)
    }

    package func take(_ key: KeyedHash, _ limit: QuotaLimit, cost: UInt64, now: MonotonicTime) -> QuotaDecision {
        self.part(of: key).table.withLock { $0.take(key, limit, cost: cost, now: now) }
    }

    /// Gives back what was taken for something that did not come about.
    package func giveBack(_ key: KeyedHash, _ limit: QuotaLimit, cost: UInt64, now: MonotonicTime) {
        self.part(of: key).table.withLock { $0.giveBack(key, limit, cost: cost, now: now) }
    }

    /// What is used, without using any of it.
    package func debts(of key: KeyedHash, _ limit: QuotaLimit, now: MonotonicTime) -> QuotaDebts {
        self.part(of: key).table.withLock { $0.debts(of: key, limit, now: now) }
    }

    /// Counts a request that begins; false: the caller has `limit` of them already.
    package func begin(_ key: KeyedHash, limit: Int) -> Bool {
        self.part(of: key).inFlight.withLock { $0.begin(key, limit: limit) }
    }

    package func end(_ key: KeyedHash) {
        self.part(of: key).inFlight.withLock { $0.end(key) }
    }

    package func inFlight(_ key: KeyedHash) -> Int {
        self.part(of: key).inFlight.withLock { $0.count(of: key) }
    }

    /// Live callers that had to go because their places were needed, and bytes in use.
    package var totals: (evicted: UInt64, memory: Int) {
        self.parts.reduce((0, 0)) { sum, part in
            part.table.withLock { (sum.0 &+ $0.evicted, sum.1 + $0.memory) }
        }
    }

    private func part(of key: KeyedHash) -> Part {
        // The count is a power of two; the table uses the other word.
        self.parts[Int(truncatingIfNeeded: key.high &>> (64 &- Self.partBits))]
    }
}
