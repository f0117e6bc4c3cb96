import Testing
import UsherCore

@testable import UsherAdvisor

@Suite("Load of shards", .timeLimit(.minutes(1)))
struct LoadMapTests {
    private static func map(_ keys: Int, shards: Int, heavy: Int = 0) -> LoadMap {
        var random = SeededRandom(seed: 5)
        var map = LoadMap(shards: shards)
        for _ in 0..<keys { map.add(random.next(), .init(requests: 1, bytes: 10, microseconds: 3)) }
        let key = random.next()
        for _ in 0..<heavy { map.add(key, .init(requests: 1, bytes: 10, microseconds: 3)) }
        return map
    }

    @Test("many even keys are even for any number of shards", arguments: [1, 2, 7, 10, 19, 20, 64, 512])
    func even(shards: Int) {
        let map = Self.map(400_000, shards: shards)
        #expect(map.shards(shards).count == shards && map.shards(shards).reduce(0) { $0 + $1.requests } == 400_000)
        // Chance leaves a little: three to four standard deviations of a shard's share.
        let chance = 4 * (Double(shards) / 400_000).squareRoot()
        for amount in [\LoadMap.Load.requests, \.bytes, \.microseconds] {
            #expect(map.peakToMean(shards, amount) < 1.035 + chance, "\(map.peakToMean(shards, amount))")
        }
    }

    @Test("no function can beat the share of one heavy key")
    func heavy() {
        let map = Self.map(50_000, shards: 10, heavy: 50_000)
        #expect(map.peakToMean(10, \.requests) >= 5 && map.peakToMean(10, \.requests) < 5.7)
        #expect(map.peakToMean(20, \.requests) >= 10)
    }

    @Test("nothing to do is even")
    func nothing() {
        #expect(LoadMap(shards: 10).peakToMean(10, \.requests) == 1)
    }

    @Test("the worst minute is found, and minutes of a few requests do not count")
    func minutes() {
        var random = SeededRandom(seed: 6)
        var load = MinuteLoad(shards: 4)
        for _ in 0..<4000 { load.add(random.next(), minute: 1) }
        let key = random.next()
        for index in 0..<4000 { load.add(index.isMultiple(of: 2) ? key : random.next(), minute: 2) }
        for _ in 0..<100 { load.add(key, minute: 3) }
        load.finish(next: 4)
        #expect(load.worst > 2.3 && load.worst < 2.8)
    }
}
