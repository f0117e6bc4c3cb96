import Foundation
import Testing

extension FaultTests {
    /// A configuration that changes all the time, under load and with open WebSockets.
    @Suite struct ReloadStormTests {
        /// `USHER_FAULT_CHANGES`: how often the configuration changes.
        private static let changes =
            ProcessInfo.processInfo.environment["USHER_FAULT_CHANGES"].flatMap { Int($0) } ?? 1000

        @Test(
            "1,000 changes of endpoints and configuration under load lose no request and none of 200 WebSockets",
            .timeLimit(.minutes(5)))
        func storm() throws {
            let ledger = OrderLedger()
            let replicas = try (0..<6).map { _ in try ChaosReplica(ledger) }
            let echoes = try SocketProcess.serve()
            let first = try #require(UInt16(echoes.readLine()))
            let configuration = { number in Self.configuration(number, replicas.map(\.port), sockets: first) }
            try UsherProcess.running(configuration(0)) { usher in
                let talk = try SocketProcess.talk(port: usher.port, count: 200, paths: ["/steady", "/changing"])
                #expect(talk.readLine() == "open")
                let load = try Drive(port: usher.port, connections: 32, rate: 1000, postEvery: 10)
                let storm = ReloadStorm(usher, listeners: try Self.listeners(usher))
                // What is allocated once is there after some changes.
                for number in 1...50 { try storm.change(configuration(number), number) }
                let before = (memory: usher.residentMebibytes, descriptors: usher.descriptors)
                let start = ContinuousClock.now
                for number in 51...max(51, Self.changes) { try storm.change(configuration(number), number) }
                let took = ContinuousClock.now - start
                usleep(500_000)
                let account = try load.account()
                let sockets = try talk.finish()
                let growth = usher.residentMebibytes - before.memory
                print(
                    "\(Self.changes) changes, all but 50 in \(took): \(account.text); WebSockets open "
                        + "\(sockets.open), echoed \(sockets.echoed); memory \(before.memory) MiB and \(growth) more, "
                        + "descriptors \(before.descriptors) and \(usher.descriptors - before.descriptors) more")
                #expect(account.lost == 0 && account.postsFailed == 0, "\(account)")
                #expect(sockets.open == 200 && sockets.problems.isEmpty, "\(sockets)")
                #expect(sockets.echoed > 400)
                #expect(try usher.metric("usher_reloads_total", "refused") == 0, "\(usher.log.suffix(1000))")
                #expect(try usher.metric("usher_reloads_total", "applied") >= Self.changes)
                #expect(growth < 48, "memory grows by changes")
                let orders = try ledger.counts()
                #expect(orders.repeated == 0)
            }
        }

        private static func listeners(_ usher: UsherProcess) throws -> String {
            let text = try String(contentsOfFile: "\(usher.folder)/usher.yaml", encoding: .utf8)
            let kept = ["admin:", "listeners:", "log:"]
            return text.split(separator: "\n").filter { line in kept.contains { line.hasPrefix($0) } }
                .joined(separator: "\n") + "\n"
        }

        /// The configuration after so many changes; each differs from the one before in several ways.
        private static func configuration(_ number: Int, _ ports: [UInt16], sockets: UInt16) -> String {
            // Two of the six at a time are out, and another one's weight changes.
            let replicas = ports.indices.filter { $0 != number % 6 && $0 != (number / 6) % 6 }.map { index in
                "{ address: \"127.0.0.1:\(ports[index])\", weight: \(1 + (number + index) % 3) }"
            }
            let policies = ["least-requests", "round-robin", "latency", "random"]
            let extra = number % 5 == 0 ? "extra: { replicas: [\"127.0.0.1:\(ports[0])\"] }" : ""
            let extraRoute = number % 5 == 0 ? "- { match: { path: /extra/* }, service: extra }" : ""
            let readiness =
                number % 7 < 4 ? "readiness: { path: /ready, interval: 200ms }" : "slow-start: \(number % 9)s"
            return """
                services:
                  web:
                    replicas: [ \(replicas.joined(separator: ", ")) ]
                    balance: \(policies[number % policies.count])
                    timeouts: { response: \(20 + number % 10)s }
                    connections: { keep: \(1 + number % 3)s }
                    \(readiness)
                  steady: { replicas: [ "127.0.0.1:\(sockets)" ] }
                  changing:
                    replicas: [ "127.0.0.1:\(sockets)", { address: "127.0.0.1:\(ports[number % 2])", backup: true } ]
                    retries: { attempts: \(1 + number % 3) }
                  \(extra)
                routes:
                  - { match: { path: /steady }, service: steady }
                  - { match: { path: /changing }, service: changing }
                  - { match: { path: /changed/\(number) }, respond: { status: 200, body: "\(number)\\n" } }
                  \(extraRoute)
                  - { service: web }
                """
        }
    }
}

/// Changes a running Usher's file, every second time by SIGHUP and else by its API, and waits until that is in force.
private final class ReloadStorm {
    private let usher: UsherProcess
    private let listeners: String
    private let token: String

    init(_ usher: UsherProcess, listeners: String) {
        self.usher = usher
        self.listeners = listeners
        self.token =
            (try? String(contentsOfFile: "\(usher.folder)/.usher/admin-token", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    }

    func change(_ configuration: String, _ number: Int) throws {
        let path = "\(self.usher.folder)/usher.yaml"
        try (self.listeners + configuration).write(toFile: path, atomically: true, encoding: .utf8)
        if number % 2 == 0 {
            let answer = try self.usher.admin(
                "POST /api/v1/reload HTTP/1.1", "Authorization: Bearer \(self.token)\r\nContent-Length: 0\r\n")
            // The watch over the file may have been quicker.
            #expect(answer.contains("\"applied\"") || answer.contains("\"unchanged\""), "change \(number): \(answer)")
        } else {
            self.usher.process.signal(SIGHUP)
        }
        let client = try RawClient(self.usher.port)
        let isInForce = eventually { client.get("/changed/\(number)")?.body == "\(number)\n" }
        try #require(isInForce, "change \(number) is not in force: \(self.usher.log.suffix(1000))")
    }
}

/// `Support/sockets.py` as a process.
final class SocketProcess {
    struct Report: Decodable {
        var open: Int
        var echoed: Int
        var problems: [String]
    }

    private let process: ChildProcess
    private var input: PipeEnds?
    private let output: PipeEnds

    private init(_ arguments: [String]) throws {
        let input = try PipeEnds()
        self.output = try PipeEnds()
        self.process = try ChildProcess(
            ["python3", Tools.sockets] + arguments, input: input.reading, output: self.output.writing)
        self.input = input
    }

    deinit {
        self.process.signal(SIGKILL)
    }

    static func serve() throws -> SocketProcess { try SocketProcess(["serve"]) }

    static func talk(port: UInt16, count: Int, paths: [String]) throws -> SocketProcess {
        try SocketProcess(["talk", "\(port)", "\(count)"] + paths)
    }

    func readLine() -> String { self.output.readLine() }

    /// Ends the talk; what became of its WebSockets.
    func finish() throws -> Report {
        self.input = nil
        return try JSONDecoder().decode(Report.self, from: Data(self.readLine().utf8))
    }
}
