import Testing
import UsherCore

@testable import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct JumpHashTests {
    @Test(
        "buckets are those that other programs compute from the paper's text",
        arguments: [
            // key, buckets, bucket: dgryski/go-jump's tests, then those that implementations in many languages share.
            (1, 1, 0), (42, 57, 43), (0xDEAD_10CC, 1, 0), (0xDEAD_10CC, 666, 361), (256, 1024, 520),
            (0, 1, 0), (3, 1, 0), (0, 2, 0), (4, 2, 1), (7, 2, 0), (1, 128, 55), (129, 128, 120), (.max, 128, 92),
            (128, 100_000_000, 38_172_097),
        ] as [(UInt64, Int, Int)])
    func known(key: UInt64, buckets: Int, bucket: Int) {
        #expect(JumpHash.bucket(of: key, buckets: buckets) == bucket)
    }

    @Test("one bucket more takes keys from all others, and nobody else gets any")
    func growing() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2_000 {
            let key = random.next()
            var bucket = 0
            for buckets in 1...60 {
                let next = JumpHash.bucket(of: key, buckets: buckets)
                #expect(next == bucket || next == buckets - 1, "\(key)")
                bucket = next
            }
        }
    }
}
