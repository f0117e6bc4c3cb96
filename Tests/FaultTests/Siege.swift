import Foundation
import Testing

/// Attacks on a running Usher, and what must hold through every one: good clients lose nothing and wait little longer
/// than before, memory stays within bounds, and nothing of an attack is left when its connections are gone.
final class Siege {
    let usher: UsherProcess
    /// One for each way in which good clients ask.
    private let clients: [GoodClient]
    /// What they got in peace.
    private let before: [GoodClient.Answers]
    /// MiB before any attack: what one leaves to the next counts again.
    let memory: Int

    /// - Parameter clients: nil: one over HTTP/1.1 and one over HTTP/2, in the clear.
    init(_ usher: UsherProcess, clients: [GoodClient]? = nil) {
        let port = usher.port
        let clients = clients ?? GoodClient.Speech.allCases.map { GoodClient($0) { try RawClient(port) } }
        self.usher = usher
        self.clients = clients
        for client in clients { client.start() }
        self.before = clients.map { $0.finish(atLeast: 300) }
        self.memory = usher.residentMebibytes
    }

    /// Lets a horde of a hundred attack.
    ///
    /// - Parameters:
    ///   - connect: opens a hostile connection; nil: in the clear.
    ///   - mebibytesMax: what the attack may cost at its highest.
    func withstand(
        _ name: String, count: Int = 100, connect: (() throws -> RawClient)? = nil, mebibytesMax: Int = 64,
        sourceLocation: SourceLocation = #_sourceLocation, _ attack: (Horde) throws -> Void
    ) throws {
        for client in self.clients { client.leave() }
        let isQuiet = eventually { self.usher.isQuiet }
        #expect(isQuiet, "before \(name)", sourceLocation: sourceLocation)
        let descriptors = self.usher.descriptors
        self.usher.forgetPeak()
        let start = ContinuousClock.now
        for client in self.clients { client.start() }
        let port = self.usher.port
        let result = Result { try attack(try Horde(count, connect ?? { try RawClient(port) })) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let during = self.clients.map { $0.finish() }
        for client in self.clients { client.leave() }
        let growth = self.usher.peakMebibytes - self.memory
        print(
            "\(name): \(Self.text(seconds)) s, memory \(self.memory) MiB and \(growth) more at most, "
                + self.compare(name, during, sourceLocation))
        try result.get()
        #expect(growth < mebibytesMax, "MiB more at the highest, \(name)", sourceLocation: sourceLocation)
        try self.usher.expectAtRest(descriptors: descriptors, sourceLocation: sourceLocation)
        let log = self.usher.log
        #expect(!log.contains("Z error ") && !log.contains("Z critical "), "\(log)", sourceLocation: sourceLocation)
    }

    /// Generous, for other programs have their part of the machine too, and a debug build takes its time over every
    /// frame; clients that starve wait for seconds.
    private func compare(_ name: String, _ during: [GoodClient.Answers], _ location: SourceLocation) -> String {
        zip(self.clients, zip(self.before, during)).map { client, answers in
            let (before, during) = answers
            let speech = client.speech.rawValue
            #expect(before.firstLoss == nil && during.firstLoss == nil, "\(name), \(speech)", sourceLocation: location)
            #expect(
                during.median < 20 * before.median + 50, "ms, \(name), \(speech): median, \(before.median) before",
                sourceLocation: location)
            #expect(
                during.p99 < 20 * before.p99 + 2000, "ms, \(name), \(speech): p99, \(before.p99) before",
                sourceLocation: location)
            return "\(speech) \(during.milliseconds.count) answers in \(Self.text(during.median)) ms, p99 "
                + "\(Self.text(during.p99)) (before \(Self.text(before.median)), p99 \(Self.text(before.p99)))"
        }.joined(separator: "; ")
    }

    private static func text(_ number: Double) -> String { String(format: "%.1f", number) }
}

extension Siege {
    /// Besieges an Usher with three services, so that an attack on one finds the others unharmed: `web`, `bulk` below
    /// `/bytes/`, and `hold` below `/hold/`, whose replica takes connections and never says a word.
    static func run(limits: String = "", _ body: (Siege) throws -> Void) throws {
        let web = try ReplicaProcess()
        let bulk = try ReplicaProcess()
        let hold = try Loopback.listen()
        defer { close(hold.descriptor) }
        func service(_ port: UInt16, _ connections: String = "", _ more: String = "") -> String {
            "{ replicas: [ \"127.0.0.1:\(port)\" ], connections: { keep: 100ms\(connections) }\(more) }"
        }
        // A debug build may be at work on the horde for longer than a connection usually has to come about.
        let good = service(web.port, "", ", timeouts: { connect: 10s }")
        let many = (bulk: service(bulk.port, ", per-replica: 1200"), hold: service(hold.port, ", queue: 20000"))
        let configuration = """
            limits: { connections-per-client: 60000\(limits.isEmpty ? "" : ", ")\(limits) }
            services: { web: \(good), bulk: \(many.bulk), hold: \(many.hold) }
            routes:
              - { match: { path: /fixed }, respond: { status: 200, body: "fixed\\n" } }
              - match: { path: /large }
                respond: { status: 200, body: "large\\n" }
                headers: { set: { X-Large: \(String(repeating: "x", count: 4000)) } }
              - { match: { path: /bytes/* }, service: bulk }
              - { match: { path: /hold/* }, service: hold }
              - { service: web }
            """
        try UsherProcess.running(configuration) { try body(Siege($0)) }
    }
}

extension UsherProcess {
    /// The most MiB that were in memory since `forgetPeak`.
    var peakMebibytes: Int {
        let text = (try? String(contentsOfFile: "/proc/\(self.process.pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
    }

    /// Lets `peakMebibytes` begin anew (proc(5), `clear_refs`).
    func forgetPeak() {
        try? "5".write(toFile: "/proc/\(self.process.pid)/clear_refs", atomically: false, encoding: .utf8)
    }

    /// No connection of a client or to a replica is open.
    var isQuiet: Bool {
        guard let scrape = try? self.scrape() else { return false }
        return scrape.count("usher_client_connections") == 0 && scrape.count("usher_endpoint_connections") == 0
    }
}
