import ArgumentParser
import Foundation
import UsherAdvisor
import UsherCore
import UsherGateway

/// `usher advise access.log`: which key to shard by.
struct AdviseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advise",
        abstract: "Say which shard key an access log speaks for.",
        discussion: """
            Examples:
              usher advise access.log
              usher advise access.log.2.gz access.log.1 access.log --shards 20 --memory 4GiB
              zcat old/*.gz | usher advise - --countries countries.csv --json

            Reads logs of Usher, the combined format with what is put behind it, and JSON lines of nginx, Envoy,
            HAProxy, Traefik and Caddy; gzip's files, too. Lines that it does not understand are counted and left out.
            Memory does not grow with the log. Values of the log, such as paths and addresses, are not shown without
            --show-values.
            Exit codes: 0 the log was read, whether or not a key can be recommended; 1 no line tells of a request, or a
            file cannot be read or written; 2 wrong usage.
            """)

    @Argument(help: "Access logs in the order in which they were written; - is standard input.")
    var logs: [String]

    @Option(help: "How many shards, 1 to 512.")
    var shards = 10

    @Option(help: "What each shard may use as a cache, such as 512MiB or 4GiB.")
    var memory = "1GiB"

    @Option(help: "A table of countries, lines such as 192.0.2.0/24,FR, to judge keys by country.")
    var countries: String?

    @Option(help: "Write the load of equal parts of the keys, one a shard, as a picture; never over a file.")
    var svg: String?

    @Flag(help: "Show the most frequent keys, which may be personal data.")
    var showValues = false

    @Flag(help: "Print JSON only.")
    var json = false

    mutating func run() throws {
        // A reader that goes away is told by what writing returns.
        signal(SIGPIPE, SIG_IGN)
        let options = try self.options()
        if let svg = self.svg, FileManager.default.fileExists(atPath: svg) {
            try Self.fail("\(svg): exists already and is left as it is")
        }
        let advice = try self.read(options)
        if self.json { print(try prettyJSON(advice)) }
        guard !advice.candidates.isEmpty else {
            try Self.fail(
                advice.lines == 0 ? "there is no line to read" : "none of \(advice.lines) lines tells of a request")
        }
        if !self.json { print(AdviceText(Terminal.style).text(advice)) }
        guard let svg = self.svg else { return }
        guard let picture = LoadPicture.svg(advice) else { try Self.fail("\(svg): no key, no picture") }
        if let reason = writeNewFile(svg, picture) { try Self.fail("\(svg): \(reason)") }
    }

    // MARK: Reading

    private func read(_ options: Advisor.Options) throws -> Advice {
        var advisor = Advisor(options)
        var progress = AdviseProgress(isWanted: !self.json)
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        for (index, log) in self.logs.enumerated() {
            do throws(LogInput.Problem) {
                let input = try LogInput(log)
                while case let count = try input.read(into: &buffer), count > 0 {
                    advisor.append(buffer[..<count])
                    let share = input.progress.map { (Double(index) + $0) / Double(self.logs.count) }
                    progress.update(lines: advisor.lines, share: share)
                }
                advisor.endFile()
                if let problem = input.end() {
                    progress.clear()
                    printError(problem)
                }
            } catch {
                progress.clear()
                try Self.fail(error.message)
            }
        }
        progress.clear()
        return advisor.finish()
    }

    private func options() throws -> Advisor.Options {
        var options = Advisor.Options()
        guard Advisor.shardsRange.contains(self.shards) else {
            throw ValidationError("--shards is a number from 1 to \(Advisor.shardsRange.upperBound)")
        }
        do throws(TextProblem) {
            options.memory = try ByteCount(text: self.memory)
        } catch {
            throw ValidationError("--memory: \(error.message)")
        }
        options.shards = self.shards
        options.showsValues = self.showValues
        guard let file = self.countries else { return options }
        do throws(TextProblem) {
            options.countries = try CountryFile.table(file)
        } catch {
            try Self.fail(error.message)
        }
        options.countriesFile = file
        return options
    }

    private static func fail(_ line: String) throws -> Never {
        printError(line)
        throw ExitCode(1)
    }
}
