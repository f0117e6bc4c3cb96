public import UsherCore

/// How many requests of each caller are on their way.
///
/// Callers without any are not kept, so there are never more entries than open requests. One shard; whoever shares it
/// puts it under a lock.
public struct InFlightCounts: Sendable {
    private var counts: [KeyedHash: Int] = [:]

    public init() {}

    public func count(of key: KeyedHash) -> Int { counts[key] ?? 0 }

    /// Counts one more request unless there are `limit`; false: it may not begin.
    public mutating func begin(_ key: KeyedHash, limit: Int) -> Bool {
        let count = counts[key] ?? 0
        guard count < limit else { return false }
        counts[key] = count + 1
        return true
    }

    /// One that has begun is over.
    public mutating func end(_ key: KeyedHash) {
        guard let count = counts[key] else { return }
        counts[key] = count > 1 ? count - 1 : nil
    }
}
