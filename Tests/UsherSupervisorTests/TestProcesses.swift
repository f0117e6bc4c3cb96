import Glibc
import Logging
import Testing
import UsherSupervisor

/// The program that serves as guard in tests: `USHER_GUARD`, else the `usher` built beside the test bundle.
let guardExecutable: String = {
    if let chosen = getenv("USHER_GUARD") { return String(cString: chosen) }
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    let bundle = String(decoding: path.prefix(max(length, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return bundle.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/usher"
}()

/// Discards what is logged, so that a test's expected failures do not look like its own.
let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Finds a test's processes wherever they went: descendants inherit the mark in their environment.
struct ProcessMark: Sendable {
    static let variable = "USHER_TEST_MARK"
    let value = "mark-\(getpid())-\(UInt64.random(in: .min ... .max))"

    var environment: [String: String] { [Self.variable: value] }

    /// Living processes (zombies have no environment) that carry the mark now.
    func processes() -> [Int32] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var found: [Int32] = []
        let needle = Array("\(Self.variable)=\(value)\0".utf8)
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name) else { continue }
            if Self.environment(readFile("/proc/\(pid)/environ"), holds: needle) { found.append(pid) }
        }
        return found
    }

    /// Whether one of the NUL-terminated entries is `entry`; with libc's functions, as every process is looked at
    /// often.
    private static func environment(_ entries: [UInt8], holds entry: [UInt8]) -> Bool {
        entries.withUnsafeBytes { entries in
            var rest = entries[...]
            while rest.count >= entry.count, let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress {
                if memcmp(start, entry, entry.count) == 0 { return true }
                guard let end = memchr(start, 0, rest.count) else { return false }
                rest = rest.dropFirst(UnsafeRawPointer(end) - start + 1)
            }
            return false
        }
    }

    /// Waits until nobody carries the mark; what is left after `limit` is returned. The kernel has no event for this.
    func survivors(after limit: Duration = .seconds(5)) async -> [Int32] {
        let deadline = ContinuousClock.now.advanced(by: limit)
        var left = processes()
        while !left.isEmpty, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
            left = processes()
        }
        return left
    }
}

func readFile(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "re") else { return [] }
    defer { fclose(file) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return content }
        content += chunk[..<count]
    }
}

/// From /proc/PID/stat: the parent, the group and the session, in this order.
func processFields(_ pid: Int32) -> [Int32] {
    let text = String(decoding: readFile("/proc/\(pid)/stat"), as: UTF8.self)
    guard let bracket = text.lastIndex(of: ")") else { return [] }
    return text[text.index(after: bracket)...].split(separator: " ").dropFirst().prefix(3).compactMap { Int32($0) }
}

/// A supervised process with everything it does made visible, for the length of one test.
struct TestSupervisor: Sendable {
    let mark = ProcessMark()
    let captured: CapturedLines
    let events: AsyncStream<ProcessEvent>
    private let process: SupervisedProcess

    init(
        _ command: [String], grace: Duration = .seconds(5), firstWait: Duration = .milliseconds(1),
        guardExecutable: String = guardExecutable, folder: String = "/", ports: ReplicaPorts = .shared
    ) throws {
        try #require(access(UsherSupervisorTests.guardExecutable, X_OK) == 0, "build `usher` first, or set USHER_GUARD")
        captured = try CapturedLines()
        let (events, sink) = AsyncStream.makeStream(of: ProcessEvent.self)
        self.events = events
        let environment = mark.environment
        var process = SupervisedProcess(
            name: "test/0", guardExecutable: guardExecutable, logger: quietLogger, events: { sink.yield($0) },
            specification: { port in
                ProcessSpecification(
                    command: command.map { $0 == "{port}" ? "\(port)" : $0 }, folder: folder, environment: environment)
            })
        process.grace = grace
        process.backoff.first = firstWait
        // No life in these tests is long, however busy the machine.
        process.backoff.provenAfter = .seconds(3600)
        process.output = captured.output
        process.ports = ports
        self.process = process
    }

    /// Runs the process while `body` runs, then cancels it and waits until it is over.
    func whileRunning(_ body: (inout Running) async throws -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await process.run() }
            var running = Running(events: events.makeAsyncIterator(), lines: captured.lines.makeAsyncIterator())
            try await body(&running)
            group.cancelAll()
        }
        await captured.output.drain(within: .seconds(10))
        captured.finish()
        #expect(await mark.survivors() == [])
    }

    struct Running {
        fileprivate var events: AsyncStream<ProcessEvent>.Iterator
        fileprivate var lines: AsyncStream<String>.Iterator

        mutating func nextEvent() async -> ProcessEvent? {
            await events.next(isolation: #isolation)
        }

        mutating func nextLine() async -> String? {
            await lines.next(isolation: #isolation)
        }

        /// The pid and port of the next start; other events before it are passed over.
        mutating func nextStart() async throws -> (pid: Int32, port: Int) {
            while let event = await nextEvent() {
                if case .started(let pid, let port) = event { return (pid, port) }
            }
            throw EndOfEvents()
        }

        mutating func nextExit() async throws -> ProcessEnd {
            while let event = await nextEvent() {
                if case .exited(let status, _) = event { return status }
            }
            throw EndOfEvents()
        }

        /// Reads lines up to the one that ends in `suffix`.
        mutating func line(endingIn suffix: String) async throws {
            while let line = await nextLine() {
                if line.hasSuffix(suffix) { return }
            }
            throw EndOfEvents()
        }
    }

    struct EndOfEvents: Error {}
}
