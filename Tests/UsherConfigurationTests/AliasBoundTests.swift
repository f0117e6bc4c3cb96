import Testing
import UsherConfiguration

@Suite(.timeLimit(.minutes(1))) struct AliasBoundTests {
    private func problem(_ text: String) -> String {
        do {
            _ = try ConfigurationReader.read(text: text, file: "u.yaml", environment: [:])
            return "accepted"
        } catch {
            return error.description
        }
    }

    /// Twenty levels, each nine aliases of the one before: 9²⁰ values.
    private var laughs: String {
        (1..<20).reduce("a0: &a0 [x, x, x, x, x, x, x, x, x]\n") { text, level in
            let aliases = (0..<9).map { _ in "*a\(level - 1)" }.joined(separator: ", ")
            return text + "a\(level): &a\(level) [\(aliases)]\n"
        }
    }

    @Test("a billion laughs are refused at once")
    func values() {
        #expect(problem(laughs) == "u.yaml:6:15: has more than 200000 values once its aliases are followed")
    }

    @Test(
        "aliases in keys cost nothing",
        arguments: ["? *a19\n: 1\n", "? [*a19]\n: 1\n", "? { k: *a19 }\n: 1\n", "{ *a19 }\n"])
    func keys(text: String) {
        #expect(problem(laughs + text) != "accepted")
        #expect(problem("a: 1\n" + text) != "accepted")
    }

    @Test(
        "deep nesting is refused",
        arguments: [
            String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 5000),
            String(repeating: "[", count: 500) + String(repeating: "]", count: 500),
            String(repeating: "- ", count: 3000) + "a",
        ])
    func depth(text: String) {
        #expect(problem(text).contains("nested"))
    }
}
