import Testing
import UsherCore

@testable import UsherTransport

@Suite("What an answer means")
struct DNSVerdictTests {
    private func verdict(
        flags: Int = 0x8180, _ answers: [[UInt8]], type: DNSRecordType = .a
    ) throws -> DNSVerdict {
        let question = DNSQuestion(try #require(DomainName(text: "cart.internal")), type)
        let bytes = DNSWire.answer(flags: flags, name: "cart.internal", type: Int(type.rawValue), answers)
        return try DNSMessage(bytes, answering: question, identifier: 0x1234).verdict(on: question)
    }

    /// Addresses and time to live; nil for another verdict.
    private func found(_ verdict: DNSVerdict) -> (addresses: [String], ttl: Duration)? {
        guard case .answer(let answer) = verdict else { return nil }
        return (answer.records.compactMap(\.address?.description), answer.ttl)
    }

    /// `host0` → `host1` → …, in an order that has to be followed.
    private func chain(_ count: Int) -> [[UInt8]] {
        var records: [[UInt8]] = []
        for index in 0..<count {
            let owner = index == 0 ? DNSWire.pointer() : DNSWire.name("host\(index)")
            records.append(DNSWire.alias(to: DNSWire.name("host\(index + 1)"), of: owner, ttl: 100 - index))
        }
        return ([DNSWire.a([10, 0, 0, 9], of: DNSWire.name("host\(count)"), ttl: 99)] + records).reversed()
    }

    @Test("the shortest time to live counts, of addresses and of aliases")
    func shortest() throws {
        let plain = try self.verdict([DNSWire.a([10, 0, 0, 1], ttl: 50), DNSWire.a([10, 0, 0, 2], ttl: 20)])
        #expect(self.found(plain)?.addresses == ["10.0.0.1", "10.0.0.2"])
        #expect(self.found(plain)?.ttl == .seconds(20))
        #expect(self.found(try self.verdict(self.chain(3)))?.ttl == .seconds(98))
    }

    @Test("eight aliases are followed, nine and circles are not")
    func aliases() throws {
        #expect(self.found(try self.verdict(self.chain(8)))?.addresses == ["10.0.0.9"])
        #expect(try self.verdict(self.chain(9)) == .useless("more than 8 aliases in a row"))
        let circle = [
            DNSWire.alias(to: DNSWire.name("other")), DNSWire.alias(to: DNSWire.pointer(), of: DNSWire.name("other")),
        ]
        #expect(try self.verdict(circle) == .useless("more than 8 aliases in a row"))
    }

    @Test("records of names that the question does not lead to are not believed")
    func strangers() throws {
        let stranger = DNSWire.a([6, 6, 6, 6], of: DNSWire.name("bank.example"))
        #expect(try self.verdict([stranger]) == .noSuchName)
        let both = try self.verdict([stranger, DNSWire.a([10, 0, 0, 1])])
        #expect(self.found(both)?.addresses == ["10.0.0.1"])
    }

    @Test("records of another type than asked for are not the answer")
    func otherType() throws {
        #expect(try self.verdict([DNSWire.aaaa(1)]) == .noSuchName)
        #expect(try self.verdict([DNSWire.a([10, 0, 0, 1])], type: .aaaa) == .noSuchName)
    }

    @Test("no records, or an alias to nothing, are the end of the question")
    func nothing() throws {
        #expect(try self.verdict([]) == .noSuchName)
        #expect(try self.verdict(flags: 0x8183, []) == .noSuchName)
        #expect(try self.verdict([DNSWire.alias(to: DNSWire.name("gone"))]) == .noSuchName)
    }

    @Test(
        "a server that cannot or will not answer is passed over",
        arguments: [
            (0x8182, "SERVFAIL"), (0x8185, "REFUSED"), (0x8181, "FORMERR"), (0x8184, "NOTIMP"),
            (0x8189, "response code 9"), (0x8100, "it only refers to other servers"),
        ])
    func useless(flags: Int, text: String) throws {
        #expect(try self.verdict(flags: flags, []) == .useless(text))
    }

    @Test("an alias that the server did not follow is no end", arguments: [0x8100, 0x8500])
    func unfollowedAlias(flags: Int) throws {
        let verdict = try self.verdict(flags: flags, [DNSWire.alias(to: DNSWire.name("elsewhere.example"))])
        #expect(verdict == .useless("it only refers to other servers"))
        #expect(try self.verdict(flags: 0x8500, []) == .noSuchName)
    }

    @Test("an answer that contradicts itself is not used")
    func contradiction() throws {
        let verdict = try self.verdict(flags: 0x8183, [DNSWire.a([10, 0, 0, 1])])
        #expect(verdict == .useless("NXDOMAIN beside records of the name"))
    }
}
