import Testing
import UsherCore
import UsherSharding

@testable import UsherAdvisor

@Suite("Values of fields", .timeLimit(.minutes(1)))
struct FieldSetTests {
    /// The hash of the country of a client; nil: there is no value.
    private static func country(_ client: String, named: String = "", table: String? = nil) throws -> UInt64? {
        let set = FieldSet([.country], countries: try table.map { try CountryTable(text: $0.utf8Span.span) })
        let line =
            #"{"remote_addr":"\#(client)","request":"GET / HTTP/1.1","status":200,"country_code":"\#(named)"}"#
        var bytes = Array(line.utf8)
        var (reader, hashes) = (LogLineReader(), [FieldHash.none])
        set.hash(try #require(reader.read(&bytes, 0..<bytes.count)), bytes, into: &hashes)
        return hashes[0] == FieldHash.none ? nil : hashes[0]
    }

    @Test("as in a key, an address that the table lacks belongs to ZZ, and without an address there is no country")
    func unknownCountries() throws {
        let table = "network,code\n192.0.2.0/25,FR # ours\n192.0.2.128/25,DE\n198.51.100.0/24,ZZ\n2001:db8::/32,FR\n"
        let french = try #require(try Self.country("192.0.2.1", table: table))
        let unknown = try #require(try Self.country("203.0.113.1", table: table))
        #expect(try french == Self.country("2001:db8::1", named: "DE", table: table))
        #expect(try french != Self.country("192.0.2.200", table: table) && french != unknown)
        #expect(try unknown == Self.country("198.51.100.1", table: table))
        #expect(try Self.country("-", table: table) == nil)
    }

    @Test("without a table countries are those that the log names, and the same ones")
    func namedCountries() throws {
        let table = "192.0.2.0/24,FR\n"
        #expect(try Self.country("192.0.2.1", named: "FR") == Self.country("192.0.2.1", table: table))
        #expect(try Self.country("192.0.2.1") == Self.country("203.0.113.1", table: table))
        #expect(try Self.country("-") == nil)
    }
}
