import Synchronization
import Testing
import UsherCore
import UsherLoad
import UsherTestKit

/// A small HTTP cache in front of an origin that gives every key its value; it keeps what was used last.
final class CacheReplica: Sendable {
    private struct State {
        var values: [String: Int] = [:]
        var clock = 0
    }

    static let capacity = 400
    private let state = Mutex(State())
    private let origin: CountedOrigin

    init(_ origin: CountedOrigin) { self.origin = origin }

    func serve(_ peer: RawConnection) async throws {
        while let request = try await peer.receiveRequest() {
            self.origin.cacheAsked()
            let isHit = self.state.withLock { state in
                state.clock += 1
                return state.values.updateValue(state.clock, forKey: request.target) != nil
            }
            if !isHit {
                self.origin.asked()
                self.makeRoom()
            }
            try await peer.send(
                Text.answer(
                    CountedOrigin.value(of: request.target), "X-Hit: \(isHit)\r\nCache-Control: max-age=60\r\n"))
        }
    }

    private func makeRoom() {
        self.state.withLock { state in
            guard state.values.count > Self.capacity, let oldest = state.values.min(by: { $0.value < $1.value }) else {
                return
            }
            state.values[oldest.key] = nil
        }
    }
}

final class CountedOrigin: Sendable {
    private let count = Atomic(0)
    private let cacheCount = Atomic(0)

    static func value(of target: String) -> String { "the value of \(target)" }

    func asked() { self.count.add(1, ordering: .relaxed) }

    func cacheAsked() { self.cacheCount.add(1, ordering: .relaxed) }

    /// Requests that reached the caches in front of it.
    var totalOfCaches: Int { self.cacheCount.load(ordering: .relaxed) }

    var total: Int { self.count.load(ordering: .relaxed) }
}

@Suite("Sharded caches", .timeLimit(.minutes(2)))
struct ShardedCacheTests {
    private static let keys = 3000

    private struct Stretch {
        var requests = 0
        var hits = 0
        var wrong: [String] = []

        static func + (left: Stretch, right: Stretch) -> Stretch {
            Stretch(
                requests: left.requests + right.requests, hits: left.hits + right.hits, wrong: left.wrong + right.wrong)
        }
    }

    /// So many requests by Zipf's law on several connections at once.
    private static func load(
        _ gateway: RunningGateway, _ stage: Stage, requests: Int, seed: UInt64
    ) async throws -> Stretch {
        try await withThrowingTaskGroup(of: Stretch.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var random = SeededRandom(seed: seed &+ UInt64(worker))
                    let sampler = ZipfSampler(count: Self.keys, exponent: 0.99)
                    let client = try await stage.client(gateway)
                    var stretch = Stretch()
                    for _ in 0..<requests / 4 {
                        let target = "/page/\(sampler.next(&random))"
                        let answer = try await client.ask(Text.get(target))
                        stretch.requests += 1
                        if answer.value("x-hit") == "true" { stretch.hits += 1 }
                        if answer.text != CountedOrigin.value(of: target) {
                            stretch.wrong.append("\(target): \(answer.status) \(answer.text)")
                        }
                    }
                    await client.close()
                    return stretch
                }
            }
            return try await group.reduce(Stretch(), +)
        }
    }

    private static func caches(_ stage: Stage, _ count: Int, _ origin: CountedOrigin) async throws -> [ScriptedUpstream]
    {
        var upstreams: [ScriptedUpstream] = []
        for _ in 0..<count {
            let replica = CacheReplica(origin)
            upstreams.append(try await stage.upstream { try await replica.serve($0) })
        }
        return upstreams
    }

    private static func service(_ upstreams: some Sequence<ScriptedUpstream>, _ function: String) -> String {
        let shards = upstreams.enumerated().map { "s\($0): [\"\($1.address)\"]" }.joined(separator: ", ")
        return "services: { web: { sharded: { key: \"{path}\", function: \(function), shards: { \(shards) } } } }"
    }

    /// The reason for consistent hashing, in numbers: a fifth cache beside four costs a fifth of the hits for a moment,
    /// and most of them where the remainder of a division decides.
    @Test(
        "a fifth cache beside four: hits and origin load, step by step, and no wrong answer", arguments: [true, false])
    func fifthCache(isConsistent: Bool) async throws {
        let function = isConsistent ? "rendezvous" : "modulo"
        try await onStage { stage in
            let seed = UInt64.random(in: 0...UInt64.max)
            let origin = CountedOrigin()
            let upstreams = try await Self.caches(stage, 5, origin)
            let gateway = try await stage.gateway(Self.service(upstreams.prefix(4), function))
            var ratios: [Double] = []
            for step in 0..<8 {
                if step == 5 {
                    #expect(try await gateway.reload(Self.service(upstreams, function)).outcome == "applied")
                }
                let before = origin.total
                let stretch = try await Self.load(gateway, stage, requests: 1200, seed: seed &+ UInt64(step) * 100)
                #expect(stretch.wrong == [])
                let ratio = Double(stretch.hits) / Double(stretch.requests)
                ratios.append(ratio)
                print(
                    "\(function), seed \(seed), step \(step), \(step < 5 ? 4 : 5) caches: hit ratio "
                        + "\((ratio * 1000).rounded() / 10) %, origin asked \(origin.total - before) times of 1200")
            }
            // One key in five moved; with a remainder four in five did.
            if isConsistent { #expect(ratios[5] > ratios[4] - 0.12) } else { #expect(ratios[5] < ratios[4] - 0.12) }
            #expect(ratios[7] > ratios[5])
        }
    }

    @Test("the root's own cache takes the head of the distribution, so that the shards are asked evenly")
    func rootCache() async throws {
        try await onStage { stage in
            let seed = UInt64.random(in: 0...UInt64.max)
            let origin = CountedOrigin()
            let upstreams = try await Self.caches(stage, 4, origin)
            let gateway = try await stage.gateway(
                Self.service(upstreams, "rendezvous")
                    + "\ncaches: { head: { memory: 1MiB } }\nroutes: [{ service: web, cache: head }]")
            let stretch = try await Self.load(gateway, stage, requests: 2000, seed: seed)
            #expect(stretch.wrong == [])
            print("seed \(seed): of 2000 requests the shards got \(origin.totalOfCaches)")
            #expect(origin.totalOfCaches < 1300)
        }
    }
}
