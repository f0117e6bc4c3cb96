import Testing

@testable import UsherSharding

@Suite(.timeLimit(.minutes(1))) struct KetamaRingTests {
    @Test(
        "the digest of these tests is MD5",
        arguments: [
            // RFC 1321, A.5.
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a"
            ),
        ])
    func md5(text: String, digest: String) {
        let words = MD5.digest(text.utf8.span)
        let bytes = (0..<16).map { UInt8(truncatingIfNeeded: words[$0 / 4] >> UInt32($0 % 4 * 8)) }
        #expect(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == digest)
    }

    /// The servers of libmemcached's own test of `MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED`.
    private static let servers = [600, 300, 200, 350, 1000, 800, 950, 100].enumerated()
        .map { Shard(name: "10.0.1.\($0 + 1)", weight: $1) }

    @Test(
        "keys belong to the servers that libmemcached finds",
        arguments: [
            ("SVa_]_V41)", 7), ("*/Z;?V(.\\8", 1), ("30C1*Z*S/_", 2), ("]VG<`I*Z8)", 5), ("P1[Ma3=K1/", 8),
            ("D[HE+cFXDK", 3), ("EM75N0+[X1", 4), ("6,cEI`F_P>", 6), ("c,5AQ/T5)6", 8), ("\\39DKW^)N_", 3),
            ("(,>E`)FT\\4", 2), ("[1ZXONX2]a", 4), ("VD6D0]ba_\\", 1), ("ERR:EC58G>", 7), ("X*+2aaC.EG", 5),
        ])
    func libmemcached(key: String, server: Int) throws {
        #expect(try ShardMap(Self.servers, .ring).owner(key) == "10.0.1.\(server)")
    }

    /// By Python's hashlib the last point is fffbdf7f, and the first one 0020c90c, from `10.0.1.3-1`.
    @Test("after the last point comes the first")
    func wrapping() throws {
        #expect(MD5.digest("VDEAAAAA".utf8.span)[0] == 0xFFFC_D1B5)
        #expect(try ShardMap(Self.servers, .ring).owner("VDEAAAAA") == "10.0.1.3")
    }

    @Test(
        "single precision decides how many digests a shard has, as it does elsewhere",
        arguments: [
            // weight, sum of weights, shards, digests: computed with numpy's float32.
            (1, 1, 1, 40), (1, 10, 10, 40), (1, 25, 25, 39), (1, 100, 100, 39), (1, 1000, 1000, 40), (3, 50, 10, 23),
            (600, 4300, 8, 44), (100, 4300, 8, 7), (1, 1_000_001, 2, 0),
        ])
    func digests(weight: Int, total: Int, shards: Int, digests: Int) {
        #expect(KetamaRing.digests(weight: weight, ofWeights: total, shards: shards) == digests)
    }

    @Test("shares are the arcs before a shard's points, and add up to all", arguments: [1, 2, 10, 100])
    func shares(count: Int) throws {
        let map = try ShardMap(Shard.numbered(count), .ring)
        let shares = try #require(map.shares)
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
        let owned = owners(in: map, keys: 5_000).map { Double($0) / 5_000 }
        for (share, owned) in zip(shares, owned) { #expect(abs(share - owned) < 0.03) }
        let peak = try #require(map.peakToMean)
        #expect(count == 1 ? peak == 1 : peak > 1 && peak < 1.45, "\(peak)")
    }
}
