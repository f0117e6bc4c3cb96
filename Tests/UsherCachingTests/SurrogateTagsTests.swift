import Testing
import UsherCaching

@Suite("Tags of answers", .timeLimit(.minutes(1)))
struct SurrogateTagsTests {
    private static func tags(_ fields: String) throws -> [String] {
        try SurrogateTags.read(Heads.response(fields)).map { Heads.text($0) }
    }

    @Test("tags come from both fields, each with its own separator, once and in order")
    func both() throws {
        let tags = try Self.tags("Surrogate-Key: a  b,c A\ncache-tag: d e ,\tf,,a\nSurrogate-Key: g\n")
        #expect(tags == ["a", "b,c", "A", "d e", "f", "g"])
        #expect(try Self.tags("Other: x\nCache-Tag:\nSurrogate-Key:\n") == [])
        #expect(try Self.tags("") == [])
    }

    @Test("at most 128 tags of at most 256 bytes")
    func bounds() throws {
        let many = (0..<500).map { "t\($0)" }
        let tags = try Self.tags("Surrogate-Key: \(many.joined(separator: " "))\nCache-Tag: x\n")
        #expect(tags == Array(many.prefix(128)))
        let long = String(repeating: "a", count: 256)
        #expect(try Self.tags("Cache-Tag: \(long),\(long)a,b\n") == [long, "b"])
    }
}
