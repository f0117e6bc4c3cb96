import Glibc
import NIOCore
import UsherCaching
import UsherCore
import UsherHTTP

/// Small answers in the cache's store (its own source, linked into this folder): what finding and keeping them costs,
/// and what memory they take.
enum CachedAnswers {
    // Unit: bytes.
    private static let target = [UInt8](repeating: UInt8(ascii: "t"), count: 40)
    private static let lines = [UInt8](repeating: UInt8(ascii: "l"), count: 200)
    private static let body = ByteBuffer(repeating: UInt8(ascii: "b"), count: 100)
    private static let content = target.count + lines.count + body.readableBytes
    private static let budget = 4 << 30

    /// As good as a keyed hash.
    static func key(_ number: Int) -> KeyedHash {
        var random = SeededRandom(seed: UInt64(number))
        return KeyedHash(high: random.next(), low: random.next())
    }

    private static func facts() -> AnswerFacts {
        let head = ResponseHead()
        var input = ByteBuffer(string: "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n\r\n")
        let progress = head.parse(&input, requestMethod: .get, limits: HeadLimits())
        precondition(progress == .complete)
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        return AnswerFacts(
            head, ResponseDirectives(head), requestedAt: now, receivedAt: now, unixSeconds: 1_794_916_800)
    }

    private static func fill(_ store: MemoryCacheStore, _ numbers: Range<Int>) {
        let facts = self.facts()
        for number in numbers { self.insert(number, facts, store) }
    }

    private static func insert(_ number: Int, _ facts: AnswerFacts, _ store: MemoryCacheStore) {
        let answer = StoredAnswer(
            facts, status: 200, target: self.target.span, lines: self.lines.span, body: [self.body], tags: [])
        store.insert(answer, for: self.key(number))
    }

    // MARK: Times

    static func find(_ timing: (Int, () -> Void) -> Cost) -> Cost {
        let store = MemoryCacheStore(budget: self.budget)
        self.fill(store, 0..<1_000_000)
        var random = SeededRandom(seed: 8)
        var found = 0
        let cost = timing(200_000) {
            if store.find(self.key(random.below(1_000_000))) != nil { found += 1 }
        }
        precondition(found > 0 && found % 200_000 == 0)
        return cost
    }

    /// Each pushes out another one.
    static func insert(_ timing: (Int, () -> Void) -> Cost) -> Cost {
        let store = MemoryCacheStore(budget: 600 << 20)
        self.fill(store, 0..<2_000_000)
        let facts = self.facts()
        var number = 2_000_000
        let cost = timing(100_000) {
            self.insert(number, facts, store)
            number += 1
        }
        precondition(store.totals.evicted > 1_000_000)
        return cost
    }

    // MARK: Memory

    /// What answers take beside their content, in the system's eyes and by the store's own account.
    static func reportMemory() {
        self.reportMemory("filled", budget: self.budget, answers: 1_000_000)
        self.reportMemory("filled", budget: self.budget, answers: 1_100_000)
        self.reportMemory("full, all answers replaced twice", budget: 600 << 20, answers: 3_000_000)
    }

    private static func reportMemory(_ what: String, budget: Int, answers: Int) {
        self.trim()
        let before = self.residentBytes()
        let store = MemoryCacheStore(budget: budget)
        self.fill(store, 0..<answers)
        self.trim()
        let grown = self.residentBytes() - before
        let totals = store.totals
        let each = grown / totals.answers - self.content
        let counted = totals.bytes / totals.answers - self.content
        print(
            """
            {"what": "\(what)", "answers": \(totals.answers), "content": \(self.content), "each": \(each), \
            "counted": \(counted)}
            """)
    }

    /// Gives free memory back to the system. Glibc has it, its module for Swift has not.
    private static func trim() {
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
    }

    /// Of this process, as the kernel counts it.
    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        guard fgets(&text, Int32(text.count), file) != nil else { return 0 }
        let fields = String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }
}
