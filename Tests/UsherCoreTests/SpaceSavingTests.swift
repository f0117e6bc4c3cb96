import Testing
import UsherCore

@Suite("Space-saving counters", .timeLimit(.minutes(1)))
struct SpaceSavingTests {
    @Test("counts never are too low, and too high by at most the error", arguments: 0..<10)
    func bounds(round: Int) {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        var counts = SpaceSaving(capacity: 20)
        var truth: [Int: UInt64] = [:]
        for _ in 0..<5000 {
            let key = min(random.below(100), random.below(100))
            truth[key, default: 0] += 1
            // Few places, so that many meet.
            let hash = KeyedHash(high: UInt64(key), low: UInt64(key % 13))
            let place = counts.add(hash)
            #expect(counts.counters[place.slot].key == hash)
        }
        #expect(counts.total == 5000)
        #expect(counts.counters.reduce(0) { $0 + $1.count } == 5000)
        for counter in counts.counters {
            let real = truth[Int(counter.key.high)] ?? 0
            #expect(counter.count >= real && counter.count - counter.error <= real, "seed \(seed)")
            #expect(counter.error <= 5000 / 20)
        }
        for (key, real) in truth where real > 5000 / 20 {
            #expect(counts.counters.contains { $0.key.high == key }, "seed \(seed)")
        }
    }

    @Test("what forgot everything counts like a new one")
    func removeAll() {
        var random = SeededRandom(seed: 3)
        var used = SpaceSaving(capacity: 8)
        for _ in 0..<500 { _ = used.add(KeyedHash(high: 0, low: UInt64(random.below(30)))) }
        used.removeAll()
        #expect(used.total == 0 && used.counters.isEmpty)
        var new = SpaceSaving(capacity: 8)
        for _ in 0..<500 {
            let key = KeyedHash(high: 0, low: UInt64(random.below(30)))
            let (place, expected) = (used.add(key), new.add(key))
            #expect(place.slot == expected.slot && place.isNew == expected.isNew)
        }
        #expect(used.counters.map(\.count) == new.counters.map(\.count))
    }
}
