import Testing
import UsherCaching
import UsherCore

@Suite("Answers that differ by the request", .timeLimit(.minutes(1)))
struct VaryNamesTests {
    private static func names(_ fields: String) throws -> [String]? {
        try VaryNames(Heads.response(fields))?.names.map { Heads.text($0) }
    }

    /// What a request selects by.
    private static func key(_ vary: String, _ fields: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        VaryNames(try Heads.response("Vary: \(vary)\n"))?.append(selecting: try Heads.request(fields), to: &bytes)
        return bytes
    }

    @Test("RFC 9110 §12.5.5: names are sorted, distinct and in lower case")
    func names() throws {
        let names = try Self.names("Vary: Origin, accept-encoding,, ORIGIN\nVary: Cookie\n")
        #expect(names == ["accept-encoding", "cookie", "origin"])
        #expect(try Self.names("") == [])
        #expect(try Self.names("Vary: ,\n") == [])
        #expect(try VaryNames(Heads.response("Vary:\n"))?.isEmpty == true)
        #expect(try VaryNames(Heads.response("Vary: B, a\n")) == VaryNames(Heads.response("Vary: A\nVary: b\n")))
    }

    @Test("RFC 9111 §4.1: a star, what is no name, and more than 16 names fit no other request")
    func never() throws {
        for value in ["*", "a,*", "a b", "\"a\"", "a=b"] { #expect(try Self.names("Vary: \(value)\n") == nil) }
        let most = (1...16).map { "x\($0)" }.joined(separator: ",")
        #expect(try Self.names("Vary: \(most)\nVary: X1\n")?.count == 16)
        #expect(try Self.names("Vary: \(most), y\n") == nil)
    }

    @Test(
        "RFC 9111 §4.1: lines are joined, and white space at commas does not count",
        arguments: [
            ("A: 1, 2\n", "A: 1,2\n", true), ("A: 1\nA: 2\n", "a: 1 ,\t2\n", true), ("A: 1\n", "A: 2\n", false),
            ("A: 1\n", "", false), ("A:\n", "", false), ("A: x\n", "A: X\n", false), ("B: 1\n", "", true),
            ("A: \"1 , 2\"\n", "A: \"1,2\"\n", false), ("A: \"1 , 2\n", "A: \"1,2\n", true),
            ("A: 1, 2\n", "A: 2, 1\n", false), ("A_B: 1\n", "", true), ("A: 1,\n", "A: 1\n", false),
        ])
    func normalised(one: String, other: String, isSame: Bool) throws {
        #expect(try (Self.key("A", one) == Self.key("A", other)) == isSame)
    }

    @Test("RFC 9111 §4.1: values of neighbouring fields do not run into each other")
    func unambiguous() throws {
        let fields = ["A: 1\nB: 2\n", "A: 12\n", "B: 12\n", "A:\nB: 12\n", "A: 12\nB:\n", "", "A:\n", "B:\n"]
        let keys = try fields.map { try Self.key("A, B", $0) }
        #expect(Set(keys).count == fields.count)
        #expect(try Self.key("A", "A: 1\n") != Self.key("B", "B: 1\n"))
        #expect(try Self.key("A", "") != Self.key("A, B", ""))
    }

    @Test(
        "RFC 9110 §12.5.3: Accept-Encoding is the set of codings that are taken",
        arguments: [
            ("gzip, br", "br;q=0.5,  GZIP ; q=1.000", true), ("gzip", "x-gzip", true), ("gzip", "gzip, br;q=0", true),
            ("gzip", "gzip, br;q=0.000", true), ("gzip", "gzip, identity", true), ("gzip", "br", false),
            ("gzip", "gzip, identity;q=0", false), ("gzip, identity;q=0", "gzip, *;q=0", true),
            ("gzip, *;q=0", "gzip, *;q=0, identity", false), ("", "identity", true), ("*", "gzip", false),
            ("*", "*, gzip, br", true), ("*, gzip;q=0", "*", false), ("gzip", "gzip, dcb", false),
            ("dcb", "dcb", true), ("gzip;q=x", "gzip", false), ("gzip, gzip", "gzip", false),
            ("identity, identity", "", false), ("*, *", "*", false),
            ("gzip;q=1.001", "gzip", false), ("gzip;q=0.0001", "gzip", false),
            ("gzip, deflate, br, zstd", "zstd, br, deflate, gzip", true),
            ("gzip;level=1", "gzip", false), ("gzip; q=0", "", true), (", gzip,", "gzip", true),
        ])
    func codings(one: String, other: String, isSame: Bool) throws {
        let first = try Self.key("Accept-Encoding", "Accept-Encoding: \(one)\n")
        let second = try Self.key("accept-encoding", "accept-encoding: \(other)\n")
        #expect((first == second) == isSame)
        #expect(try first != Self.key("Accept-Encoding", ""))
    }

    @Test("RFC 9110 §12.5.3: lines of Accept-Encoding are one list")
    func codingLines() throws {
        let joined = try Self.key("Accept-Encoding, A", "Accept-Encoding: gzip\nA: 1\nAccept-Encoding: br\n")
        #expect(try joined == Self.key("A, Accept-Encoding", "A: 1\nAccept-Encoding: br, gzip\n"))
    }

    @Test("RFC 9111 §4.1: random values are compared, whatever they are")
    func fuzz() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = ["gzip", "br", "*", ";q=", "0", "1", ".", ",", " ", "\"", "\\", "identity", ";"]
        for _ in 0..<3000 {
            let text = scribbler.text(morsels)
            let key = try Self.key("Accept-Encoding, B", "Accept-Encoding: \(text)\nB: \(text)\n")
            let again = try Self.key("B, Accept-Encoding", "B: \(text)\nAccept-Encoding: \(text)\n")
            #expect(key == again, "seed \(seed): \(text)")
            #expect(try key != Self.key("Accept-Encoding, B", "Accept-Encoding: \(text)\nB: \(text)x\n"))
        }
        for unit in ["\"", ",", "gzip,", "\\\"", "a;q=1,"] {
            _ = try Self.key("A, Accept-Encoding", "A: \(String(repeating: unit, count: 50_000))\n")
        }
    }
}
