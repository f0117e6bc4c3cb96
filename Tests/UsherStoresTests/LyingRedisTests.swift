import NIOCore
import Testing
import UsherCore
import UsherQuotas
import UsherTestKit

@testable import UsherStores

/// A server that does not do what Redis does.
@Suite("Lying Redis servers", .timeLimit(.minutes(1)))
struct LyingRedisTests {
    private static let noHello = "the server does not know HELLO 3; it takes Redis 6 or later, or Valkey"
    private static let digest = String(repeating: "0123456789", count: 4)
    private static let greeting = "%1\r\n+proto\r\n:3\r\n$40\r\n\(digest)\r\n"

    private func failure(_ result: QuotaResult?) -> RedisFailure? {
        if case .failure(let failure)? = result { failure } else { nil }
    }

    /// Reads commands and answers the greeting; `script` does the rest, on each connection anew.
    private func server(
        _ script: @escaping @Sendable (RawConnection) async throws -> Void
    ) async throws -> ScriptedUpstream {
        try await ScriptedUpstream.start { peer in
            for _ in 0..<2 { _ = try await peer.receiveWords() }
            try await peer.send(Self.greeting)
            try await script(peer)
        }
    }

    private func with(
        _ server: ScriptedUpstream, deadline: Duration = .seconds(20), health: RedisHealth = RedisHealth { _ in },
        isGreeted: Bool = true, _ body: (RedisWorker) async throws -> Void
    ) async throws {
        let settings = RedisSettings(address: server.address, deadline: deadline)
        try await RedisWorker.with(settings, health: health) { worker in
            // On a busy machine the script may be too slow for the first greeting.
            if isGreeted { try await eventually("the greeting") { health.isAvailable } }
            try await body(worker)
        }
        await server.stop()
    }

    @Test("answers that come byte by byte are answers")
    func slow() async throws {
        let server = try await ScriptedUpstream.start { peer in
            for _ in 0..<2 { _ = try await peer.receiveWords() }
            try await peer.sendByteByByte(Self.greeting)
            for number in 1...3 {
                _ = try await peer.receiveWords()
                try await peer.sendByteByByte(">2\r\n+message\r\n+x\r\n*2\r\n:1\r\n:\(number)\r\n")
            }
            try await peer.waitForEnd()
        }
        try await self.with(server) { worker in
            let batch = try await worker.takeAtOnce(3, try QuotaLimit("100/s"))
            #expect(try await batch.all.get().map { try $0.get().debts[0] } == [1, 2, 3])
        }
    }

    @Test("what comes too late is nobody's answer")
    func late() async throws {
        let (isGivenUp, isHeard) = (Signal(), Signal())
        let server = try await self.server { peer in
            for _ in 0..<3 { _ = try await peer.receiveWords() }
            try await isGivenUp.wait()
            try await peer.send("*2\r\n:1\r\n:1\r\n*2\r\n:1\r\n:2\r\n-OOM too late\r\n")
            try await isHeard.wait()
            while let words = try? await peer.receiveWords() {
                try await peer.send(words == ["PING"] ? "+PONG\r\n" : "*2\r\n:1\r\n:4\r\n")
            }
        }
        let health = RedisHealth { _ in }
        try await self.with(server, deadline: .milliseconds(200), health: health) { worker in
            let limit = try QuotaLimit("100/s")
            let batch = try await worker.takeAtOnce(3, limit)
            #expect(try await batch.all.get().allSatisfy { self.failure($0)?.kind == .silent })
            isGivenUp.fire()
            try await eventually("the late error") { health.reason == "OOM too late" }
            isHeard.fire()
            try await eventually("an answer in time") {
                guard case .success(let decision) = await worker.take(limit) else { return false }
                #expect(decision.debts[0] == 4)
                return true
            }
        }
    }

    @Test(
        "an answer to another question ends the connection",
        arguments: [
            "+OK\r\n", ":1\r\n", "_\r\n", "$2\r\nhi\r\n", "*0\r\n", "*1\r\n:1\r\n", "*3\r\n:1\r\n:1\r\n:1\r\n",
            "*2\r\n:2\r\n:1\r\n", "*2\r\n:1\r\n:-1\r\n", "*2\r\n:1\r\n,1.5\r\n", "*2\r\n#t\r\n:1\r\n",
            "~2\r\n:1\r\n:1\r\n", "%1\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n$1\r\n1\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
            "$1048577\r\n",
            "*2\r\n:1\r\n:9223372036854775808\r\n", "\0",
        ])
    func wrongAnswers(answer: String) async throws {
        let ends = Journal<ConnectionEnd>()
        let server = try await self.server { peer in
            for _ in 0..<2 { _ = try await peer.receiveWords() }
            try await peer.send("\(answer)*2\r\n:1\r\n:1\r\n")
            ends.note(try await peer.waitForEnd())
        }
        try await self.with(server) { worker in
            let batch = try await worker.takeAtOnce(2, try QuotaLimit("100/s"))
            #expect(try await batch.all.get().allSatisfy { self.failure($0)?.kind == .malformed })
            try await ends.wait(for: 1)
        }
    }

    @Test("an answer that nobody asked for ends the connection")
    func unasked() async throws {
        let ends = Journal<ConnectionEnd>()
        let server = try await self.server { peer in
            _ = try await peer.receiveWords()
            try await peer.send("*2\r\n:1\r\n:7\r\n*2\r\n:1\r\n:8\r\n")
            ends.note(try await peer.waitForEnd())
        }
        try await self.with(server) { worker in
            #expect(try await worker.take(try QuotaLimit("100/s")).get().debts[0] == 7)
            try await ends.wait(for: 1)
        }
    }

    @Test("a connection that closes inside an answer fails what waits")
    func cutOff() async throws {
        let server = try await self.server { peer in
            for _ in 0..<3 { _ = try await peer.receiveWords() }
            try await peer.send("*2\r\n:1\r\n:7\r\n*2\r\n:1\r\n:")
        }
        try await self.with(server) { worker in
            let results = try await worker.takeAtOnce(3, try QuotaLimit("100/s")).all.get()
            #expect(try results[0].get().debts[0] == 7)
            #expect(results.dropFirst().allSatisfy { self.failure($0)?.kind == .disconnected })
        }
    }

    @Test("an answer that never ends is none")
    func endless() async throws {
        let ends = Journal<ConnectionEnd>()
        let server = try await self.server { peer in
            _ = try await peer.receiveWords()
            try await peer.send("*2\r\n:1\r\n$1000000\r\n")
            let part = ByteBuffer(repeating: 0x78, count: 1000)
            while true { try await peer.send(part) }
        }
        let health = RedisHealth { if case .lost = $0 { ends.note(.closed) } }
        try await self.with(server, deadline: .milliseconds(20), health: health) { worker in
            let failure = self.failure(await worker.take(try QuotaLimit("100/s")))
            #expect(failure?.kind == .silent || failure?.kind == .malformed)
            try await ends.wait(for: 1)
        }
    }

    @Test("a script that is lost even when it is sent along is a failure")
    func neverLoaded() async throws {
        let server = try await self.server { peer in
            while true {
                let words = try await peer.receiveWords()
                try await peer.send(words[0] == "SCRIPT" ? "$40\r\n\(Self.digest)\r\n" : "-NOSCRIPT no\r\n")
            }
        }
        try await self.with(server) { worker in
            let limit = try QuotaLimit("100/s")
            #expect(self.failure(await worker.take(limit))?.reason == "NOSCRIPT no")
            #expect(self.failure(await worker.take(limit))?.reason == "NOSCRIPT no")
        }
        let commands = server.received.joined()
        #expect(commands.contains("EVAL\r\n") && commands.contains("EVALSHA\r\n"))
    }

    @Test(
        "a greeting that fails says why",
        arguments: [
            ("-ERR unknown command 'HELLO'\r\n", noHello),
            ("-NOPROTO unsupported protocol version\r\n", noHello),
            ("-LOADING Redis is loading\r\n", "LOADING Redis is loading"),
            ("-ERR \u{1B}[31m\u{7}\r\n", "ERR ?[31m?"),
            ("+OK\r\n", "the greeting got an answer that no Redis gives"),
            ("%0\r\n$40\r\n\(digest.dropLast())X\r\n", "the greeting got an answer that no Redis gives"),
            ("%0\r\n-NOPERM no\r\n", "NOPERM no"),
            ("HTTP/1.1 400 Bad Request\r\n", "what answers is no Redis: a reply that begins with byte 72"),
            ("", "the server closed the connection"),
        ])
    func greetings(answer: String, reason: String) async throws {
        let server = try await ScriptedUpstream.start { peer in
            for _ in 0..<2 { _ = try await peer.receiveWords() }
            try await peer.send(answer)
        }
        let health = RedisHealth { _ in }
        let limit = try QuotaLimit("100/s")
        try await self.with(server, health: health, isGreeted: false) { worker in
            try await eventually(reason) { health.reason == reason }
            try await eventually(reason) { self.failure(await worker.take(limit))?.reason == reason }
        }
    }

    @Test("a greeting that nobody answers is given up after a second")
    func unanswered() async throws {
        let server = try await ScriptedUpstream.start { peer in try await peer.waitForEnd() }
        let health = RedisHealth { _ in }
        let start = ContinuousClock.now
        try await self.with(server, health: health, isGreeted: false) { _ in
            #expect(ContinuousClock.now - start >= .seconds(1))
            #expect(health.reason == "connected, but the greeting is not answered")
        }
    }
}

extension RawConnection {
    /// The next command, word by word.
    fileprivate func receiveWords() async throws -> [String] {
        let count = try await self.receive(through: "\r\n").dropFirst().dropLast()
        var words: [String] = []
        for _ in 0..<(Int(count) ?? 0) {
            let length = try await self.receive(through: "\r\n").dropFirst().dropLast()
            var word = try await self.receive(count: (Int(length) ?? 0) + 2)
            words.append(word.readString(length: word.readableBytes - 2) ?? "")
        }
        return words
    }
}
