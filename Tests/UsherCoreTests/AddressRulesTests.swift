import Testing
import UsherCore

@Suite("Rules for addresses", .timeLimit(.minutes(1)))
struct AddressRulesTests {
    private static func rules(allow: String? = nil, deny: String? = nil) throws -> AddressRules {
        AddressRules(
            allow: try allow.map { try AddressList(text: $0) }, deny: try deny.map { try AddressList(text: $0) })
    }

    @Test(
        "the narrower network decides, and of equal ones the denying",
        arguments: [
            (nil, "10.0.0.0/8", "10.1.2.3", false), (nil, "10.0.0.0/8", "11.1.2.3", true),
            ("10.0.0.0/8", nil, "10.1.2.3", true), ("10.0.0.0/8", nil, "11.1.2.3", false),
            ("10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", false),
            ("10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", true), ("10.0.0.1", "10.0.0.1", "10.0.0.1", false),
            (nil, "2001:db8::/32", "2001:db8::1", false), (nil, "0.0.0.0/0", "2001:db8::1", true),
            ("::/0\n0.0.0.0/0", "192.0.2.7", "192.0.2.7", false), (nil, nil, "192.0.2.7", true),
        ] as [(String?, String?, String, Bool)])
    func verdicts(allow: String?, deny: String?, address: String, isAdmitted: Bool) throws {
        let address = try #require(IPAddress(text: address))
        #expect(try Self.rules(allow: allow, deny: deny).admits(address) == isAdmitted)
    }

    @Test("lists have comments and empty lines, and tell of every line that is no network")
    func text() throws {
        let list = try AddressList(text: "# office\n10.0.0.0/8  # all of it\r\n\n 192.0.2.1\n")
        #expect(list.count == 2)
        let problem = #expect(throws: TextProblem.self) { try AddressList(text: "10.0.0.0/8\nnonsense\n10.0.0.1/8\n") }
        #expect(problem?.message.hasPrefix("line 2: ") == true)
        #expect(problem?.message.hasSuffix("and 1 more") == true)
    }

    @Test("a hundred thousand networks")
    func many() throws {
        let ranges = (0..<100_000).map { IPRange(IPAddress(v4: UInt32($0) << 8), prefix: 24) }
        let list = AddressList(ranges)
        #expect(list.longestPrefix(of: IPAddress(v4: 99_999 << 8 | 7)) == 24)
        #expect(list.longestPrefix(of: IPAddress(v4: 100_000 << 8)) == nil)
    }
}
