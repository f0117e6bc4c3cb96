import Testing
import UsherCore

@testable import UsherAdvisor

@Suite("Candidate keys", .timeLimit(.minutes(1)))
struct CandidateKeyTests {
    private static let block = KeyField.variable(.sourceAddress(prefix: 24))

    @Test("a key of one part is a template, of several a list, and a country names its table's rule")
    func text() {
        #expect(CandidateKey([.path]).text == "{path}" && CandidateKey([.path]).line == #"key: "{path}""#)
        #expect(CandidateKey([.path, Self.block]).text == #"["{source-address/24}", "{path}"]"#)
        #expect(CandidateKey([.country]).text == #"[{ take: "{source-address}", normalise: [country] }]"#)
        #expect(CandidateKey([.country, .path]).label == "country of {source-address} + {path}")
        #expect(CandidateKey([.variable(.query(#"a"b\"#))]).line == #"key: "{query.a\"b\\}""#)
    }

    @Test("what follows from another part is left out")
    func redundant() {
        let segment = KeyField.variable(.pathSegment(1))
        #expect(CandidateKey([segment, .path]) == CandidateKey([.path]))
        #expect(CandidateKey([.country, Self.block, .path, .address]) == CandidateKey([.address, .path]))
        #expect(CandidateKey([.path, .path]) == CandidateKey([.path]))
    }

    @Test("coarser is who tells less apart")
    func coarser() {
        let (path, block, country) = (
            CandidateKey([.path]), CandidateKey([Self.block, .path]), CandidateKey([.country, .path])
        )
        #expect(path.isCoarser(than: block) && country.isCoarser(than: block) && path.isCoarser(than: country))
        #expect(!block.isCoarser(than: country) && !path.isCoarser(than: path))
        #expect(
            !CandidateKey([.host]).isCoarser(than: block)
                && CandidateKey([.variable(.pathSegment(2))]).isCoarser(than: path))
    }

    @Test("every template can be read, there are never more than 32 keys, and the book's four are among them")
    func templates() throws {
        let names = (0..<5).map { KeyField.variable(.query("p\($0)")) }
        let fields: [KeyField] =
            [.method, .path] + (1...3).map { .variable(.pathSegment($0)) } + [.host, .address, Self.block]
            + [.variable(.sourceAddress(prefix: 48)), .country, .identity, .language, .userAgent] + names
            + [.variable(.cookie("sid")), .variable(.cookie("x")), .variable(.header("x-tenant"))]
        let keys = KeyCandidates.make(fields)
        #expect(keys.count <= KeyCandidates.countMax && Set(keys).count == keys.count)
        for key in keys {
            for field in key.fields { _ = try Template(text: field.template) }
        }
        for fields in [[KeyField.path], [.address, .path], [.country, .path]] {
            #expect(keys.contains(CandidateKey(fields)))
        }
        #expect(keys.last == CandidateKey(fields))
    }
}
