import Testing
import UsherCore
import UsherSharding

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
        let loads = map.sums.shards(shards)
        #expect(loads.count == shards && loads.reduce(0) { $0 + $1.requests } == 400_000)
        // Chance leaves a little: three to four standard deviations of a shard's share.
        let chance = 4 * (Double(shards) / 400_000).squareRoot()
        for amount in [\LoadMap.Load.requests, \.bytes, \.microseconds] {
            #expect(map.sums.peakToMean(shards, amount) < 1.035 + chance, "\(map.sums.peakToMean(shards, amount))")
        }
    }

    @Test("no function can beat the share of one heavy key")
    func heavy() {
        let map = Self.map(50_000, shards: 10, heavy: 50_000)
        #expect(map.sums.peakToMean(10, \.requests) >= 5 && map.sums.peakToMean(10, \.requests) < 5.7)
        #expect(map.sums.peakToMean(20, \.requests) >= 10)
    }

    @Test("what the map says is what the shards of a rendezvous map get", arguments: [2, 10, 20], [0, 2000, 40_000])
    func rendezvous(shards: Int, heavy: Int) throws {
        let rendezvous = try ShardMap(
            (0..<shards).map { Shard(name: "s\($0)") }, function: .rendezvous, ketama: { _ in SIMD4() })
        var random = SeededRandom(seed: 8)
        var map = LoadMap(shards: shards)
        var loads = [Int](repeating: 0, count: shards)
        let heavyKey = random.next()
        for index in 0..<60_000 + heavy {
            let key = index < heavy ? heavyKey : random.next()
            map.add(key, .init(requests: 1))
            if let owner = rendezvous.owner(of: ShardKey(hash: key)) { loads[owner] += 1 }
        }
        let peak = Double(loads.max() ?? 0) * Double(shards) / Double(60_000 + heavy)
        #expect(abs(map.sums.peakToMean(shards, \.requests) - peak) < 0.05)
    }

    @Test("nothing to do is even")
    func nothing() {
        #expect(LoadMap(shards: 10).sums.peakToMean(10, \.requests) == 1)
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
