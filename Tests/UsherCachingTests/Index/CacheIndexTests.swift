import Testing
import UsherCaching
import UsherCore
import UsherHTTP

@Suite("Which answers stay", .timeLimit(.minutes(1)))
struct CacheIndexTests {
    private static func key(_ number: Int) -> KeyedHash {
        let bytes = Array("\(number)".utf8)
        return KeyedHash(value: bytes.span, secret: (1, 2))
    }

    private static let names = VaryNames()

    /// An entry that is told by its target.
    private static func entry(_ number: Int) -> CacheEntry {
        .variants(Variants(names: Self.names, keys: [], target: Array("\(number)".utf8)))
    }

    private static func number(_ entry: CacheEntry?) -> Int? {
        guard case .variants(let variants) = entry else { return nil }
        return Int(String(decoding: variants.target, as: UTF8.self))
    }

    @Test("what is put in is found, replaced and taken out, and sizes add up")
    func basics() {
        var index = CacheIndex()
        for number in 0..<1000 { index.insert(Self.entry(number), for: Self.key(number), size: 10) }
        #expect(index.count == 1000 && index.bytes == 10_000)
        for number in 0..<1000 { #expect(Self.number(index.find(Self.key(number))) == number) }
        index.insert(Self.entry(-1), for: Self.key(5), size: 30)
        #expect(index.count == 1000 && index.bytes == 10_020 && Self.number(index.peek(Self.key(5))) == -1)
        #expect(Self.number(index.remove(Self.key(5))) == -1 && index.remove(Self.key(5)) == nil)
        #expect(index.count == 999 && index.bytes == 9990)
    }

    @Test("a scan pushes out nothing that is used")
    func scan() {
        var index = CacheIndex()
        func insert(_ number: Int) {
            index.insert(Self.entry(number), for: Self.key(number), size: 1)
            while index.bytes > 1000 { _ = index.evict() }
        }
        for number in 0..<500 {
            insert(number)
            _ = index.find(Self.key(number))
        }
        for number in 10_000..<40_000 { insert(number) }
        let stayed = (0..<500).count { index.peek(Self.key($0)) != nil }
        #expect(stayed == 500)
    }

    @Test("who comes back soon after it left stays")
    func ghosts() {
        var index = CacheIndex()
        func insert(_ number: Int) {
            index.insert(Self.entry(number), for: Self.key(number), size: 1)
            while index.bytes > 100 { _ = index.evict() }
        }
        for number in 0..<150 { insert(number) }
        // It has just left, and is remembered.
        let left = (0..<150).last { index.peek(Self.key($0)) == nil } ?? 0
        insert(left)
        for number in 1000..<1090 { insert(number) }
        #expect(index.peek(Self.key(left)) != nil)
    }

    @Test("the entry that room is made for is spared, whatever its size")
    func spared() {
        var index = CacheIndex()
        for number in 0..<50 { index.insert(Self.entry(number), for: Self.key(number), size: 1) }
        for number in 0..<25 { _ = index.find(Self.key(number)) }
        let newest = Self.key(1000)
        index.insert(Self.entry(1000), for: newest, size: 1_000_000)
        var gone = 0
        while index.evict(sparing: newest) != nil { gone += 1 }
        #expect(gone == 50 && index.count == 1 && index.peek(newest) != nil)
        #expect(Self.number(index.evict()) == 1000 && index.evict() == nil && index.bytes == 0)
    }

    @Test("all entries are shown, a few at a time")
    func visit() {
        var index = CacheIndex()
        for number in 0..<100 { index.insert(Self.entry(number), for: Self.key(number), size: 1) }
        for number in 0..<50 { index.remove(Self.key(number)) }
        var seen: Set<Int> = []
        var next: Int? = 0
        while let start = next { next = index.visit(from: start, limit: 7) { seen.insert(Self.number($1) ?? -1) } }
        #expect(seen == Set(50..<100))
    }

    @Test("whatever is done, index, queues and sizes agree with a dictionary")
    func model() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        var index = CacheIndex()
        var model: [Int: Int] = [:]
        for step in 0..<100_000 {
            let number = random.below(500)
            switch random.below(5) {
            case 0, 1:
                let size = random.below(100)
                index.insert(Self.entry(number), for: Self.key(number), size: size)
                model[number] = size
            case 2:
                #expect((index.find(Self.key(number)) != nil) == (model[number] != nil), "seed \(seed) step \(step)")
            case 3:
                #expect((index.remove(Self.key(number)) != nil) == (model[number] != nil), "seed \(seed) step \(step)")
                model[number] = nil
            default:
                guard random.below(3) == 0, let gone = Self.number(index.evict()) else { continue }
                #expect(model.removeValue(forKey: gone) != nil, "seed \(seed) step \(step)")
            }
            if index.count != model.count || index.bytes != model.values.reduce(0, +) {
                Issue.record("seed \(seed) step \(step): \(index.count) \(model.count)")
                return
            }
        }
    }
}
