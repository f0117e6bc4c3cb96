import Foundation
import Testing

/// A running `usher run` with a configuration of the test's own, and its vital signs.
final class UsherProcess {
    let folder: String
    let mark = ProcessMark()
    let process: ChildProcess
    private(set) var port: UInt16 = 0
    private(set) var adminPort: UInt16 = 0

    /// `USHER_BINARY`, else the `usher` that was built beside the test bundle.
    static let binary: String = {
        if let chosen = ProcessInfo.processInfo.environment["USHER_BINARY"] { return chosen }
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (bundle as NSString).deletingLastPathComponent + "/usher"
    }()

    /// - Parameters:
    ///   - configuration: `usher.yaml`; `admin` and a listener on free ports are added unless it has its own.
    ///   - commands: arguments with which `usher` is run in its folder before.
    ///   - prefix: what the command starts with, such as a shell that sets limits first.
    init(
        _ configuration: String, files: [String: String] = [:], after commands: [[String]] = [], prefix: [String] = []
    ) throws {
        try #require(access(Self.binary, X_OK) == 0, "build `usher` first, or set USHER_BINARY")
        var template = Array("/tmp/usher-fault-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FaultTestError("cannot make a folder in /tmp") }
        let name = template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        self.folder = String(decoding: name, as: UTF8.self)
        var text = configuration
        if !text.contains("admin:") { text = "admin: 127.0.0.1:0\n" + text }
        if !text.contains("listeners:") { text = "listeners: [ { address: \"127.0.0.1:0\" } ]\n" + text }
        if !text.contains("access:") { text = "log: { access: off }\n" + text }
        for (name, content) in files.merging(["usher.yaml": text], uniquingKeysWith: { $1 }) {
            try content.write(toFile: "\(self.folder)/\(name)", atomically: false, encoding: .utf8)
        }
        for command in commands {
            let result = try ChildProcess.output(of: [Self.binary] + command, in: self.folder)
            try #require(result.code == 0, "\(command): \(result.output)")
        }
        self.process = try ChildProcess(
            prefix + [Self.binary, "run", "usher.yaml"], folder: self.folder, environment: self.mark.environment,
            errors: "\(self.folder)/errors")
    }

    deinit {
        // A test that failed half-way leaves nothing behind either.
        self.process.signal(SIGKILL)
        _ = self.mark.survivors(after: .milliseconds(500))
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// Starts Usher, runs `body`, stops Usher gently; then nothing of it may be left, and it must have ended well.
    static func running(
        _ configuration: String, files: [String: String] = [:], after commands: [[String]] = [], prefix: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation, _ body: (UsherProcess) throws -> Void
    ) throws {
        let usher = try UsherProcess(configuration, files: files, after: commands, prefix: prefix)
        try usher.waitUntilServing()
        do {
            try body(usher)
        } catch {
            usher.process.signal(SIGKILL)
            throw error
        }
        usher.process.signal(SIGTERM)
        let code = usher.process.exit()
        #expect(code == 0, "its log: \(usher.log.suffix(2000))", sourceLocation: sourceLocation)
        if code == nil { usher.process.signal(SIGKILL) }
        #expect(usher.mark.survivors() == [:], sourceLocation: sourceLocation)
    }

    /// What it wrote to standard error.
    var log: String {
        String(decoding: FileManager.default.contents(atPath: "\(self.folder)/errors") ?? Data(), as: UTF8.self)
    }

    func waitUntilServing() throws {
        let isServing = eventually(within: .seconds(30)) {
            if !self.process.isAlive { return true }
            let text = self.log
            self.port = Self.port(after: "listening on", in: text)
            self.adminPort = Self.port(after: "admin on", in: text)
            return self.port != 0 && self.adminPort != 0
        }
        try #require(isServing && self.process.isAlive, "its log: \(self.log)")
    }

    private static func port(after words: String, in text: String) -> UInt16 {
        guard let start = text.range(of: words), let end = text[start.upperBound...].firstIndex(of: "\n") else {
            return 0
        }
        return UInt16(text[start.upperBound..<end].split(separator: ":").last ?? "") ?? 0
    }

    // MARK: Vital signs

    /// MiB that are in memory now.
    var residentMebibytes: Int {
        let text = (try? String(contentsOfFile: "/proc/\(self.process.pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
    }

    var descriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(self.process.pid)/fd").count) ?? 0
    }

    /// Processor time so far, in clock ticks (10 ms).
    var ticks: Int {
        let text = (try? String(contentsOfFile: "/proc/\(self.process.pid)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
    }

    /// The sum of all samples of a metric whose labels hold every one of `labels`.
    func metric(_ name: String, _ labels: String...) throws -> Int {
        try #require(try self.scrape().sum(name, labels), "no metric \(name) \(labels)")
    }

    /// All metrics of one moment.
    func scrape() throws -> Scrape {
        Scrape(text: try self.admin("GET /metrics HTTP/1.1", ""))
    }

    /// What the admin server answers, its head included.
    func admin(_ line: String, _ fields: String = "") throws -> String {
        let client = try RawClient(self.adminPort)
        client.send("\(line)\r\nHost: 127.0.0.1:\(self.adminPort)\r\n\(fields)Connection: close\r\n\r\n")
        return client.readToEnd()
    }

    /// Every connection of this test is gone again, and nothing is under way.
    func expectAtRest(descriptors: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let isAtRest = eventually { self.descriptors <= descriptors }
        #expect(
            isAtRest, "\(self.descriptors) descriptors are open, \(descriptors) before", sourceLocation: sourceLocation)
        #expect(self.process.isAlive, "its log: \(self.log.suffix(2000))", sourceLocation: sourceLocation)
        let inFlight = try self.metric("usher_endpoint_requests_in_flight")
        #expect(inFlight == 0, "requests in flight", sourceLocation: sourceLocation)
    }
}

/// The metrics of one moment.
struct Scrape {
    let text: String

    /// The sum of all samples whose labels hold every one of `labels`; nil when there is none.
    func sum(_ name: String, _ labels: [String]) -> Int? {
        let samples = self.text.split(whereSeparator: \.isNewline).filter { line in
            (line.hasPrefix(name + "{") || line.hasPrefix(name + " ")) && labels.allSatisfy { line.contains($0) }
        }
        guard !samples.isEmpty else { return nil }
        return samples.reduce(0) { $0 + Int(Double($1.split(separator: " ").last ?? "") ?? 0) }
    }

    /// The same; a metric without a sample counts as none.
    func count(_ name: String, _ labels: String...) -> Int { self.sum(name, labels) ?? 0 }
}

/// The parts that most configurations here have.
enum Configuration {
    /// One service over replicas on these ports that keeps no idle connection for long, and a fixed answer on `/fixed`.
    static func proxying(_ ports: [UInt16], service: String = "", more: String = "") -> String {
        let replicas = ports.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
        let connections = service.contains("connections:") ? "" : ", connections: { keep: 100ms }"
        return """
            \(more)
            services: { web: { replicas: [\(replicas)]\(connections)\(service) } }
            routes: [ { match: { path: /fixed }, respond: { status: 200, body: "fixed\\n" } }, { service: web } ]
            """
    }
}
