import NIOCore
import Synchronization
import Testing
import UsherCore
import UsherLoad
import UsherTestKit

@Suite("Load over HTTP/2", .timeLimit(.minutes(2)))
struct HTTP2LoadTests {
    private static func run(
        requests: Int?, script: @escaping ScriptedUpstream.Script, _ change: (inout LoadPlan) -> Void = { _ in }
    ) async throws -> (report: LoadReport, received: [String]) {
        try await LoadFixture.run(requests: requests, script: script) { plan in
            (plan.isHTTP2, plan.streams) = (true, 3)
            change(&plan)
        }
    }

    @Test("requests share connections, as many at once as are asked for")
    func many() async throws {
        let (report, received) = try await Self.run(requests: 200, script: HTTP2Peer.answering()) { $0.connections = 4 }
        #expect(report.answers == 200 && report.statuses == ["2xx": 200] && received.count == 4)
        #expect(report.protocolName == "HTTP/2" && report.connectionsOpened == 4)
    }

    @Test("a request's fields are those of HTTP/2")
    func fields() async throws {
        let block = Mutex<[UInt8]>([])
        let (report, _) = try await Self.run(requests: 1) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings())
            let request = try await peer.next(HTTP2Wire.Kind.headers)
            block.withLock { $0 = request.payload }
            try await peer.send(HTTP2Peer.answer(request.stream, body: ""))
            _ = try await peer.connection.receiveUntilEnd()
        } _: { plan in
            plan.targets = TargetList([
                LoadTarget(method: "DELETE", target: "/a/{n}?" + String(repeating: "b", count: 300))
            ])
            (plan.keys, plan.fields) = (1, [("X-One", "1"), ("host", "h.example")])
        }
        #expect(report.answers == 1)
        let path = "/a/0?" + String(repeating: "b", count: 300)
        let expected: [UInt8] =
            [0x02] + HTTP2Wire.string("DELETE") + [0x86, 0x01] + HTTP2Wire.string("h.example") + [0x04]
            + HTTP2Wire.string(path) + HTTP2Wire.block([("x-one", "1"), ("user-agent", "usher-load")])
        #expect(block.withLock { $0 } == expected)
    }

    @Test("no more streams than the server allows, and more once it allows them")
    func streamLimit() async throws {
        let most = Mutex(0)
        let (report, _) = try await Self.run(requests: 6) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings([(3, 1)]))
            let first = try await peer.next(HTTP2Wire.Kind.headers)
            // What else was sent lies before the answer to a PING.
            try await peer.send(HTTP2Wire.ping())
            while true {
                let frame = try await peer.next()
                if frame.type == HTTP2Wire.Kind.ping { break }
                if frame.type == HTTP2Wire.Kind.headers { most.withLock { $0 += 1 } }
            }
            try await peer.send(HTTP2Wire.settings([(3, 100)]), HTTP2Peer.answer(first.stream))
            while true { try await peer.send(HTTP2Peer.answer(try await peer.next(HTTP2Wire.Kind.headers).stream)) }
        }
        #expect(report.answers == 6 && most.withLock { $0 } == 0)
    }

    @Test("a body waits for room on its stream and on the connection")
    func windows() async throws {
        let sizes = Mutex<[Int]>([])
        let (report, _) = try await Self.run(requests: 1) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings([(4, 10)]))
            let request = try await peer.next(HTTP2Wire.Kind.headers)
            var count = 0
            while count < 100_000 {
                let frame = try await peer.next(HTTP2Wire.Kind.data)
                sizes.withLock { $0.append(frame.payload.count) }
                count += frame.payload.count
                if count == 10 { try await peer.send(HTTP2Wire.windowUpdate(request.stream, 20)) }
                if count == 30 { try await peer.send(HTTP2Wire.settings([(4, 1 << 20)])) }
                if count == 65_535 { try await peer.send(HTTP2Wire.windowUpdate(0, 1 << 20)) }
            }
            try await peer.send(HTTP2Peer.answer(request.stream))
            _ = try await peer.connection.receiveUntilEnd()
        } _: {
            $0.body = [UInt8](repeating: 0x61, count: 100_000)
        }
        let seen = sizes.withLock { $0 }
        #expect(report.answers == 1 && seen.reduce(0, +) == 100_000)
        #expect(seen.prefix(2) == [10, 20] && seen.allSatisfy { $0 <= 16_384 })
    }

    @Test("large answers are let through, for room is given back")
    func largeAnswers() async throws {
        let size = 20_000_000
        let (report, _) = try await Self.run(requests: 1) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings())
            let request = try await peer.next(HTTP2Wire.Kind.headers)
            try await peer.send(HTTP2Wire.headers(request.stream, [(":status", "200")], ends: false))
            // The windows that the client has given by its settings and its first WINDOW_UPDATE.
            var room = (stream: 1 << 20, connection: 1 << 24)
            var left = size
            let block = [UInt8](repeating: 0x61, count: 16_384)
            while left > 0 {
                let count = min(left, block.count)
                while room.stream < count || room.connection < count {
                    let update = try await peer.next(HTTP2Wire.Kind.windowUpdate)
                    let increment = update.payload.reduce(0) { $0 << 8 | Int($1) }
                    if update.stream == 0 { room.connection += increment } else { room.stream += increment }
                }
                left -= count
                room = (room.stream - count, room.connection - count)
                try await peer.send(HTTP2Wire.data(request.stream, Array(block.prefix(count)), ends: left == 0))
            }
            _ = try await peer.connection.receiveUntilEnd()
        }
        #expect(report.answers == 1)
        #expect(report.bytesPerSecond * report.durationSeconds > Double(size) * 0.99)
    }

    @Test("interim answers, padding, trailers, continuations, pings and unknown frames are understood")
    func shapes() async throws {
        let (report, _) = try await Self.run(requests: 3) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings(), HTTP2Wire.ping(), HTTP2Wire.frame(0x42, stream: 0, [1, 2, 3]))
            while true {
                let stream = try await peer.next(HTTP2Wire.Kind.headers).stream
                let block = HTTP2Wire.indexedBlock([(":status", "503"), ("cache-status", "usher; hit")])
                try await peer.send(
                    HTTP2Wire.headers(stream, [(":status", "103")], ends: false),
                    HTTP2Wire.frame(HTTP2Wire.Kind.headers, stream: stream, Array(block.prefix(5))),
                    HTTP2Wire.frame(
                        HTTP2Wire.Kind.continuation, flags: HTTP2Wire.endHeaders, stream: stream,
                        Array(block.dropFirst(5))),
                    HTTP2Wire.frame(HTTP2Wire.Kind.data, flags: HTTP2Wire.padded, stream: stream, [3, 0x61, 0, 0, 0]),
                    HTTP2Wire.headers(stream, [("x-sum", "1")]))
            }
        }
        #expect(report.answers == 3 && report.statuses == ["5xx": 3] && report.cache == ["hit": 3])
    }

    @Test("a stream that is reset is one failure, and the connection goes on")
    func resetStream() async throws {
        let (report, received) = try await Self.run(requests: 6) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings())
            while true {
                let stream = try await peer.next(HTTP2Wire.Kind.headers).stream
                try await peer.send(stream == 3 ? HTTP2Wire.reset(stream, 2) : HTTP2Peer.answer(stream))
            }
        }
        #expect(report.answers == 5 && report.errors["reset"] == 1 && received.count == 1)
        #expect(report.errorReasons["reset"]?.contains("code 2") == true)
    }

    @Test("a server that says goodbye costs no error: what it has not looked at is sent again")
    func goAway() async throws {
        let accepted = Mutex(0)
        let (report, received) = try await Self.run(requests: 9) { connection in
            let number = accepted.withLock { count in
                count += 1
                return count
            }
            // Two connections of two answers each; the third one answers everything else.
            guard number < 3 else { return try await HTTP2Peer.answering()(connection) }
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings())
            var streams: [UInt32] = []
            while streams.count < 3 { streams.append(try await peer.next(HTTP2Wire.Kind.headers).stream) }
            let goodbye = HTTP2Wire.frame(HTTP2Wire.Kind.goAway, HTTP2Wire.bytes(streams[1]) + HTTP2Wire.bytes(0))
            try await peer.send(goodbye, HTTP2Peer.answer(streams[1]), HTTP2Peer.answer(streams[0]))
            _ = try await peer.connection.receiveUntilEnd()
        }
        #expect(report.answers == 9 && report.requests == 9 && received.count == 3)
    }

    @Test("a stream without an answer in time is cancelled, and the connection goes on")
    func timeout() async throws {
        let (report, received) = try await Self.run(requests: 4) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings())
            while true {
                let stream = try await peer.next(HTTP2Wire.Kind.headers).stream
                if stream != 1 { try await peer.send(HTTP2Peer.answer(stream)) }
            }
        } _: {
            $0.timeout = .seconds(2)
        }
        #expect(report.answers == 3 && report.errors["timeout"] == 1 && received.count == 1)
    }

    @Test(
        "what is no HTTP/2 is told as that",
        arguments: [
            Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8), HTTP2Wire.ping(),
            HTTP2Wire.frame(4, length: 1 << 20),
        ])
    func otherProtocol(bytes: [UInt8]) async throws {
        let (report, _) = try await Self.run(requests: 4) { connection in
            try await connection.send(ByteBuffer(bytes: bytes))
            _ = try await connection.receiveUntilEnd()
        }
        #expect(report.answers == 0 && report.errors["connect"] == 1)
        #expect(report.silence?.contains("does not speak HTTP/2") == true)
    }

    @Test(
        "frames that may not be are malformed answers, never a crash",
        arguments: [
            HTTP2Wire.frame(HTTP2Wire.Kind.headers, flags: 4, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            HTTP2Wire.headers(1, [("x", "no status")]), HTTP2Wire.data(1, "before a head"),
            HTTP2Wire.frame(HTTP2Wire.Kind.headers, flags: 12, stream: 1, [200, 0x88]),
            HTTP2Wire.frame(HTTP2Wire.Kind.headers, flags: 12, stream: 1),
            HTTP2Wire.frame(HTTP2Wire.Kind.headers, flags: 0x24, stream: 1, [0, 0]),
            HTTP2Wire.frame(HTTP2Wire.Kind.continuation, flags: 4, stream: 1, [0x88]),
            HTTP2Wire.frame(HTTP2Wire.Kind.headers, stream: 1, [0x88]) + HTTP2Wire.ping(),
            HTTP2Wire.frame(HTTP2Wire.Kind.pushPromise, flags: 4, stream: 1, [0, 0, 0, 2, 0x82]),
            HTTP2Wire.frame(HTTP2Wire.Kind.goAway, [0, 0]), HTTP2Wire.windowUpdate(0, 0),
            HTTP2Wire.frame(HTTP2Wire.Kind.windowUpdate, [1]), HTTP2Wire.settings([(4, .max)]),
            HTTP2Wire.headers(1, [(":status", "2x0")]), HTTP2Wire.frame(0, length: 1 << 20),
        ])
    func malformed(bytes: [UInt8]) async throws {
        let (report, _) = try await Self.run(requests: 1) { connection in
            let peer = try await HTTP2Peer(connection)
            try await peer.send(HTTP2Wire.settings())
            _ = try await peer.next(HTTP2Wire.Kind.headers)
            try await peer.send(bytes)
            _ = try await peer.connection.receiveUntilEnd()
        }
        #expect(report.errors["malformed"] == 1 && report.answers == 0, "\(report.errors)")
    }
}
