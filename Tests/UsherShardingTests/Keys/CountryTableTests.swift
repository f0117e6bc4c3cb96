import Testing
import UsherCore
import UsherSharding

@Suite("Countries of addresses", .timeLimit(.minutes(1)))
struct CountryTableTests {
    private static func table(_ text: String) throws(TextProblem) -> CountryTable {
        try CountryTable(text: text.utf8Span.span)
    }

    private static func code(_ address: String, in table: CountryTable) throws -> String? {
        table.code(of: try #require(IPAddress(text: address))).map { String(decoding: $0, as: UTF8.self) }
    }

    private static let nested = """
        0.0.0.0/1,low
        10.0.0.0/8,A
        10.1.0.0/16,B
        10.1.2.0/24,A
        10.1.2.3/32,C
        10.1.3.0/24,D
        10.255.255.255,E
        11.0.0.0/8,A
        255.255.255.255/32,last
        ::/3,six
        2001:db8::/32,X
        2001:db8:0:1::/64,Y
        2001:db8:0:1:8000::/65,Z
        2001:db8:0:1:8000::7/128,one
        ffff::/16,end
        """

    @Test(
        "the longest prefix wins, up to the last address of each range",
        arguments: [
            ("0.0.0.0", "low"), ("9.255.255.255", "low"), ("10.0.0.0", "A"), ("10.0.255.255", "A"), ("10.1.0.0", "B"),
            ("10.1.1.255", "B"), ("10.1.2.0", "A"), ("10.1.2.2", "A"), ("10.1.2.3", "C"), ("10.1.2.4", "A"),
            ("10.1.2.255", "A"), ("10.1.3.0", "D"), ("10.1.3.255", "D"), ("10.1.4.0", "B"), ("10.1.255.255", "B"),
            ("10.2.0.0", "A"), ("10.255.255.254", "A"), ("10.255.255.255", "E"), ("11.0.0.0", "A"), ("12.0.0.0", "low"),
            ("127.255.255.255", "low"), ("128.0.0.0", nil), ("255.255.255.254", nil), ("255.255.255.255", "last"),
            ("::ffff:10.1.2.3", "C"), ("::", "six"), ("1fff:ffff::", "six"), ("2000::", nil), ("2001:db8::", "X"),
            ("2001:db8:0:1::", "Y"), ("2001:db8:0:1:7fff:ffff:ffff:ffff", "Y"), ("2001:db8:0:1:8000::6", "Z"),
            ("2001:db8:0:1:8000::7", "one"), ("2001:db8:0:1:8000::8", "Z"), ("2001:db8:0:1:ffff:ffff:ffff:ffff", "Z"),
            ("2001:db8:0:2::", "X"), ("2001:db9::", nil), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "end"),
        ] as [(String, String?)])
    func nesting(address: String, expected: String?) throws {
        let reversed = Self.nested.split(separator: "\n").reversed().joined(separator: "\n")
        #expect(try Self.code(address, in: try Self.table(Self.nested)) == expected)
        #expect(try Self.code(address, in: try Self.table(reversed)) == expected)
    }

    @Test(
        "lines as people and programs write them",
        arguments: [
            "10.0.0.0/8,DE", "10.0.0.0/8,DE\n", "\r\n  10.0.0.0/8\t,  DE  \r\n\r\n", "\"10.0.0.0/8\",\"DE\"",
            " \" 10.0.0.0/8 \" ,DE",
            "# all\n10.0.0.0/8,DE # ours", "network,country_iso_code\n10.0.0.0/8,DE",
            "\"Network\",\"Code\"\r\n10.0.0.0/8,DE\r\n",
            "\u{FEFF}network,code\n10.0.0.0/8,DE", "\u{FEFF}10.0.0.0/8,DE", "#,\n\nrange\n10.0.0.0/8,DE",
            "10.0.0.0/8,DE\n10.0.0.0/8,DE", "10.0.0.0/9,DE\n10.128.0.0/9,DE", "a,b,c\n10.0.0.0/8,DE",
        ])
    func writing(text: String) throws {
        let table = try Self.table(text)
        #expect(try Self.code("10.200.0.1", in: table) == "DE")
        #expect(try Self.code("11.0.0.0", in: table) == nil)
    }

    @Test("an empty table knows nobody", arguments: ["", "\n", "# nothing", "network,code", "\u{FEFF}"])
    func empty(text: String) throws {
        let table = try Self.table(text)
        for address in ["0.0.0.0", "255.255.255.255", "::", "2001:db8::1"] {
            #expect(try Self.code(address, in: table) == nil)
        }
    }

    @Test("codes have letters of both cases, digits and -, and stay as they are written")
    func codes() throws {
        let table = try Self.table("10.0.0.0/8,de-BY-1\n11.0.0.0/8,ABCDEFGHIJKLMNOP\n12.0.0.0/8,0")
        #expect(try Self.code("10.0.0.0", in: table) == "de-BY-1")
        #expect(try Self.code("11.0.0.0", in: table) == "ABCDEFGHIJKLMNOP")
        #expect(try Self.code("12.0.0.0", in: table) == "0")
    }

    @Test(
        "what is wrong names its line",
        arguments: [
            (
                "network,code\nnetwork,code",
                "line 2: 'network' is not a range of addresses; write it like 10.0.0.0/8 or fd00::/8"
            ),
            ("10.0.0.0/8", "line 1: '10.0.0.0/8' is not a range and its code; write it like 192.0.2.0/24,DE"),
            ("\n10.0.0.0/33,DE", "line 2: the prefix of '10.0.0.0/33' must be a number from 0 to 32"),
            ("10.0.0.1/8,DE", "line 1: '10.0.0.1/8' has bits set behind its prefix; the range is 10.0.0.0/8"),
            ("10.0.0.0/8,", "line 1: '' is not a code; it has 1 to 16 letters, digits or -"),
            ("10.0.0.0/8,D E", "line 1: 'D E' is not a code; it has 1 to 16 letters, digits or -"),
            ("10.0.0.0/8,DE,Germany", "line 1: 'DE,Germany' is not a code; it has 1 to 16 letters, digits or -"),
            ("10.0.0.0/8,\"DE", "line 1: '\"DE' is not a code; it has 1 to 16 letters, digits or -"),
            ("10.0.0.0/8,Ä", "line 1: 'Ä' is not a code; it has 1 to 16 letters, digits or -"),
            (
                "10.0.0.0/8,ABCDEFGHIJKLMNOPQ",
                "line 1: 'ABCDEFGHIJKLMNOPQ' is not a code; it has 1 to 16 letters, digits or -"
            ),
            ("10.0.0.0/8,A\n\n10.0.0.0/8,B", "line 3: the range has another code in line 1"),
            ("::/0,A\n::/0,A\n::/0,B\nfd00::/8,B", "line 3: the range has another code in line 1"),
            (",", "line 1: '' is not a range of addresses; write it like 10.0.0.0/8 or fd00::/8"),
            (
                "x\nx,y\n10.0.0.0/8,A\n10.0.0.0/8,B\nz",
                "line 2: 'x' is not a range of addresses; write it like 10.0.0.0/8 or fd00::/8; and 2 more"
            ),
        ])
    func wrong(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try Self.table(text) }
    }

    @Test("there may be 65535 codes and no more")
    func manyCodes() throws {
        let lines = (0..<65_536).map { "\(IPAddress(v4: UInt32($0) << 8))/24,c\($0)" }
        let table = try Self.table(lines.dropLast().joined(separator: "\n"))
        #expect(try Self.code("0.0.0.0", in: table) == "c0")
        #expect(try Self.code("0.255.254.9", in: table) == "c65534")
        #expect(throws: TextProblem("line 65536: there are more than 65535 codes")) {
            try Self.table(lines.joined(separator: "\n"))
        }
    }

    @Test(
        "random ranges in each other, beside one reading them all for each address", arguments: [1, 2, 3] as [UInt64])
    func random(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for size in [1, 2, 15, 16, 17, 40, 300, 2000] {
            let base = (high: 0x2001_0DB8_0000_0000 as UInt64, low: random.next())
            var codes: [IPRange: String] = [:]
            var ranges: [IPRange] = []
            for _ in 0..<size {
                // Few different bits, so that many lie in each other.
                let address =
                    random.below(2) == 0
                    ? IPAddress(v4: UInt32(truncatingIfNeeded: random.next() & 0xF00F_030F))
                    : IPAddress(high: base.high | random.next() & 0xF30F, low: base.low ^ random.next() & 0xF00F)
                ranges.append(IPRange(address, prefix: random.below(129)))
                codes[ranges[ranges.count - 1]] = "c\(random.below(5))"
            }
            let table = try Self.table(codes.map { "\($0.key),\($0.value)" }.joined(separator: "\n"))
            for _ in 0..<400 {
                let near = ranges[random.below(size)]
                // Addresses at and beside the ends of ranges, and some far from them.
                let step = [0, 0, 1, .max, random.next()][random.below(5)]
                let address =
                    near.first.isV4
                    ? IPAddress(v4: UInt32(truncatingIfNeeded: near.first.low &+ step))
                    : IPAddress(high: near.first.high ^ (random.below(4) == 0 ? 1 : 0), low: near.first.low &+ step)
                let longest = ranges.filter { $0.contains(address) }.max { $0.prefix < $1.prefix }
                let found = table.code(of: address).map { String(decoding: $0, as: UTF8.self) }
                #expect(found == longest.flatMap { codes[$0] }, "seed \(seed), \(size) ranges, \(address)")
            }
        }
    }

    @Test("random bytes never crash it")
    func hostile() {
        var random = SeededRandom(seed: 8)
        let pieces = [
            "10.0.0.0/8", "::/0", "fd00::", ",", "\"", "#", "\n", "\r", " ", "DE", "/", "\u{FEFF}", "é", "-", "x",
        ]
        for _ in 0..<3000 {
            var text = Array((0..<random.below(12)).map { _ in pieces[random.below(pieces.count)] }.joined().utf8)
            if !text.isEmpty { text[random.below(text.count)] ^= UInt8(random.below(2) * 0x80) }
            _ = try? CountryTable(text: text.span)
        }
    }
}
