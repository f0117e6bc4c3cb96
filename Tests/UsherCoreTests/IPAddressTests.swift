import Testing
import UsherCore

@Suite struct IPAddressTests {
    @Test(
        "text is read and written in its canonical form",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("10.200.3.40", "10.200.3.40"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("0:0:0:0:0:0:0:1", "::1"), ("fe80:0:0:0:1:0:0:0", "fe80::1:0:0:0"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("::ffff:10.0.0.1", "10.0.0.1"), ("::FFFF:a00:1", "10.0.0.1"), ("::10.0.0.1", "::a00:1"),
            ("00ab::0", "ab::"),
        ])
    func canonical(text: String, expected: String) throws {
        let address = try #require(IPAddress(text: text))
        #expect(address.description == expected)
        #expect(IPAddress(text: address.description) == address)
        #expect(IPAddress(text: text.utf8Span.span) == address)
        #expect(IPAddress(networkBytes: address.networkBytes) == address)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.", ".1.2.3", "1.2.3.4 ", " 1.2.3.4",
            "1.2.3.-4", "+1.2.3.4",
            "0x7f.0.0.1", "1.2.3.4/8", ":", ":::", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "::1:2:3:4:5:6:7:8",
            "12345::", "g::", "[::1]", "::1%eth0", "1.2.3.4::", "::1.2.3", "::1.2.3.4:5", "::１",
            "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::", "::1.2.3.4::", "1.2.3.4:5::", "1:2:3:4:5:6:7:",
            ":1:2:3:4:5:6:7",
            "0001.2.3.4", "1.2.3.4444", "::1::", "::1.2.3.04",
            "1000000000000000000000000000000000000000000000000",
        ])
    func refused(text: String) {
        #expect(IPAddress(text: text) == nil)
    }

    @Test("random addresses survive text and bytes")
    func roundTrip() {
        let seed: UInt64 = 5
        var random = SeededRandom(seed: seed)
        for _ in 0..<2000 {
            var groups = (0..<8).map { _ in random.below(3) == 0 ? 0 : random.next() & 0xFFFF }
            if random.below(4) == 0 { groups = [0, 0, 0, 0, 0, 0xFFFF, groups[6], groups[7]] }
            let high = groups[0] << 48 | groups[1] << 32 | groups[2] << 16 | groups[3]
            let low = groups[4] << 48 | groups[5] << 32 | groups[6] << 16 | groups[7]
            let address = IPAddress(high: high, low: low)
            #expect(IPAddress(text: address.description) == address, "seed \(seed)")
            #expect(IPAddress(networkBytes: address.networkBytes) == address, "seed \(seed)")
        }
    }

    @Test("an IPv4 address has a number, an IPv6 address has none")
    func families() throws {
        let v4 = IPAddress(v4: 0x7F00_0001)
        #expect(v4.description == "127.0.0.1")
        #expect(v4.isV4 && v4.v4 == 0x7F00_0001)
        #expect(IPAddress(networkBytes: [127, 0, 0, 1]) == v4)
        #expect(IPAddress(networkBytes: [127, 0, 0]) == nil)
        let v6 = try #require(IPAddress(text: "::1"))
        #expect(!v6.isV4 && v6.v4 == nil)
    }

    @Test(
        "loopback and unspecified addresses are known",
        arguments: [
            ("127.0.0.1", true, false), ("127.255.0.9", true, false), ("::1", true, false), ("128.0.0.1", false, false),
            ("0.0.0.0", false, true), ("::", false, true), ("::2", false, false),
        ])
    func special(text: String, isLoopback: Bool, isUnspecified: Bool) throws {
        let address = try #require(IPAddress(text: text))
        #expect(address.isLoopback == isLoopback)
        #expect(address.isUnspecified == isUnspecified)
    }

    @Test(
        "a mask keeps the first bits of the address's own family",
        arguments: [
            ("10.1.2.3", 8, "10.0.0.0"), ("10.1.2.3", 32, "10.1.2.3"), ("10.1.2.3", 0, "0.0.0.0"),
            ("10.1.2.3", 99, "10.1.2.3"),
            ("10.1.2.3", -1, "0.0.0.0"), ("10.1.2.255", 25, "10.1.2.128"),
            ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"),
            ("2001:db8:1:2:3:4:5:6", 0, "::"), ("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6"),
            ("2001:db8:ffff::1", 33, "2001:db8:8000::"), ("ffff::ffff", 127, "ffff::fffe"),
            ("ffff::ffff", 65, "ffff::"),
        ])
    func masked(text: String, prefix: Int, expected: String) throws {
        #expect(try #require(IPAddress(text: text)).masked(prefix: prefix).description == expected)
    }

    @Test(
        "a range contains the addresses of its prefix and of its family",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "1.2.3.4", false), ("::/0", "fe80::1", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false), ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("::1", "::1", true),
        ])
    func contains(range: String, address: String, expected: Bool) throws {
        #expect(try IPRange(text: range).contains(try #require(IPAddress(text: address))) == expected)
    }

    @Test(
        "a wrong range says what is wrong",
        arguments: [
            ("10.0.0.1/8", "'10.0.0.1/8' has bits set behind its prefix; the range is 10.0.0.0/8"),
            ("10.0.0.0/33", "the prefix of '10.0.0.0/33' must be a number from 0 to 32"),
            ("10.0.0.0/", "the prefix of '10.0.0.0/' must be a number from 0 to 32"),
            ("fd00::/129", "the prefix of 'fd00::/129' must be a number from 0 to 128"),
            ("10.0.0.0/-1", "the prefix of '10.0.0.0/-1' must be a number from 0 to 32"),
            ("example.com", "'example.com' is not a range of addresses; write it like 10.0.0.0/8 or fd00::/8"),
        ])
    func wrongRange(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try IPRange(text: text) }
    }
}
