import Foundation
import Testing

/// A replica that misbehaves on demand (`Support/chaos.c`), as a process of its own that can be killed and come back.
final class ChaosReplica {
    /// As in `Support/chaos.c`.
    enum Mode: String {
        case good, slow, silent, closing, garbage, twice, longer, shorter, endless, busy
        case sometimesBusy = "sometimes-busy"
        case down, flapping
    }

    struct Counts: Decodable {
        var requests: Int
        var connections: Int
    }

    let port: UInt16
    private let ledger: OrderLedger
    private(set) var process: ChildProcess
    private var controlPort: UInt16

    init(_ ledger: OrderLedger) throws {
        self.ledger = ledger
        (self.process, self.port, self.controlPort) = try Self.start(port: 0, ledger)
    }

    deinit {
        // A stopped process dies of nothing else.
        self.process.signal(SIGKILL)
    }

    /// A new process in place of one that was killed, on the same port.
    func restart() throws {
        _ = self.process.exit()
        (self.process, _, self.controlPort) = try Self.start(port: self.port, self.ledger)
    }

    /// What the process has seen so far; from now on it behaves as `mode` says.
    @discardableResult
    func turn(_ mode: Mode) throws -> Counts {
        let control = try RawClient(self.controlPort)
        control.send("\(mode.rawValue)\n")
        return try JSONDecoder().decode(Counts.self, from: control.readSome())
    }

    private static func start(port: UInt16, _ ledger: OrderLedger) throws -> (ChildProcess, UInt16, UInt16) {
        let pipe = try PipeEnds()
        let process = try ChildProcess([try Tools.chaos.get(), "\(port)", ledger.path], output: pipe.writing)
        let ports = pipe.readLine().split(separator: " ").compactMap { UInt16($0) }
        guard ports.count == 2 else { throw FaultTestError("the replica did not tell its ports") }
        return (process, ports[0], ports[1])
    }
}

/// How often each order was carried out, over all replicas.
final class OrderLedger {
    let path: String

    init() {
        self.path = "/tmp/usher-fault-ledger-\(getpid())-\(UInt64.random(in: .min ... .max))"
    }

    deinit {
        unlink(self.path)
    }

    /// How many orders were carried out once, and how many more than once.
    func counts() throws -> (once: Int, repeated: Int) {
        let data = try Data(contentsOf: URL(fileURLWithPath: self.path))
        return (data.count { $0 == 1 }, data.count { $0 > 1 })
    }
}

/// Load without end (`Support/drive.c`), with an account on demand.
final class Drive {
    struct Account: Decodable {
        var sent: Int
        var ok: Int
        /// GETs without a right answer.
        var lost: Int
        var refused: Int
        var broken: Int
        var cutOff: Int
        var wrong: Int
        var timedOut: Int
        var posts: Int
        var postsFailed: Int
        var slowestMs: Int
        var slowestFailureMs: Int
        var byStatus: [String: Int]

        var text: String {
            "sent \(self.sent), answered right \(self.ok), lost \(self.lost), POSTs failed \(self.postsFailed), "
                + "slowest \(self.slowestMs) ms"
        }
    }

    private let process: ChildProcess
    private let commands: PipeEnds
    private let reports: PipeEnds

    /// - Parameters:
    ///   - rate: requests a second.
    ///   - postEvery: each so-many-th request is a POST; 0: none.
    init(port: UInt16, connections: Int, rate: Int, postEvery: Int) throws {
        self.commands = try PipeEnds()
        self.reports = try PipeEnds()
        self.process = try ChildProcess(
            [try Tools.drive.get(), "\(port)", "\(connections)", "\(rate)", "\(postEvery)"],
            input: self.commands.reading, output: self.reports.writing)
    }

    deinit {
        self.process.signal(SIGKILL)
    }

    /// What happened since the account before.
    func account() throws -> Account {
        try #require(write(self.commands.writing, "\n", 1) == 1)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Account.self, from: Data(self.reports.readLine().utf8))
    }
}

/// A pipe that no other child process inherits.
final class PipeEnds {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw FaultTestError("no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (self.reading, self.writing) = (ends[0], ends[1])
    }

    deinit {
        close(self.reading)
        close(self.writing)
    }

    /// Waits for a whole line at most ten seconds for each piece; without the line's end.
    func readLine() -> String {
        var line = Data()
        var byte: UInt8 = 0
        var state = pollfd(fd: self.reading, events: Int16(POLLIN), revents: 0)
        while poll(&state, 1, 10_000) == 1, read(self.reading, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        return String(decoding: line, as: UTF8.self)
    }
}
