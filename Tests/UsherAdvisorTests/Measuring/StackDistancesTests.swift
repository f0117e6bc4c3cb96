import Testing
import UsherCore

@testable import UsherAdvisor

@Suite("Miss-ratio curves", .timeLimit(.minutes(2)))
struct StackDistancesTests {
    /// A least-recently-used cache that does what it says, slowly.
    private struct ExactCache {
        let memory: Int
        var used = 0
        var clock = 0
        /// When each was asked for last, and who was asked for then.
        var times: [UInt64: Int] = [:]
        var order: [UInt64?] = []
        var first = 0
        var hits = 0

        mutating func add(_ key: UInt64, bytes: Int) {
            if let time = times[key] {
                hits += 1
                order[time] = nil
            } else {
                used += bytes
            }
            times[key] = order.count
            order.append(key)
            while used > memory, first < order.count {
                if let oldest = order[first] {
                    times[oldest] = nil
                    used -= StackDistancesTests.size(of: oldest)
                }
                first += 1
            }
        }
    }

    private static func key(_ number: Int) -> UInt64 {
        var mix = SeededRandom(seed: UInt64(number))
        return mix.next()
    }

    /// From 500 bytes to 20 kB, by the key.
    private static func size(of key: UInt64) -> Int { 500 + Int(key >> 40 % 20_000) }

    /// Requests for some of many keys, the lower numbers more often.
    private static func stream(_ count: Int, keys: Int, skew: Int, seed: UInt64) -> [UInt64] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { index in
            let unit = Double(random.below(1 << 40)) / Double(1 << 40)
            let number = Int((0..<skew).reduce(1.0) { power, _ in power * unit } * Double(keys))
            // What is popular moves on.
            return key(number + index / 20_000 * (keys / 10))
        }
    }

    @Test(
        "the sampled curve is within 0.02 of what a cache does, whatever its memory",
        arguments: [(30_000, 1), (60_000, 2), (20_000, 3), (500, 2)])
    func exact(keys: Int, skew: Int) {
        let stream = Self.stream(150_000, keys: keys, skew: skew, seed: UInt64(keys))
        var sampled = StackDistances(keysMax: 4095)
        for key in stream { sampled.add(key, bytes: Self.size(of: key)) }
        for part in [100, 20, 10, 5, 2] {
            let memory = keys * 10_500 / part
            var cache = ExactCache(memory: memory)
            for key in stream { cache.add(key, bytes: Self.size(of: key)) }
            let wanted = Double(cache.hits) / Double(stream.count)
            let got = sampled.curve.hitRatio(memory: Double(memory), requests: sampled.requests)
            #expect(abs(wanted - got) <= 0.02, "\(keys) keys, 1/\(part) of the memory: \(got) instead of \(wanted)")
        }
        let distinct = Double(Set(stream).count)
        #expect(abs(sampled.distinct - distinct) <= distinct * 0.06)
    }

    @Test("few keys are followed exactly")
    func small() {
        var distances = StackDistances(keysMax: 100)
        for _ in 0..<50 { for number in 0..<10 { distances.add(Self.key(number), bytes: 1000) } }
        #expect(distances.distinct == 10 && distances.distinctBytes == 10_000)
        #expect(distances.curve.hitRatio(memory: 1e9, requests: distances.requests) == 0.98)
        // In a circle nothing is found again with less memory than the circle is long.
        #expect(distances.curve.hitRatio(memory: 9000, requests: distances.requests) == 0)
    }

    @Test("an endless number of keys leaves no more of them followed than were allowed")
    func bounded() {
        var distances = StackDistances(keysMax: 255)
        for number in 0..<100_000 {
            distances.add(Self.key(number), bytes: 100)
            #expect(distances.followed <= 255)
        }
        #expect(abs(distances.distinct - 100_000) < 20_000)
        #expect(distances.curve.hitRatio(memory: 1e12, requests: distances.requests) < 0.1)
    }
}
