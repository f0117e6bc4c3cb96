import Testing
import UsherCore
import UsherLoad

@Suite("What the cache did", .timeLimit(.minutes(1)))
struct CacheOutcomeTests {
    private static func outcome(_ text: String) -> CacheOutcome? {
        let bytes = Array(text.utf8)
        return CacheOutcome(cacheStatus: bytes.span)
    }

    @Test(
        "the member of Usher is read",
        arguments: [
            ("usher; hit", CacheOutcome.hit), ("usher;hit;ttl=30", .hit), ("Usher ; hit", .hit),
            ("\"usher\"; hit; key=\"a,b;fwd=miss\"", .hit), ("usher; fwd=uri-miss; stored", .uriMiss),
            ("origin; hit, usher; fwd=stale; fwd-status=304", .stale), ("usher;fwd=bypass,other;hit", .bypass),
            ("usher; fwd=uri-miss; collapsed", .collapsed), ("usher; fwd=miss; collapsed=?0", .miss),
            ("usher; fwd=miss;collapsed=?1", .collapsed), ("usher; fwd=vary-miss", .varyMiss),
            ("usher; fwd=something-new", .forwarded), ("usher; fwd=hit", .forwarded), ("usher; fwd=request", .request),
            ("\"a \\\" b, usher; hit\", usher; fwd=method", .method), ("usher; hit; fwd=partial", .partial),
        ])
    func read(text: String, expected: CacheOutcome) {
        #expect(Self.outcome(text) == expected)
    }

    @Test(
        "without one there is nothing to tell",
        arguments: [
            "", ",", ";;;", "usher", "usher; ttl=1", "ushers; hit", "other; hit", "x=usher; hit", "\"usher; hit",
            "usher=hit", "\"", "\"\\", ", , ;=,", "hit", "usher; hits",
        ])
    func none(text: String) {
        #expect(Self.outcome(text) == nil)
    }

    @Test("random bytes are read to their end")
    func random() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let alphabet = Array("usherhitfwd=;,\"\\ \t?01".utf8) + [0, 0xFF]
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(40)).map { _ in alphabet[random.below(alphabet.count)] }
            _ = CacheOutcome(cacheStatus: bytes.span)
        }
    }

    @Test("only hits and those who waited for another spare the service")
    func forwarded() {
        #expect(CacheOutcome.allCases.filter { !$0.isForwarded } == [.hit, .collapsed])
    }
}
