import Testing
import UsherCore
import UsherTransport

@Suite("Messages of the domain name system")
struct DNSMessageTests {
    private static let identifier: UInt16 = 0x1234

    private func read(
        _ bytes: [UInt8], _ name: String = "cart.internal", _ type: DNSRecordType = .a
    ) throws -> DNSMessage {
        let question = DNSQuestion(try #require(DomainName(text: name)), type)
        return try DNSMessage(bytes, answering: question, identifier: Self.identifier)
    }

    private static func answer(_ records: [[UInt8]], flags: Int = 0x8180) -> [UInt8] {
        DNSWire.answer(flags: flags, name: "cart.internal", type: 1, records)
    }

    private static let address: [UInt8] = [10, 0, 0, 1]

    @Test("a query is the header, the question, and the size that is offered")
    func query() throws {
        let name = try #require(DomainName(text: "A.b"))
        let plain: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 1, 0x62, 0, 0, 33, 0, 1]
        let question = DNSQuestion(name, .srv)
        #expect(DNSMessage.query(question, identifier: Self.identifier, extended: false) == plain)
        var extended = plain
        extended[11] = 1
        extended += [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]
        #expect(DNSMessage.query(question, identifier: Self.identifier) == extended)
    }

    @Test("addresses, services and what a server adds are read")
    func records() throws {
        let alias = try self.read(RealAnswer.alias, "alias.internal")
        #expect(alias.answers.map(\.owner.description) == ["alias.internal", "cart.internal", "cart.internal"])
        #expect(alias.answers.compactMap(\.address?.description) == ["127.0.1.1", "127.0.1.2"])
        #expect(alias.answers.map(\.ttl) == [7, 7, 7])
        #expect(alias.isAuthoritative && alias.offersRecursion && !alias.isTruncated)
        let service = try self.read(RealAnswer.service, "_HTTP._tcp.cart.internal", .srv)
        let target = try #require(DomainName(text: "a.cart.internal"))
        #expect(service.answers.last?.data == .srv(DNSService(priority: 10, weight: 5, port: 9000, target: target)))
        #expect(service.additional.compactMap(\.address?.description) == ["127.0.1.1", "fd00::1", "127.0.1.2"])
        #expect(try self.read(RealAnswer.refused, "nobody.example").code == .refused)
    }

    @Test("other types and classes are passed over")
    func others() throws {
        let bytes = Self.answer([
            DNSWire.record(type: 16, [1, 0x78]), DNSWire.record(type: 1, recordClass: 3, [1, 2, 3]),
            DNSWire.a(Self.address),
        ])
        #expect(try self.read(bytes).answers.map(\.address) == [nil, nil, IPAddress(text: "10.0.0.1")])
    }

    @Test("a time to live with its first bit set is zero", arguments: [(0x8000_0000, 0), (0x7FFF_FFFF, 0x7FFF_FFFF)])
    func timeToLive(ttl: Int, expected: UInt32) throws {
        #expect(try self.read(Self.answer([DNSWire.a(Self.address, ttl: ttl)])).answers.first?.ttl == expected)
    }

    @Test("the upper part of the response code is taken from the OPT record")
    func extendedCode() throws {
        let options = DNSWire.record(type: 41, ttl: 0x0100_0000, recordClass: 1232, [], of: [0])
        let bytes = DNSWire.answer(name: "cart.internal", type: 1, additional: [options])
        #expect(try self.read(bytes).code == DNSResponseCode(16))
    }

    @Test("of a truncated answer only the header counts")
    func truncated() throws {
        let bytes = DNSWire.answer(flags: 0x8380, name: "cart.internal", type: 1, [[0xC0]], counts: [500, 0, 0])
        let message = try self.read(bytes)
        #expect(message.isTruncated)
        #expect(message.answers.isEmpty)
    }

    @Test("a server that fails may leave the question out", arguments: [1, 2, 4, 5])
    func headerAlone(code: Int) throws {
        let bytes = [0x1234, 0x8180 | code, 0, 0, 0, 0].flatMap(DNSWire.number)
        #expect(try self.read(bytes).code.number == code)
    }

    @Test(
        "what does not answer the query is told apart",
        arguments: [
            (DNSWire.answer(identifier: 0x1235, name: "cart.internal", type: 1), DNSMalformed.otherIdentifier),
            (DNSWire.answer(flags: 0x0100, name: "cart.internal", type: 1), .notAnAnswer),
            (DNSWire.answer(flags: 0xA180, name: "cart.internal", type: 1), .notAnAnswer),
            (DNSWire.answer(name: "cart.external", type: 1), .otherQuestion),
            (DNSWire.answer(name: "cart.internal", type: 28), .otherQuestion),
            ([0x1234, 0x8180, 0, 0, 0, 0].flatMap(DNSWire.number), .otherQuestion),
            ([0x1234, 0x8183, 0, 0, 0, 0].flatMap(DNSWire.number), .otherQuestion),
            ([0x1234, 0x8180, 2, 0, 0, 0].flatMap(DNSWire.number), .otherQuestion),
            ([], .cut), ([0x12], .cut), ([0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0], .cut),
            ([0x1234, 0x8180, 1, 0, 0, 0].flatMap(DNSWire.number), .cut),
        ])
    func otherMessages(bytes: [UInt8], problem: DNSMalformed) {
        #expect(throws: problem) { try self.read(bytes) }
    }

    /// The question's name stands at 12, its type at 27, so the first record begins at 31.
    @Test(
        "names that lie are refused",
        arguments: [
            // Itself, forward, into the header, into its own labels, reserved kinds of labels, too long.
            DNSWire.pointer(to: 31), DNSWire.pointer(to: 40), DNSWire.pointer(to: 0), DNSWire.pointer(to: 11),
            [1, 0x61] + DNSWire.pointer(to: 31), [2, 0x61, 0] + DNSWire.pointer(to: 33), [0x40, 0], [0x80, 0],
            DNSWire.name(Array(repeating: String(repeating: "a", count: 63), count: 4).joined(separator: ".")),
        ])
    func badNames(name: [UInt8]) {
        #expect(throws: DNSMalformed.badName) { try self.read(Self.answer([DNSWire.a(Self.address, of: name)])) }
    }

    @Test("a long staircase of pointers ends")
    func staircase() {
        // Inside a TXT record each pointer leads to the one before it, and the owner behind it to the last.
        var steps: [UInt8] = []
        for index in 0..<200 { steps += DNSWire.pointer(to: index == 0 ? 12 : 31 + 12 + 2 * (index - 1)) }
        let last = 31 + 12 + 2 * 199
        let bytes = Self.answer([
            DNSWire.record(type: 16, steps), DNSWire.a(Self.address, of: DNSWire.pointer(to: last)),
        ])
        #expect(throws: DNSMalformed.badName) { try self.read(bytes) }
        let short = Self.answer([
            DNSWire.record(type: 16, steps), DNSWire.a(Self.address, of: DNSWire.pointer(to: 31 + 12 + 2 * 100)),
        ])
        #expect(throws: Never.self) { try self.read(short) }
    }

    @Test(
        "data of the wrong length is refused",
        arguments: [
            DNSWire.record(type: 1, [10, 0, 0]), DNSWire.record(type: 1, [10, 0, 0, 1, 2]),
            DNSWire.record(type: 28, address), DNSWire.record(type: 33, [0, 1, 0, 1, 0, 80]),
            DNSWire.record(type: 33, [0, 1, 0, 1, 0, 80, 0, 0]), DNSWire.record(type: 5, [0xC0, 12, 0]),
        ])
    func badData(record: [UInt8]) {
        let more = DNSWire.a(Self.address)
        #expect(throws: DNSMalformed.badRecord) { try self.read(Self.answer([record, more])) }
    }

    @Test(
        "a message that tells more records than it has bytes for is refused before they are read",
        arguments: [[10_000, 0, 0], [65_535, 65_535, 65_535], [0, 0, 3]])
    func tooManyRecords(counts: [Int]) {
        let bytes = DNSWire.answer(
            name: "cart.internal", type: 1, [DNSWire.a(Self.address), DNSWire.a(Self.address)], counts: counts)
        #expect(throws: DNSMalformed.tooManyRecords) { try self.read(bytes) }
    }

    @Test("two OPT records, or one that is not the root's, are refused")
    func badOptions() {
        let options = DNSWire.record(type: 41, recordClass: 1232, [], of: [0])
        for additional in [[options, options], [DNSWire.record(type: 41, recordClass: 1232, [])]] {
            let bytes = DNSWire.answer(name: "cart.internal", type: 1, additional: additional)
            #expect(throws: DNSMalformed.badRecord) { try self.read(bytes) }
        }
    }
}
