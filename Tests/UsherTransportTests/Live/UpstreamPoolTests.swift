import NIOCore
import Testing
import UsherCore
import UsherHTTP
import UsherTestKit
import UsherTransport

@Suite("A pool and who owns it", .timeLimit(.minutes(1)))
struct UpstreamPoolTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func stage(
        _ script: @escaping ScriptedUpstream.Script, _ body: (Relay, RawConnection) async throws -> Void
    ) async throws {
        let upstream = try await ScriptedUpstream.start(script: script)
        let relay = try await Relay.start(to: upstream.address)
        let listener = try await relay.listen()
        let client = try await RawClient.connect(port: listener.address?.port ?? 0)
        try await body(relay, client)
        await client.close()
        try await relay.stop(listener)
        await upstream.stop()
    }

    private static func awaitNote(_ note: String, _ relay: Relay) async throws {
        var count = 0
        while !relay.notes.entries.contains(note) { count = try await relay.notes.wait(for: count + 1).count }
    }

    @Test("a second answer is counted, and its connection is used no more", arguments: [false, true])
    func unasked(isTogether: Bool) async throws {
        let isAnswered = Signal()
        try await Self.stage { peer in
            let one = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send(isTogether ? one + one : one)
            if !isTogether {
                try await isAnswered.wait()
                try await peer.send(one)
            }
            try await peer.waitForEnd()
        } _: { relay, client in
            try await client.send(Self.get)
            _ = try await client.receive(through: "ok")
            isAnswered.fire()
            try await Self.awaitNote("replica gone", relay)
            #expect(relay.notes.entries.contains("unasked 40"))
            #expect(try await relay.onLoop { $0.pool?.count } == 0)
        }
    }

    @Test("a broken answer of which nothing left is 502, and the client's connection goes on")
    func replaced() async throws {
        try await Self.stage { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n")
            try await peer.waitForEnd()
        } _: { relay, client in
            for _ in 1...2 {
                try await client.send(Self.get)
                let answer = try await client.receive(through: "bad")
                #expect(answer.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
                #expect(!answer.contains("hello"))
            }
            #expect(relay.notes.entries.filter { $0 == "failed badAnswer" }.count == 2)
        }
    }

    @Test("a connection that is given up in the moment it is there leaves its place to others")
    func givenUpAtOnce() async throws {
        try await Self.stage { peer in
            try await peer.waitForEnd()
        } _: { relay, _ in
            for _ in 1...10 {
                let before = relay.notes.entries.count
                try await relay.onLoop { relay in
                    guard let pool = relay.pool, case .connect(let id) = pool.acquire(now: relay.loop.now) else {
                        relay.notes.note("no place")
                        return
                    }
                    pool.connect(id) { result in
                        if case .success(let connection) = result { connection.cancel() }
                    }
                }
                var seen = before
                while !relay.notes.entries.dropFirst(before).contains("replica gone") {
                    seen = try await relay.notes.wait(for: seen + 1).count
                }
                #expect(try await relay.onLoop { $0.pool?.count } == 0)
            }
        }
    }

    @Test("a lower limit closes what is idle above it, a higher one makes room at once")
    func update() async throws {
        try await Self.stage { peer in
            while try await peer.receiveRequest() != nil {
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        } _: { relay, client in
            try await relay.onLoop { relay in
                guard let pool = relay.pool else { return }
                for _ in 1...2 {
                    guard case .connect(let id) = pool.acquire(now: relay.loop.now) else { continue }
                    pool.connect(id) { result in
                        if case .success(let connection) = result { pool.connectionIsFree(connection) }
                    }
                }
            }
            while try await relay.onLoop({ $0.pool?.idleCount }) != 2 { await Task.yield() }
            try await relay.onLoop { relay in
                guard let pool = relay.pool else { return }
                var configuration = pool.configuration
                configuration.connectionsMax = 1
                pool.update(configuration)
            }
            try await Self.awaitNote("replica gone", relay)
            #expect(try await relay.onLoop { $0.pool?.count } == 1)
            try await client.send(Self.get)
            _ = try await client.receive(through: "ok")
            let hasRoom = try await relay.onLoop { relay in
                guard let pool = relay.pool, case .use = pool.acquire(now: relay.loop.now) else { return [true] }
                var configuration = pool.configuration
                let before = pool.hasRoom
                configuration.connectionsMax = 2
                pool.update(configuration)
                return [before, pool.hasRoom]
            }
            #expect(hasRoom == [false, true])
            #expect(relay.notes.entries.last == "room")
        }
    }

    @Test("a connection whose pool is gone closes itself after its exchange")
    func orphan() async throws {
        let mayAnswer = Signal()
        let isClosed = Signal()
        try await Self.stage { peer in
            _ = try await peer.receive(through: "\r\n\r\n")
            try await mayAnswer.wait()
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            try await peer.waitForEnd()
            isClosed.fire()
        } _: { relay, client in
            try await client.send(Self.get)
            try await Self.awaitNote("replica up", relay)
            try await relay.onLoop { $0.dropPool() }
            mayAnswer.fire()
            #expect(try await client.receive(through: "ok").contains("200 OK"))
            try await isClosed.wait()
        }
    }
}
