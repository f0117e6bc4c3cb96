import Foundation
import Testing

extension FaultTests {
    /// Floods of callers that nobody knows, or that lie about who they are, while known callers go on asking.
    @Suite(.timeLimit(.minutes(4))) struct QuotaFloodTests {
        @Test("anonymous callers by the hundreds are told 429, and known ones lose nothing and wait little longer")
        func anonymous() throws {
            try CallerSiege.run { siege in
                let flood = try siege.withstand("anonymous callers", [])
                // Every address has two requests, and one more in half a minute.
                #expect(flood.count(200) <= CallerSiege.connections * 3, "\(flood)")
                #expect(flood.count(429) > 3 * flood.count(200) && flood.others(than: 200, 429) == 0, "\(flood)")
                #expect(flood.ended == 0 && flood.refused == 0, "\(flood)")
                let counted = try siege.usher.metric(
                    "usher_quota_requests_total", "class=\"anonymous\"", "outcome=\"refused\"")
                #expect(counted >= flood.count(429))
            }
        }

        @Test("made-up tokens, keys and passwords by the hundreds are refused, and known callers go on")
        func lies() throws {
            try CallerSiege.run { siege in
                let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0"
                for (name, field) in [
                    ("made-up tokens", "Authorization: Bearer \(token).%AAA"), ("made-up keys", "X-API-Key: guess%"),
                    ("nonsense as passwords", "Authorization: Basic %="),
                    // `ann:guess` and more: to look at one of them takes milliseconds.
                    ("guessed passwords", "Authorization: Basic YW5uOmd1ZXNz%"),
                ] {
                    let flood = try siege.withstand(name, [field])
                    #expect(flood.count(401) > 0 && flood.others(than: 401, 429, 503) == 0, "\(name): \(flood)")
                    #expect(flood.ended == 0 && flood.refused == 0, "\(name): \(flood)")
                }
                try siege.expectShortAudit()
            }
        }

        @Test("a client that guesses passwords without end, on many connections, keeps no other from logging in")
        func guesses() throws {
            let hash = "scrypt$10$8$1$MDEyMzQ1Njc4OWFiY2RlZg$EnnshMQJBO5njFXhxb7lqJrTfwJZ-ZnnIatUXnc_UzQ"
            let users = (0..<40).map { "- { name: new\($0), hash: \(hash) }\n" }.joined()
            let yaml = """
                workers: 2
                limits: { connections-per-client: 1000 }
                identities: { basic: { file: users.yaml } }
                routes: [ { require: authenticated, respond: { status: 200, body: ok } } ]
                """
            try UsherProcess.running(yaml, files: ["users.yaml": users]) { usher in
                let program = try Flood.program.get()
                // `ann:guess` and more.
                let field = "Authorization: Basic YW5uOmd1ZXNz%"
                let flood = try ChildProcess([program, "\(usher.port)", "300", "1", "60", field])
                #expect(
                    try eventually {
                        try usher.scrape().count("usher_authentications_total", "outcome=\"rejected\"") > 3000
                    })
                var statuses: [Int: Int] = [:]
                for number in 0..<40 {
                    let client = try RawClient(usher.port)
                    let shown = Data("new\(number):swordfish".utf8).base64EncodedString()
                    client.send("GET / HTTP/1.1\r\nHost: test\r\nAuthorization: Basic \(shown)\r\n\r\n")
                    statuses[client.readAnswer()?.status ?? 0, default: 0] += 1
                }
                #expect(flood.isAlive && statuses == [200: 40], "\(statuses)")
                flood.signal(SIGKILL)
                _ = flood.exit()
            }
        }
    }
}

/// What a flood was answered.
private struct Flood: CustomStringConvertible {
    /// `Support/flood.c`, compiled once.
    static let program: Result<String, any Error> = Result {
        let source = (#filePath as NSString).deletingLastPathComponent + "/Support/flood.c"
        let program = "/tmp/usher-fault-flood-\(getpid())"
        atexit { unlink("/tmp/usher-fault-flood-\(getpid())") }
        let compiler = try ChildProcess(["cc", "-O2", "-o", program, source])
        guard compiler.exit(within: .seconds(50)) == 0 else { throw FaultTestError("cc cannot compile flood.c") }
        return program
    }

    let numbers: [String: Int]

    func count(_ status: Int) -> Int { self.numbers["\(status)"] ?? 0 }
    func others(than statuses: Int...) -> Int {
        self.numbers.filter { name, _ in Int(name).map { !statuses.contains($0) } ?? false }.values.reduce(0, +)
    }
    /// Connections that Usher closed, or did not take.
    var ended: Int { self.numbers["ended"] ?? -1 }
    var refused: Int { self.numbers["refused"] ?? -1 }
    var description: String {
        self.numbers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }
}

/// Floods against an Usher that knows four callers: two by a key, one by a token and one by a password.
private final class CallerSiege {
    static let connections = 300
    static let seconds = 4

    let usher: UsherProcess
    private let callers: [KnownCaller]
    /// What they got in peace.
    private let before: [GoodClient.Answers]
    private let memory: Int

    private init(_ usher: UsherProcess) {
        self.usher = usher
        // Of `secret`, for the year 2100: {"alg":"HS256"} and {"sub":"token-caller","exp":4102444800}.
        let token =
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0b2tlbi1jYWxsZXIiLCJleHAiOjQxMDI0NDQ4MDB9."
            + "FxgPZYW_j27a9zXO_v1ukb_Y5gjftxcvWUhvCs55tME"
        self.callers = [
            KnownCaller("key", usher.port, .http1, [("x-api-key", UsherCommands.key)]),
            KnownCaller("key", usher.port, .http2, [("x-api-key", UsherCommands.key)]),
            KnownCaller("token", usher.port, .http1, [("authorization", "Bearer \(token)")]),
            // `ann:correct horse`
            KnownCaller("password", usher.port, .http1, [("authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U=")]),
        ]
        for caller in self.callers { caller.start() }
        self.before = self.callers.map { $0.finish(atLeast: 300) }
        self.memory = usher.residentMebibytes
    }

    static func run(_ body: (CallerSiege) throws -> Void) throws {
        let replica = try ReplicaProcess()
        let configuration = """
            workers: 2
            log: { access: off, audit: audit.log }
            identities:
              { classes: [gold], keys: { file: keys.yaml }, basic: { file: users.yaml },
                jwt: { secret: { file: secret } } }
            quotas: { public: { anonymous: 2/min, authenticated: 1000000/h, gold: 1000000/h } }
            services:
              web:
                { replicas: [ "127.0.0.1:\(replica.port)" ], timeouts: { connect: 10s }, connections: { keep: 100ms } }
            routes: [ { quota: public, service: web } ]
            """
        let hash = "scrypt$14$8$1$MDEyMzQ1Njc4OWFiY2RlZg$0LupyHkzAIgDr9UDsriAAf87vMbCbcaUfDvFOAHk0D0"
        let files = [
            "keys.yaml": UsherCommands.keyLine(class: "gold"), "users.yaml": "- { name: ann, hash: \(hash) }\n",
            "secret": "flood-test-secret-of-more-than-32-bytes",
        ]
        try UsherProcess.running(configuration, files: files) { try body(CallerSiege($0)) }
    }

    /// Lets hundreds of connections from as many addresses ask as fast as they can.
    func withstand(
        _ name: String, _ fields: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Flood {
        let descriptors = self.usher.descriptors
        self.usher.forgetPeak()
        for caller in self.callers { caller.start() }
        let numbers = [Int(self.usher.port), Self.connections, Self.connections, Self.seconds].map { "\($0)" }
        let result = Result {
            try ChildProcess.output(of: [try Flood.program.get()] + numbers + fields, in: self.usher.folder)
        }
        // Only what was answered in the flood counts.
        let during = self.callers.map { $0.finish(atLeast: 20) }
        let growth = self.usher.peakMebibytes - self.memory
        let output = try result.get()
        try #require(output.code == 0, "\(output)")
        let flood = Flood(numbers: try JSONDecoder().decode([String: Int].self, from: Data(output.output.utf8)))
        print("\(name): \(flood); memory \(self.memory) MiB and \(growth) more at most")
        for (caller, (before, during)) in zip(self.callers, zip(self.before, during)) {
            self.compare("\(name), \(caller.name)", before, during, sourceLocation)
        }
        #expect(growth < 96, "MiB more at the highest, \(name)", sourceLocation: sourceLocation)
        // Those of the known callers stay.
        try self.usher.expectAtRest(descriptors: descriptors + 2 * self.callers.count, sourceLocation: sourceLocation)
        let log = self.usher.log
        #expect(!log.contains("Z error ") && !log.contains("Z critical "), "\(log)", sourceLocation: sourceLocation)
        return flood
    }

    /// Three hundred requests are always in front of one's own, and a debug build on a busy machine takes its time over
    /// each of them: the bound is there for callers that starve, the figures are printed.
    private func compare(
        _ name: String, _ before: GoodClient.Answers, _ during: GoodClient.Answers, _ location: SourceLocation
    ) {
        func text(_ number: Double) -> String { String(format: "%.1f", number) }
        print(
            "  \(name): \(during.milliseconds.count) answers in \(text(during.median)) ms, p99 \(text(during.p99)); "
                + "in peace \(text(before.median)), p99 \(text(before.p99))")
        #expect(before.firstLoss == nil && during.firstLoss == nil, "\(name)", sourceLocation: location)
        #expect(during.median < 2000 && during.p99 < 10_000, "ms, \(name)", sourceLocation: location)
    }

    /// Whoever guesses cannot fill the disk: twenty lines a second tell of it, and how many are not told of.
    func expectShortAudit(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let text = try String(contentsOfFile: "\(self.usher.folder)/audit.log", encoding: .utf8)
        let failed = text.split(separator: "\n").filter { $0.contains("\"login-failed\"") }
        let leftOut = failed.reduce(0) { sum, line in
            let number = line.split(separator: "\"left-out\":").dropFirst().first ?? ""
            return sum + (Int(number.prefix { $0.isNumber }) ?? 0)
        }
        // Four floods, each of some seconds more than it says.
        #expect((20...20 * 4 * (Self.seconds + 4)).contains(failed.count), sourceLocation: sourceLocation)
        #expect(leftOut > 1000, sourceLocation: sourceLocation)
        let logins = text.split(separator: "\n").count { $0.contains("\"login\"") }
        #expect(logins == 3, "one for each credential", sourceLocation: sourceLocation)
    }
}
