import Testing
import UsherCore

@testable import UsherAdvisor

@Suite("Tables of countries", .timeLimit(.minutes(1)))
struct CountryTableTests {
    private static func country(_ code: String) -> UInt64 { FieldHash.of(Array(code.utf8), 0..<code.utf8.count) }

    @Test("the narrowest range counts, in both families, and between ranges there is nobody")
    func ranges() throws {
        let table = try CountryTable(
            text: """
                network,country
                # a remark

                10.0.0.0/8,AA
                "10.1.0.0/16","BB"
                10.1.2.0/24,CC
                10.1.2.255/32,DD
                11.0.0.0/8,AA
                255.0.0.0/8,EE
                2001:db8::/32,FF
                """)
        let wanted = [
            "9.255.255.255": nil, "10.0.0.0": "AA", "10.0.255.255": "AA", "10.1.0.0": "BB", "10.1.1.255": "BB",
            "10.1.2.0": "CC", "10.1.2.254": "CC", "10.1.2.255": "DD", "10.1.3.0": "BB", "10.2.0.0": "AA",
            "11.1.1.1": "AA",
            "12.0.0.0": nil, "255.255.255.255": "EE", "2001:db8::1": "FF", "2001:db9::": nil, "::1": nil,
        ]
        for (text, code) in wanted {
            let address = try #require(IPAddress(text: text))
            #expect(table.country(of: address) == code.map(Self.country) ?? FieldHash.none, "\(text)")
        }
    }

    @Test(
        "what is no table is refused with its line",
        arguments: [
            ("", "no line"), ("# nothing", "no line"), ("network,code\n", "no line"), ("a,b\nc,d", "line 2"),
            ("10.0.0.0/8,AA\n10.0.0.0/8", "line 2"), ("10.0.0.0/8,AA\n10.0.0.1/8,BB", "line 2"),
            ("10.0.0.0/8,", "line 1"),
        ])
    func refused(text: String, message: String) {
        #expect {
            try CountryTable(text: text)
        } throws: { error in
            (error as? TextProblem)?.message.contains(message) ?? false
        }
    }
}
