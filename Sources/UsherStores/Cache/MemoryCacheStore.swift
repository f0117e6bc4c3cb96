internal import Synchronization
package import UsherCaching
package import UsherCore

/// Answers in this process's memory, shared by all workers: in parts with a lock each, and one budget for all.
package final class MemoryCacheStore: CacheStore {
    private final class Part: Sendable {
        let index = Mutex(CacheIndex())
    }

    private static let partBitsMaximum: UInt64 = 6
    /// A part with less would hold too few answers to tell which of them are worth keeping. Unit: bytes.
    private static let partBytes = 4 << 20
    /// Entries that go, or are shown, under one lock.
    private static let turn = 64

    private let parts: [Part]
    private let partBits: UInt64
    /// The part that gives way next.
    private let next = Atomic<Int>(0)
    private let budget: Atomic<Int>
    private let used = Atomic<Int>(0)
    private let evicted = Atomic<UInt64>(0)

    /// - Parameter budget: of all answers together. Unit: bytes.
    package init(budget: Int) {
        self.budget = Atomic(budget)
        var bits: UInt64 = 0
        while bits < Self.partBitsMaximum, budget >> bits > Self.partBytes { bits += 1 }
        self.partBits = bits
        self.parts = (0..<(1 << Int(bits))).map { _ in Part() }
    }

    package var budgetBytes: Int { self.budget.load(ordering: .relaxed) }

    /// A reload has changed it; what does not fit any more goes at once.
    package func setBudget(_ bytes: Int) {
        self.budget.store(bytes, ordering: .relaxed)
        self.makeRoom()
    }

    // MARK: CacheStore

    package func find(_ key: KeyedHash) -> CacheEntry? {
        self.parts[self.place(of: key)].index.withLock { $0.find(key) }
    }

    package func peek(_ key: KeyedHash) -> CacheEntry? {
        self.parts[self.place(of: key)].index.withLock { $0.peek(key) }
    }

    package func insert(_ answer: StoredAnswer, for key: KeyedHash) {
        let before = self.change(at: key) { index in
            let before = index.peek(key)
            index.insert(.answer(answer), for: key, size: answer.size + CacheIndex.entryBytes)
            return before
        }
        if case .variants(let variants) = before { for key in variants.keys { self.drop(key) } }
        self.makeRoom(sparing: key)
    }

    package func insert(_ answer: StoredAnswer, for key: KeyedHash, variant: KeyedHash, names: VaryNames) {
        // The answer first, so that whoever finds its key finds it as well.
        self.change(at: variant) { index in
            index.insert(.answer(answer), for: variant, size: answer.size + CacheIndex.entryBytes)
        }
        let gone = self.change(at: key) { index in
            var known = Variants(names: names, keys: [], target: Array(answer.bytes[answer.target]))
            if case .variants(let variants) = index.peek(key) { known = variants }
            let (variants, gone) = known.adding(variant, names: names)
            index.insert(.variants(variants), for: key, size: variants.size + CacheIndex.entryBytes)
            return gone
        }
        for key in gone where key != variant { self.drop(key) }
        self.makeRoom(sparing: variant)
    }

    package func replace(_ answer: StoredAnswer, with other: StoredAnswer, for key: KeyedHash) {
        self.change(at: key) { index in
            guard case .answer(let known) = index.peek(key), known === answer else { return }
            index.insert(.answer(other), for: key, size: other.size + CacheIndex.entryBytes)
        }
        self.makeRoom(sparing: key)
    }

    @discardableResult
    package func remove(_ key: KeyedHash) -> Int {
        self.drop(key).map(self.answers(goneWith:)) ?? 0
    }

    package func visit(_ body: (KeyedHash, StoredAnswer) -> Void) {
        for part in self.parts {
            var next: Int? = 0
            while let start = next {
                var seen: [(KeyedHash, StoredAnswer)] = []
                next = part.index.withLock { index in
                    index.visit(from: start, limit: Self.turn) { key, entry in
                        if case .answer(let answer) = entry { seen.append((key, answer)) }
                    }
                }
                for (key, answer) in seen { body(key, answer) }
            }
        }
    }

    package var totals: CacheTotals {
        var totals = CacheTotals()
        for part in self.parts {
            part.index.withLock { index in
                totals.answers += index.answerCount
                totals.bytes += index.bytes
            }
        }
        totals.evicted = self.evicted.load(ordering: .relaxed)
        return totals
    }

    // MARK: Room

    @discardableResult
    private func drop(_ key: KeyedHash) -> CacheEntry? {
        self.change(at: key) { $0.remove(key) }
    }

    /// Changes a key's part and keeps the sum.
    @discardableResult
    private func change<Result>(at key: KeyedHash, _ body: (inout CacheIndex) -> Result) -> Result {
        self.parts[self.place(of: key)].index.withLock { index in
            let before = index.bytes
            defer { self.used.add(index.bytes - before, ordering: .relaxed) }
            return body(&index)
        }
    }

    /// Drops what is worth least in one part after the other, one from each, until the sum fits.
    private func makeRoom(sparing key: KeyedHash? = nil) {
        var empty = 0
        while self.used.load(ordering: .relaxed) > self.budget.load(ordering: .relaxed), empty < self.parts.count {
            let place = self.next.wrappingAdd(1, ordering: .relaxed).oldValue & (self.parts.count - 1)
            // It is freed outside of the lock.
            let gone = self.parts[place].index.withLock { index in
                let before = index.bytes
                defer { self.used.subtract(before - index.bytes, ordering: .relaxed) }
                return index.evict(sparing: key)
            }
            empty = gone == nil ? empty + 1 : 0
            if let gone { self.evicted.add(UInt64(self.answers(goneWith: gone)), ordering: .relaxed) }
        }
    }

    /// Counts what goes with an entry, and lets it go: nobody could name the answers of a list that is gone, so that a
    /// purge of their target would leave them, and they would be found again under the target's next list.
    private func answers(goneWith entry: CacheEntry) -> Int {
        switch entry {
        case .answer: 1
        case .variants(let variants): variants.keys.reduce(0) { $0 + (self.drop($1) == nil ? 0 : 1) }
        }
    }

    private func place(of key: KeyedHash) -> Int {
        // The count is a power of two; the index uses the other word.
        self.partBits == 0 ? 0 : Int(truncatingIfNeeded: key.high &>> (64 &- self.partBits))
    }
}
