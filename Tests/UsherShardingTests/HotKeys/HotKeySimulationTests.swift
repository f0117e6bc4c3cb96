import Glibc
import Testing
import UsherCore
import UsherSharding

/// Zipf's law with exponent 0.99 over a million keys, on a hundred shards: what copies of hot keys do for the shard
/// that has most requests.
@Suite("Hot keys, simulated", .timeLimit(.minutes(2))) struct HotKeySimulationTests {
    private static let shards = 100
    private static let loops = 2
    /// Requests between two rotations.
    private static let window = 100_000
    private static let windows = 5

    @Test("copies of hot keys bring seven times the mean to less than 1.3 times")
    func evened() throws {
        let seed: UInt64 = 1
        let map = try ShardMap(Shard.numbered(Self.shards), .rendezvous)
        let plain = Self.run(map, seed: seed, copies: 1)
        let some = Self.run(map, seed: seed, copies: 16)
        print(
            """
            Seed \(seed): peak-to-mean \(plain.peakToMean) without copies and \(some.peakToMean) with up to 16 of \
            \(some.hot) hot keys, \(some.copies) in all.
            """)
        #expect(plain.peakToMean > 5)
        #expect(some.peakToMean < 1.3)
        // Few keys are hot and few of them want many copies, so that caches stay warm.
        #expect(some.hot < 130 && some.copies < 450)
    }

    private struct Outcome {
        var peakToMean = 0.0
        var hot = 0
        var copies = 0
    }

    /// - Parameter copies: of a hot key, at most.
    private static func run(_ map: ShardMap, seed: UInt64, copies: Int) -> Outcome {
        var random = SeededRandom(seed: seed)
        var tallies = (0..<loops).map { _ in [KeyTally](repeating: KeyTally(), count: shards) }
        var loads = [RecentLoad](repeating: RecentLoad(weights: map.shards.map(\.weight)), count: loops)
        var detector = HotKeyDetector(above: Share(percent: 10))
        var homes: [ShardKey: [Int]] = [:]
        var sent = [Int](repeating: 0, count: shards)
        for window in 0..<windows {
            for _ in 0..<Self.window {
                let (key, text) = self.key(zipf.next(&random))
                let loop = random.below(loops)
                guard let home = map.owner(of: key) else { continue }
                tallies[loop][home].count(key, text: text.span)
                let targets = homes[key] ?? [home]
                let choice = HotKeyCopies.choose(among: targets.count, random: &random) { loads[loop][targets[$0]] }
                loads[loop].requestSent(to: targets[choice])
                // The first two windows are for learning.
                if window > 1 { sent[targets[choice]] += 1 }
            }
            let reports = (0..<shards).map { shard in KeyTally.merge(tallies.map { $0[shard] }, top: 32) }
            let hot = detector.judge(reports).inForce
            homes = [:]
            for key in hot { homes[key.key] = map.order(of: key.key, atMost: min(key.copiesWanted, copies)) }
            for loop in 0..<loops {
                for shard in 0..<shards { tallies[loop][shard].rotate() }
                loads[loop].rotate()
            }
        }
        let mean = Double(sent.reduce(0, +)) / Double(shards)
        return Outcome(
            peakToMean: Double(sent.max() ?? 0) / mean, hot: homes.count,
            copies: homes.values.reduce(0) { $0 + $1.count })
    }

    private static func key(_ number: Int) -> (ShardKey, [UInt8]) {
        let text = (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        return (ShardKey(text.span), text)
    }

    private static let zipf = Zipf(count: 1_000_000, exponent: 0.99)
}

/// Numbers from 0 on, of which the n-th comes with a likelihood of about 1 / n to the power of an exponent.
private struct Zipf: Sendable {
    /// The likelihood of a number or a smaller one, up to a factor.
    private var sums: [Double] = []

    init(count: Int, exponent: Double) {
        var sum = 0.0
        sums.reserveCapacity(count)
        for number in 1...count {
            sum += pow(Double(number), -exponent)
            sums.append(sum)
        }
    }

    func next(_ random: inout SeededRandom) -> Int {
        let wanted = Double(random.next() >> 11) / 9_007_199_254_740_992 * (sums.last ?? 0)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > wanted { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
