import Testing
import UsherConfiguration

@Suite struct StarterConfigurationTests {
    /// The starter's lines of the form `# key: value`, with their place.
    private static var commented: [(line: Int, text: String)] {
        lines.enumerated().compactMap { index, line -> (line: Int, text: String)? in
            let parts = line.split(separator: "# ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].allSatisfy({ $0 == " " }), let colon = parts[1].firstIndex(of: ":"),
                parts[1][..<colon].allSatisfy({ $0.isLowercase || $0 == "-" }), colon > parts[1].startIndex
            else { return nil }
            return (index, String(parts[0] + parts[1]))
        }
    }

    private static var lines: [Substring] {
        starterConfiguration.split(separator: "\n", omittingEmptySubsequences: false)
    }

    @Test("every key that stands behind a # can be used by taking the # away", arguments: commented.map(\.line))
    func uncommented(line: Int) throws {
        let text = try #require(Self.commented.first { $0.line == line }?.text)
        let key = text.prefix { $0 != ":" } + ":"
        var lines = Self.lines.map(String.init)
        lines[line] = text
        // A second form of a key that is in use takes its place.
        lines = lines.enumerated().filter { $0.offset == line || !$0.element.hasPrefix(key) }.map(\.element)
        _ = try ConfigurationReader.read(
            text: lines.joined(separator: "\n"), file: "/u.yaml", environment: [:])
    }

    @Test("values behind a # are the defaults, where a default is a value")
    func defaults() throws {
        let keys = ["admin", "log", "balance", "ejection", "panic", "slow-start", "retries", "timeouts", "connections"]
        let usual = try ConfigurationReader.read(text: starterConfiguration, file: "/u.yaml", environment: [:])
        for key in keys {
            let place = try #require(Self.commented.first { $0.text.drop { $0 == " " }.hasPrefix(key + ":") }, "\(key)")
            var lines = Self.lines.map(String.init)
            lines[place.line] = place.text
            let settings = try ConfigurationReader.read(
                text: lines.joined(separator: "\n"), file: "/u.yaml", environment: [:])
            #expect(settings == usual, "\(key)")
        }
    }
}
