import Testing
import UsherCore

@testable import UsherConfiguration

@Suite(.timeLimit(.minutes(1))) struct CredentialListEditTests {
    private func added(_ text: String) throws -> String? {
        try CredentialListEdit<KeyFile.Entry>(text, file: "").adding(sampleKey("new", "gold", "9"))
    }

    private func removed(_ name: String, from text: String) throws -> String? {
        try CredentialListEdit<KeyFile.Entry>(text, file: "").removing(named: name)
    }

    private let line = "- { name: \"new\", class: gold, sha256: \(sampleDigest("9")) }\n"

    @Test(
        "an added entry is one more line, and the rest stays",
        arguments: [
            "", "# head\n", "- { name: a, sha256: \(sampleDigest("1")) }\n",
            "# head\n\n- name: a   # why\n  sha256: \(sampleDigest("1"))\n# end\n",
        ])
    func appended(text: String) throws {
        #expect(try added(text) == text + line)
    }

    @Test("indentation, a missing line feed and other line ends are respected")
    func surroundings() throws {
        let one = "{ name: a, sha256: \(sampleDigest("1")) }"
        #expect(try added("- \(one)") == "- \(one)\n\(line)")
        #expect(try added("---\n  - \(one)\n") == "---\n  - \(one)\n  \(line)")
        #expect(try added("# x\r\n- \(one)\r\n") == "# x\r\n- \(one)\r\n" + line.dropLast() + "\r\n")
        #expect(try added("-   \(one)\n") == "-   \(one)\n\(line)")
    }

    @Test("a list that has no line to add is written anew below its comments")
    func rewritten() throws {
        let one = "- { name: \"a\", class: authenticated, sha256: \(sampleDigest("1")) }\n"
        #expect(try added("# head\n[{ name: a, sha256: \(sampleDigest("1")) }] # x\n") == "# head\n" + one + line)
        #expect(try added("[]") == line)
        #expect(try added("# head\n~\n") == "# head\n" + line)
        #expect(try added("- { name: a, sha256: \(sampleDigest("1")) }\n...\n") == one + line)
        let split = "-\n  name: a\n  sha256: \(sampleDigest("1"))\n"
        #expect(try added(split) == split + line)
    }

    @Test("a revoked name's lines go, all of them and no others")
    func removedLines() throws {
        let text = """
            # head
            - { name: a, sha256: \(sampleDigest("1")) } # x
            # about b
            - name: b

              # inside
              sha256: \(sampleDigest("2"))

            # about a
            - { name: a,
                sha256: \(sampleDigest("3")) }
            # about c
            - sha256: \(sampleDigest("4"))
              name: c
            # end
            """
        #expect(
            try removed("a", from: text) == """
                # head
                # about b
                - name: b

                  # inside
                  sha256: \(sampleDigest("2"))

                # about a
                # about c
                - sha256: \(sampleDigest("4"))
                  name: c
                # end
                """)
        #expect(
            try removed("b", from: text) == """
                # head
                - { name: a, sha256: \(sampleDigest("1")) } # x
                # about b

                # about a
                - { name: a,
                    sha256: \(sampleDigest("3")) }
                # about c
                - sha256: \(sampleDigest("4"))
                  name: c
                # end
                """)
    }

    @Test("the last entry can go, and what is left is an empty list")
    func last() throws {
        #expect(try removed("a", from: "- { name: a, sha256: \(sampleDigest("1")) }") == "")
        #expect(try removed("a", from: "# x\n- { name: a, sha256: \(sampleDigest("1")) }\n") == "# x\n")
        #expect(try removed("a", from: "[{ name: a, sha256: \(sampleDigest("1")) }]\n") == "")
    }

    @Test("entries that do not stand in lines of their own are written anew")
    func entangled() throws {
        let b = "- { name: \"b\", class: authenticated, sha256: \(sampleDigest("2")) }\n"
        let flow = "# head\n[{ name: a, sha256: \(sampleDigest("1")) }, { name: b, sha256: \(sampleDigest("2")) }]\n"
        #expect(try removed("a", from: flow) == "# head\n" + b)
        let anchored =
            "- { name: a, class: &c gold, sha256: \(sampleDigest("1")) }\n"
            + "- { name: b, class: *c, sha256: \(sampleDigest("2")) }\n"
        #expect(try removed("a", from: anchored) == b.replacing("authenticated", with: "gold"))
        let split = "-\n  name: a\n  sha256: \(sampleDigest("1"))\n-\n  name: b\n  sha256: \(sampleDigest("2"))\n"
        #expect(try removed("a", from: split) == b)
    }

    @Test("whatever the text looks like, an edit changes one thing or nothing")
    func mutations() throws {
        let seed: UInt64 = 20_261_127
        var random = SeededRandom(seed: seed)
        let original = Array(
            """
            # head
            - { name: a, sha256: \(sampleDigest("1")) } # x
            - name: b
              class: &c gold
              sha256: \(sampleDigest("2"))
              # inside

            - { name: "a", class: *c, sha256: \(sampleDigest("3")) }
            - {name: 'd',
               sha256: "\(sampleDigest("4"))"}
            """.unicodeScalars)
        let pieces = ["\n", "- ", "\n- ", "  ", "\"", "'", "[", "]", "{", "}", "#", "|\n", "\r", "...\n", "---\n", "é"]
        var edited = 0
        for round in 0..<1500 {
            var scalars = original
            for _ in 0...random.below(3) {
                let place = random.below(scalars.count)
                switch random.below(3) {
                case 0: scalars.remove(at: place)
                case 1: scalars.insert(contentsOf: pieces[random.below(pieces.count)].unicodeScalars, at: place)
                default: scalars.swapAt(place, random.below(scalars.count))
                }
            }
            let text = String(String.UnicodeScalarView(scalars))
            guard let edit = try? CredentialListEdit<KeyFile.Entry>(text, file: ""), let first = edit.entries.first
            else { continue }
            let more = try edit.adding(sampleKey("new", "gold", "9"))
            let fewer = edit.removing(named: first.name)
            let classes = ["authenticated", "gold"] + edit.entries.map(\.callerClass)
            if let more {
                #expect(
                    try readKeys(more, classes: classes) == edit.entries + [sampleKey("new", "gold", "9")],
                    "seed \(seed), round \(round)")
            }
            if let fewer {
                #expect(
                    try readKeys(fewer, classes: classes) == edit.entries.filter { $0.name != first.name },
                    "seed \(seed), round \(round)")
            }
            #expect(more != nil && fewer != nil, "seed \(seed), round \(round): \(text)")
            edited += 1
        }
        #expect(edited > 100)
    }
}
