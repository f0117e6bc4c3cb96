import Testing
import UsherCore

@testable import UsherConfiguration

/// Long lists are read piece by piece; nobody can tell.
@Suite(.timeLimit(.minutes(1))) struct CredentialPiecesTests {
    private func number(_ index: Int) -> String {
        CredentialDigest(words: (0, 0, 0, UInt64(index))).hexadecimal
    }

    private func entry(_ index: Int) -> String {
        switch index % 5 {
        case 0: "- { name: n\(index), class: gold, sha256: \(number(index)) }\n"
        case 1: "- name: n\(index)\n  # - in a comment\n  class: gold\n  sha256: \(number(index))\n"
        case 2: "# above\n\n-   name: 'n\(index)'\n    class: gold\n    sha256: \(number(index))\n\n"
        case 3: "- {name: \"n\(index)\",\n   class: gold,\n   sha256: \(number(index))}\r\n"
        default: "- class: gold\n  name: n\(index)\n  sha256:\n    \(number(index))\n"
        }
    }

    @Test("pieces put together are the text, and each knows the lines before it")
    func cuts() {
        let text = (0..<10_000).map(entry).joined()
        let pieces = Array(CredentialPieces(text))
        #expect(pieces.count > 3)
        #expect(pieces.map(\.text).joined() == text)
        var lines = 0
        for piece in pieces {
            #expect(piece.linesBefore == lines && piece.text.utf8.count < CredentialPieces.pieceSize + 1000)
            lines += piece.text.utf8.count { $0 == UInt8(ascii: "\n") }
        }
    }

    @Test("10,000 keys are read in their order, and a problem among them has its place")
    func large() throws {
        let texts = (0..<10_000).map(entry)
        let keys = try readKeys(texts.joined())
        #expect(keys.map(\.name) == (0..<10_000).map { "n\($0)" })
        #expect(keys.allSatisfy { $0.callerClass == "gold" && $0.digest.words.3 < 10_000 })

        let before = texts.joined()
        let line = before.utf8.count { $0 == UInt8(ascii: "\n") } + 1
        #expect(
            keyProblems(before + "- { name: last, class: gold, sha256: \(number(0)) }\n") == [
                "keys.yaml:\(line):3: [10000].sha256: the same key stands in line 1 already"
            ])
        #expect(
            keyProblems(before + "- { name: last\n") == [
                "keys.yaml:\(line + 1):1: is not valid YAML: did not find expected ',' or '}' "
                    + "while parsing a flow mapping"
            ])
    }

    @Test(
        "a long text that means something else as a whole is never read in pieces",
        arguments: ["---\n", "...\n", "%YAML 1.1\n---\n"])
    func marks(mark: String) {
        let half = (0..<2000).map { "- { name: n\($0), sha256: \(number($0)) }\n" }.joined()
        let other = (2000..<4000).map { "- { name: n\($0), sha256: \(number($0)) }\n" }.joined()
        #expect(Array(CredentialPieces(half + mark + other)).count == 1)
        #expect(keyProblems(half + mark + other).count == 1)
        #expect(keyProblems(mark == "...\n" ? half + other + mark : mark + half + other) == [])
    }

    @Test("a long text with a quote over an entry's beginning is refused, not misread")
    func quote() {
        let half = (0..<3000).map { "- { name: n\($0), sha256: \(number($0)) }\n" }.joined()
        let text = "- { sha256: \(number(9999)), name: \"\n" + half + "\" }\n"
        #expect(!keyProblems(text).isEmpty)
    }

    @Test("an entry of another piece cannot be referred to")
    func anchors() {
        let half = (0..<5000).map { "- { name: n\($0), sha256: \(number($0)) }\n" }.joined()
        let text = "- { name: &a acme, sha256: \(number(9999)) }\n" + half + "- { name: *a, sha256: \(number(9998)) }\n"
        #expect(keyProblems(text).count == 1)
    }
}
