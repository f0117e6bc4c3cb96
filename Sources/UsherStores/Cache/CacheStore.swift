package import UsherCaching
package import UsherCore

/// Where a cache keeps its answers. All calls come from event loops and hold no lock for longer than a look-up;
/// memory is the first tier, and one on disk would be another of these.
package protocol CacheStore: Sendable {
    /// What is there under a key; counts as a use.
    func find(_ key: KeyedHash) -> CacheEntry?
    /// The same without counting it: for who only wants to know.
    func peek(_ key: KeyedHash) -> CacheEntry?
    /// Keeps an answer that does not depend on the request's fields.
    func insert(_ answer: StoredAnswer, for key: KeyedHash)
    /// Keeps an answer for requests with the same selecting fields.
    ///
    /// - Parameters:
    ///   - key: of the target.
    ///   - variant: of the target with its selecting fields.
    func insert(_ answer: StoredAnswer, for key: KeyedHash, variant: KeyedHash, names: VaryNames)
    /// Puts a changed answer in the place of another, unless that has gone meanwhile.
    func replace(_ answer: StoredAnswer, with other: StoredAnswer, for key: KeyedHash)
    /// Forgets a target with all that differs by fields; returns how many answers that were.
    @discardableResult
    func remove(_ key: KeyedHash) -> Int
    /// Shows all answers, a few at a time, so that no lock is held long.
    func visit(_ body: (KeyedHash, StoredAnswer) -> Void)

    var totals: CacheTotals { get }
}

/// What a store holds.
package struct CacheTotals: Sendable, Hashable {
    package var answers = 0
    /// With everything that the answers take. Unit: bytes.
    package var bytes = 0
    /// Answers that had to go because their room was needed.
    package var evicted: UInt64 = 0

    package init() {}
}
