import Testing
import UsherConfiguration
import UsherCore

@Suite(.timeLimit(.minutes(1))) struct MutationTests {
    @Test("no change of a valid file crashes the reader, and every problem is one line inside the file")
    func mutations() {
        let seed: UInt64 = 20_261_123
        var random = SeededRandom(seed: seed)
        let original = Array(completeConfiguration.unicodeScalars)
        var accepted = 0
        for round in 0..<1500 {
            var scalars = original
            for _ in 0...random.below(4) { Self.mutate(&scalars, &random) }
            let text = String(String.UnicodeScalarView(scalars))
            do {
                _ = try ConfigurationReader.read(text: text, file: "u.yaml", environment: ["A": "1"])
                accepted += 1
            } catch {
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
                for problem in error.problems {
                    let isOneLine = !problem.description.unicodeScalars.contains { $0.value < 0x20 }
                    #expect(
                        isOneLine && (0...lines + 1).contains(problem.line), "seed \(seed), round \(round): \(problem)")
                }
                #expect(!error.problems.isEmpty)
            }
        }
        #expect(accepted > 20 && accepted < 1400)
    }

    private static let pieces = [
        "{", "}", "[", "]", ":", ",", "- ", "&a ", "*a", "${A}", "${", "!!x ", "|\n", ">", "\"", "'", "#", "\t", "\n",
        "  ", "null", "<<: ",
        "? ", "\u{0}", "\u{FEFF}", "\u{E000}", "é", "9999999999999999999999", "-1", "%", "---\n", "...", "services:",
        "none", "\\",
    ]

    /// Removes, doubles, moves or inserts a few characters.
    private static func mutate(_ scalars: inout [UnicodeScalar], _ random: inout SeededRandom) {
        let start = random.below(scalars.count)
        let end = min(scalars.count, start + 1 + random.below(12))
        switch random.below(4) {
        case 0: scalars.removeSubrange(start..<end)
        case 1: scalars.insert(contentsOf: scalars[start..<end], at: random.below(scalars.count))
        case 2: scalars.insert(contentsOf: Array(pieces[random.below(pieces.count)].unicodeScalars), at: start)
        default: scalars.swapAt(start, random.below(scalars.count))
        }
    }
}
