import NIOCore
import NIOEmbedded
import Testing
import UsherCore

@testable import UsherStores

/// One connection without a server: bytes in, bytes out, and a clock that stands still.
@Suite("A connection to Redis", .timeLimit(.minutes(1)))
struct RedisConnectionTests {
    private final class Fixture {
        let loop = EmbeddedEventLoop()
        let channel: EmbeddedChannel
        let client: RedisClient
        let connection: RedisConnection
        /// What each call was told, by its number.
        var told: [Int: [Result<RESPValue, RedisFailure>]] = [:]
        private var count = 0
        /// Kept as long as the client.
        private let health = RedisHealth { _ in }

        init(deadline: Duration = .milliseconds(5)) throws {
            let settings = RedisSettings(
                address: .unix(path: "/nowhere"), password: "pass", database: 2, deadline: deadline)
            self.channel = EmbeddedChannel(loop: self.loop)
            self.client = RedisClient(settings, script: "return {1}", on: self.loop, health: self.health)
            self.connection = RedisConnection(settings, script: "return {1}", client: self.client)
            try self.channel.pipeline.syncOperations.addHandler(self.connection)
            self.connection.greet()
        }

        /// What was sent since the last call, one text for each write.
        func sent() throws -> [String] {
            self.loop.run()
            var texts: [String] = []
            while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { texts.append(String(buffer: bytes)) }
            return texts
        }

        func receive(_ text: String) throws {
            try self.channel.writeInbound(ByteBuffer(string: text))
        }

        func answerGreeting() throws {
            _ = try self.sent()
            try self.receive("%0\r\n+OK\r\n$40\r\n\(String(repeating: "a", count: 40))\r\n")
        }

        /// Asks; an answer must be an integer.
        @discardableResult
        func ask(_ word: String = "key") -> Int {
            let number = self.count
            self.count += 1
            self.client.evaluate(wordCount: 1) {
                $0.writeWord(word.utf8.span)
            } completion: { result in
                self.told[number, default: []].append(result)
                if case .success(.integer) = result { return true }
                if case .failure = result { return true }
                return false
            }
            return number
        }

        func isSuccess(_ number: Int) -> Bool {
            if case .success? = self.told[number]?.first { true } else { false }
        }

        func failure(_ number: Int) -> RedisFailure? {
            if case .failure(let failure)? = self.told[number]?.first { failure } else { nil }
        }
    }

    private static let call = "*4\r\n$7\r\nEVALSHA\r\n$40\r\n\(String(repeating: "a", count: 40))\r\n$1\r\n1\r\n"

    @Test("the greeting is one write")
    func greeting() throws {
        let fixture = try Fixture()
        #expect(
            try fixture.sent() == [
                "*7\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n"
                    + "$7\r\ndefault\r\n$4\r\npass\r\n$7\r\nSETNAME\r\n$5\r\nusher\r\n"
                    + "*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$10\r\nreturn {1}\r\n"
            ])
        fixture.ask()
        #expect(fixture.failure(0)?.kind == .disconnected)
    }

    @Test("calls of one turn are one write, those of the next another")
    func together() throws {
        let fixture = try Fixture()
        try fixture.answerGreeting()
        fixture.ask("one")
        fixture.ask("two")
        #expect(try fixture.sent() == ["\(Self.call)$3\r\none\r\n\(Self.call)$3\r\ntwo\r\n"])
        fixture.ask("three")
        #expect(try fixture.sent() == ["\(Self.call)$5\r\nthree\r\n"])
        try fixture.receive(":1\r\n:2\r\n")
        #expect(fixture.isSuccess(0) && fixture.isSuccess(1) && fixture.told[2] == nil)
    }

    @Test("a call that finds no script loads it and is sent whole, the next ones as before")
    func noScript() throws {
        let fixture = try Fixture()
        try fixture.answerGreeting()
        fixture.ask("one")
        fixture.ask("two")
        _ = try fixture.sent()
        try fixture.receive("-NOSCRIPT No matching script.\r\n-NOSCRIPT No matching script.\r\n")
        fixture.ask("three")
        let whole = "*4\r\n$4\r\nEVAL\r\n$10\r\nreturn {1}\r\n$1\r\n1\r\n"
        #expect(
            try fixture.sent() == [
                "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$10\r\nreturn {1}\r\n\(whole)$3\r\none\r\n\(whole)$3\r\ntwo\r\n"
                    + "\(Self.call)$5\r\nthree\r\n"
            ])
        try fixture.receive("$40\r\n\(String(repeating: "a", count: 40))\r\n:1\r\n:2\r\n:3\r\n")
        #expect(fixture.isSuccess(0) && fixture.isSuccess(1) && fixture.isSuccess(2))
    }

    @Test("deadlines are kept to the millisecond, silence is pinged through, and ends after a second")
    func silence() throws {
        let fixture = try Fixture()
        try fixture.answerGreeting()
        let early = fixture.ask()
        fixture.loop.advanceTime(by: .milliseconds(3))
        let late = fixture.ask()
        _ = try fixture.sent()
        fixture.loop.advanceTime(by: .milliseconds(1))
        #expect(fixture.told.isEmpty)
        fixture.loop.advanceTime(by: .milliseconds(1))
        #expect(fixture.failure(early)?.kind == .silent && fixture.told[late] == nil)
        let during = fixture.ask()
        #expect(fixture.failure(during)?.kind == .silent)
        fixture.loop.advanceTime(by: .milliseconds(3))
        #expect(fixture.failure(late)?.kind == .silent)
        #expect(try fixture.sent() == [])
        fixture.loop.advanceTime(by: .milliseconds(97))
        #expect(try fixture.sent() == ["*1\r\n$4\r\nPING\r\n"])

        // Answers to what was given up are signs of life, and nothing else.
        try fixture.receive(":1\r\n")
        let after = fixture.ask()
        #expect(fixture.told[after] == nil)
        try fixture.receive(":2\r\n+PONG\r\n:3\r\n")
        #expect(fixture.isSuccess(after))
        #expect(fixture.told.values.allSatisfy { $0.count == 1 })

        fixture.ask()
        fixture.loop.advanceTime(by: .milliseconds(5))
        for _ in 0..<9 {
            fixture.loop.advanceTime(by: .milliseconds(100))
            #expect(try fixture.sent().last?.hasSuffix("PING\r\n") == true)
        }
        #expect(fixture.channel.isActive || fixture.connection.phase == .usable)
        fixture.loop.advanceTime(by: .milliseconds(100))
        #expect(fixture.connection.phase == .closed)
    }

    @Test("whatever comes, every call is told once, and never what belongs to another")
    func fuzz() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            await Task.yield()
            let fixture = try Fixture(deadline: .milliseconds(50))
            try fixture.answerGreeting()
            var asked = 0
            var unanswered: [Int] = []
            var isHonest = true
            for _ in 0..<60 where fixture.connection.phase == .usable {
                switch random.below(8) {
                case 0, 1, 2:
                    let number = fixture.ask(String(repeating: "k", count: random.below(50)))
                    asked += 1
                    if fixture.told[number] == nil { unanswered.append(number) }
                case 3, 4:
                    guard isHonest, !unanswered.isEmpty, fixture.connection.silence == nil else { break }
                    try fixture.receive(":\(unanswered.removeFirst())\r\n")
                case 5:
                    guard isHonest, !unanswered.isEmpty, fixture.connection.silence == nil else { break }
                    try fixture.receive("-ERR something\r\n>1\r\n+push\r\n")
                    unanswered.removeFirst()
                case 6:
                    fixture.loop.advanceTime(by: .milliseconds(Int64(random.below(30))))
                    // After this pings and late answers mix, whose order this test does not follow.
                    if fixture.connection.silence != nil { isHonest = false }
                default:
                    guard random.below(20) == 0 else { break }
                    isHonest = false
                    let bytes = (0..<random.below(20)).map { _ in Array(":+-$*_\r\n123".utf8)[random.below(11)] }
                    try fixture.channel.writeInbound(ByteBuffer(bytes: bytes))
                }
                guard isHonest else { continue }
                for (number, results) in fixture.told {
                    if case .success(let value)? = results.first {
                        #expect(value == .integer(Int64(number)), "seed \(seed)")
                    }
                }
            }
            fixture.connection.end(RedisFailure(.closed, "the test's end"))
            #expect(fixture.told.count == asked, "seed \(seed)")
            #expect(fixture.told.values.allSatisfy { $0.count == 1 }, "seed \(seed)")
        }
    }
}
