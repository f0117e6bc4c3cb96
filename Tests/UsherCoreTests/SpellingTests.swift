import Testing

@testable import UsherCore

@Suite struct SpellingTests {
    @Test(
        "the nearest spelling is found within a third of the word",
        arguments: [
            ("balence", "balance"), ("blaance", "balance"), ("Balance", "balance"), ("replicaa", "replicas"),
            ("hots", "host"),
            ("timeout", "timeouts"), ("rondom", nil), ("xyz", nil), ("", nil), ("h", nil),
        ])
    func nearest(word: String, expected: String?) {
        #expect(Spelling.nearest(to: word, among: ["balance", "replicas", "host", "timeouts"]) == expected)
    }

    @Test(
        "edits count inserted, deleted, replaced and swapped characters",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("ab", "ba", 1), ("abc", "acb", 1), ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ])
    func edits(left: String, right: String, expected: Int) {
        #expect(Spelling.edits(Array(left), Array(right)) == expected)
    }

    @Test("a very long word is not compared")
    func long() {
        #expect(Spelling.nearest(to: String(repeating: "a", count: 100_000), among: ["a"]) == nil)
        #expect(Spelling.nearest(to: "a", among: [String(repeating: "a", count: 100_000)]) == nil)
    }

    @Test("the first of equally near words wins")
    func ties() {
        #expect(Spelling.nearest(to: "hat", among: ["cat", "bat"]) == "cat")
        #expect(Spelling.hint(for: "hat", among: ["cat"]) == " (did you mean 'cat'?)")
        #expect(Spelling.hint(for: "zebra", among: ["cat"]) == "")
    }
}
