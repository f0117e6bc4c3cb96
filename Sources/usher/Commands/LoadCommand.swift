import ArgumentParser
import Foundation
import UnixSignals
import UsherConsole
import UsherCore
import UsherLoad
import UsherTransport

/// `usher load URL`: send load, and say what came of it.
struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Send load to a server and measure how it answers.",
        discussion: """
            Examples:
              usher load http://127.0.0.1:8080/ --duration 10s --connections 64
              usher load 'http://127.0.0.1:8080/item/{n}' --keys 10000 --zipf 0.99 --rate 500/s
              usher load http://127.0.0.1:8080/ --replay access.log --compare

            Without --rate each connection sends its next request when the last one is answered. With --rate requests
            begin when they are due, whatever became of earlier ones, and latencies count from that moment.
            Ctrl-C ends a run early and prints what there is.
            Exit codes: 0 there were answers, 1 nobody answers, 2 wrong usage.
            """)

    @Argument(help: "URLs of one server; {n} in them is a number below --keys. Several are asked for in turn.")
    var urls: [String]

    @Option(help: "How long requests begin, such as 10s or 2m. (default: 10s, or until --requests)")
    var duration: String?

    @Option(help: "How many requests, 1 and more. (default: as many as there is time for)")
    var requests: Int?

    @Option(help: "Load before measuring begins, such as 1s.")
    var warmup = "0s"

    @Option(help: "Requests that begin in a time, such as 500/s. (default: as fast as answers come)")
    var rate: String?

    @Flag(help: "Spread the requests of --rate at random, as independent users come.")
    var poisson = false

    @Option(name: .shortAndLong, help: "Connections, 1 to 100000.")
    var connections = 64

    @Option(help: "Threads, 1 to 256; one drives tens of thousands of requests a second.")
    var threads = 1

    @Flag(name: .customLong("http2"), help: "Speak HTTP/2, in the clear by prior knowledge.")
    var isHTTP2 = false

    @Option(help: "Requests at once on each HTTP/2 connection, 1 to 1000. (default: 10)")
    var streams: Int?

    @Option(help: "For each request, from when it should begin, and for connecting; at least 1ms.")
    var timeout = "10s"

    @Flag(help: "Take any certificate.")
    var insecure = false

    @Option(help: "The method. (default: GET, with a body POST)")
    var method: String?

    @Option(help: "The body: a text, or @FILE.")
    var body: String?

    @Option(name: [.customShort("H"), .customLong("header")], help: "A field of every request: 'Name: value'.")
    var headers: [String] = []

    @Option(name: .customLong("urls"), help: "A file of requests, a line each: GET /path, /path, or a URL.")
    var list: String?

    @Option(help: "An access log whose requests are sent again in order: Usher's JSON, or the combined format.")
    var replay: String?

    @Flag(help: "With --replay: send requests other than GET and HEAD, too, without their bodies.")
    var unsafe = false

    @Option(help: "How many numbers {n} has, from 0; 1 to 1000000000.")
    var keys = 10_000

    @Option(help: "Ask for some things more than for others, by Zipf's law; above 0 to 10. (default: all alike)")
    var zipf: Double?

    @Option(help: "Random numbers repeat from the same seed, 0 and more.")
    var seed: UInt64 = 1

    @Flag(help: "Run again without Usher's cache, and print both runs side by side. At most 9m each.")
    var compare = false

    @OptionGroup var running: AdminClient.Options

    @Flag(help: "Print JSON only.")
    var json = false

    mutating func run() async throws {
        FileLimit.raise()
        signal(SIGPIPE, SIG_IGN)
        var (plan, notes) = try self.read()
        if !self.json { for note in notes { printError(note) } }
        let token = try self.compare ? self.prepareComparison(&plan) : ""
        let report = try await self.measure(plan, self.compare ? "with the cache: " : "")
        if let silence = report.silence {
            printError(silence)
            if self.json { print(try prettyJSON(report)) }
            throw ExitCode(1)
        }
        guard self.compare, !report.isInterrupted else {
            return print(self.json ? try prettyJSON(report) : report.text)
        }
        let signature = CacheBypass.sign(token: token, unixSeconds: Int(Date().timeIntervalSince1970))
        plan.fields.append((CacheBypass.fieldName, signature))
        let bypassed = try await self.measure(plan, "without the cache: ")
        let comparison = ComparisonReport(withCache: report, bypassed: bypassed)
        print(self.json ? try prettyJSON(comparison) : comparison.text)
    }

    /// - Throws: `ExitCode` after a line that says what to write instead.
    private func read() throws -> (LoadPlan, [String]) {
        var order = LoadOrder()
        (order.urls, order.isUnsafe, order.method) = (self.urls, self.unsafe, self.method)
        order.list = try self.list.map { String(decoding: try Self.contents($0, of: "--urls"), as: UTF8.self) }
        order.log = try self.replay.map { String(decoding: try Self.contents($0, of: "--replay"), as: UTF8.self) }
        order.body = try self.body.map { text in
            text.hasPrefix("@") ? Array(try Self.contents(String(text.dropFirst()), of: "--body")) : Array(text.utf8)
        }
        (order.headers, order.keys, order.zipf, order.seed) = (self.headers, self.keys, self.zipf, self.seed)
        (order.duration, order.warmup, order.requests) = (self.duration, self.warmup, self.requests)
        (order.rate, order.isPoisson, order.timeout) = (self.rate, self.poisson, self.timeout)
        (order.connections, order.threads, order.isInsecure) = (self.connections, self.threads, self.insecure)
        (order.isHTTP2, order.streams) = (self.isHTTP2, self.streams)
        do {
            return try order.plan()
        } catch {
            throw Self.wrong("\(error)")
        }
    }

    private static func wrong(_ problem: String) -> ExitCode {
        printError("Error: \(problem)\nSee 'usher load --help' for all options.")
        return ExitCode(2)
    }

    private static func contents(_ path: String, of option: String) throws -> Data {
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Self.wrong("\(option): cannot read \(path): \(error.localizedDescription)")
        }
    }

    /// The token that signs the bypass. A run must end before the signature does.
    private func prepareComparison(_ plan: inout LoadPlan) throws -> String {
        let longest = Duration.seconds(540)
        plan.duration = plan.duration ?? longest - plan.warmup
        guard let duration = plan.duration, duration > .zero, plan.warmup + duration <= longest else {
            throw Self.wrong("--compare: --warmup and --duration together are at most 9m")
        }
        // Only a signature leaves this machine, never the token, so it does not matter where the server is.
        switch OperatorToken.find(self.running, for: .ip(IPAddress(v4: 0x7F00_0001), port: 1)) {
        case .found(let token): return token
        case .missing(let advice):
            printError("--compare asks Usher to leave its cache aside, which only its operator may:\n\(advice)")
            throw ExitCode(1)
        }
    }

    /// Runs a plan with a line of progress on a terminal; Ctrl-C ends it early.
    private func measure(_ plan: LoadPlan, _ title: String) async throws -> LoadReport {
        let isShown = isatty(STDERR_FILENO) == 1 && !self.json
        defer { if isShown { Self.show("") } }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let run = Task {
            try await LoadRun(plan).run { progress in
                if isShown { Self.show(title + progress.line) }
            }
        }
        let interruption = Task { for await _ in signals { run.cancel() } }
        defer { interruption.cancel() }
        return try await run.value
    }

    /// Writes over the line that stands there.
    private static func show(_ line: String) {
        FileHandle.standardError.write(Data("\r\(line)\u{1b}[K".utf8))
    }
}
