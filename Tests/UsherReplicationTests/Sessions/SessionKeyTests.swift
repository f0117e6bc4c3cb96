import Testing
import UsherReplication

/// The numbers are those of `openssl mac SIPHASH`: they may never change, or an upgrade moves every session.
@Suite struct SessionKeyTests {
    private static func key(_ parts: [String]) -> SessionKey {
        var hasher = SessionKey.Hasher()
        for part in parts { hasher.append(part: Array(part.utf8).span) }
        return hasher.finish()
    }

    @Test(
        "a key is the same on every gateway, today and tomorrow",
        arguments: [
            ([""], 0xFB0A_BA9C_5169_1EB6), (["203.0.113.17"], 0x6608_E27A_E4B0_5778),
            (["ab", "c"], 0xB5E1_8576_F781_7D49), (["a", "bc"], 0x6CD5_3863_9C11_9DC1),
            (["203.0.113.17", "198.51.100.1"], 0x9542_8019_E7E9_D20C),
        ] as [([String], UInt64)])
    func agreed(parts: [String], hash: UInt64) {
        #expect(Self.key(parts).hash == hash)
    }

    @Test("parts do not lend bytes to their neighbours")
    func parts() {
        let keys = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], ["", ""], [""], []].map(Self.key)
        #expect(Set(keys).count == keys.count)
    }

    @Test(
        "an endpoint's tag is the same on every gateway",
        arguments: [
            ("127.0.0.1:9001", 0x5933_2076_9751_881F), ("catalogue/0", 0x8D39_540E_FDBD_E054),
            ("[::1]:9003", 0x4767_E1B6_A223_91DD),
        ] as [(String, UInt64)])
    func tags(name: String, hash: UInt64) {
        #expect(EndpointTag(name: name) == EndpointTag(hash: hash))
    }
}
