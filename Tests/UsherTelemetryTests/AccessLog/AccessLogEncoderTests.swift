import Foundation
import NIOCore
import Testing
import UsherCore
import UsherHTTP

@testable import UsherTelemetry

@Suite struct AccessLogEncoderTests {
    private func head(_ text: String) throws -> RequestHead {
        try head(Array(text.utf8))
    }

    private func head(_ bytes: [UInt8]) throws -> RequestHead {
        let head = RequestHead()
        var buffer = ByteBuffer(bytes: bytes)
        guard case .complete = head.parse(&buffer, limits: HeadLimits()) else {
            Issue.record("the test's own request is refused: \(String(decoding: bytes, as: UTF8.self))")
            return head
        }
        return head
    }

    private func entry() throws -> AccessEntry {
        var entry = AccessEntry()
        entry.unixMilliseconds = 1_795_341_600_045
        entry.client = IPAddress(text: "192.0.2.7")
        entry.durationNanoseconds = 12_034_567
        entry.tries.times.wait = 11_000_999
        entry.tries.times.transfer = 34_000
        entry.status = 200
        entry.bytesIn = 120
        entry.bytesOut = 4500
        entry.route = AccessEntry.name("api.example.com/v1/*")
        entry.tries.service = AccessEntry.name("web")
        entry.tries.replica = AccessEntry.name("127.0.0.1:9001")
        entry.tries.attempts = 2
        entry.tries.trace = TraceContext(Array("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".utf8))
        return entry
    }

    private func line(_ entry: AccessEntry, _ head: RequestHead?, _ format: AccessLogFormat) -> String {
        var encoder = AccessLogEncoder()
        var buffer = ByteBuffer()
        encoder.append(entry, head: head, format: format, to: &buffer)
        return String(buffer: buffer)
    }

    private func object(_ line: String) throws -> [String: Any] {
        #expect(line.hasSuffix("}\n"))
        #expect(line.utf8.count { $0 == 0x0a } == 1)
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return try #require(object as? [String: Any])
    }

    @Test("a JSON line has every key in its order")
    func json() throws {
        let head = try head(
            "GET /v1/a%20b?x=1&y=2 HTTP/1.1\r\nHost: api.example.com\r\n"
                + "User-Agent: curl/8\r\nReferer: http://r/\r\n\r\n"
        )
        #expect(
            line(try entry(), head, .json) == """
                {"time":"2026-11-22T10:00:00.045Z","client":"192.0.2.7","method":"GET","host":"api.example.com",\
                "path":"/v1/a%20b","query":"x=1&y=2","protocol":"HTTP/1.1","status":200,"bytes-in":120,\
                "bytes-out":4500,"duration-ms":12.034,"wait-ms":11.000,"transfer-ms":0.034,\
                "route":"api.example.com/v1/*","service":"web","replica":"127.0.0.1:9001","attempts":2,\
                "trace":"4bf92f3577b34da6a3ce929d0e0e4736","user-agent":"curl/8","referer":"http://r/"}

                """)
    }

    @Test("a client's certificate and TLS are told, whatever the name is made of")
    func identity() throws {
        var entry = try entry()
        entry.tls = "1.3"
        entry.identity = Array("CN=\"a\\\\b\\0A\"".utf8)
        let object = try object(line(entry, try head("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), .json))
        #expect(object["tls"] as? String == "1.3")
        #expect(object["identity"] as? String == "CN=\"a\\\\b\\0A\"")
    }

    @Test("a combined line is Apache's")
    func combined() throws {
        let head = try head(
            "GET /v1/a?x=1 HTTP/1.1\r\nHost: h\r\nUser-Agent: a \"b\" \\c\r\nReferer: http://r/\r\n\r\n")
        #expect(
            line(try entry(), head, .combined) == """
                192.0.2.7 - - [22/Nov/2026:10:00:00 +0000] "GET /v1/a?x=1 HTTP/1.1" 200 4500 "http://r/" \
                "a \\"b\\" \\\\c"

                """)
        let plain = try self.head("HEAD / HTTP/1.0\r\n\r\n")
        #expect(
            line(try entry(), plain, .combined)
                == "192.0.2.7 - - [22/Nov/2026:10:00:00 +0000] \"HEAD / HTTP/1.0\" 200 4500 \"-\" \"-\"\n")
    }

    @Test("a request that was never understood leaves its parts out")
    func noHead() throws {
        var entry = AccessEntry()
        entry.status = 400
        entry.why = "bare \"CR\""
        let object = try object(line(entry, nil, .json))
        #expect(object["why"] as? String == "bare \"CR\"")
        #expect(object["client"] as? String == "unix")
        #expect(object["method"] == nil && object["trace"] == nil && object["route"] == nil)
        #expect(object["time"] as? String == "1970-01-01T00:00:00.000Z")
        #expect(line(entry, nil, .combined) == "unix - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 0 \"-\" \"-\"\n")
        #expect(line(entry, RequestHead(), .combined).contains("\"-\" 400"))
    }

    @Test(
        "durations have three decimals",
        arguments: [(0, "0.000"), (999, "0.000"), (1_000, "0.001"), (61_000_500_000, "61000.500")])
    func durations(nanoseconds: UInt64, expected: String) throws {
        var entry = try entry()
        entry.durationNanoseconds = nanoseconds
        #expect(line(entry, nil, .json).contains("\"duration-ms\":\(expected),"))
    }

    @Test("queueing and connecting stand in a line only when they took time")
    func times() throws {
        var entry = try entry()
        entry.tries.times.queue = 1_500_000
        entry.tries.times.connect = 300_000
        #expect(
            line(entry, nil, .json).contains(
                "\"duration-ms\":12.034,\"queue-ms\":1.500,\"connect-ms\":0.300,\"wait-ms\":11.000,"))
        // What would show as nothing is left out as well.
        entry.tries.times.queue = 999
        entry.tries.times.connect = 1000
        let short = line(entry, nil, .json)
        #expect(!short.contains("queue-ms"))
        #expect(short.contains("\"connect-ms\":0.001,"))
        // Waiting in vain: no replica, but the time is told.
        entry.tries.replica = []
        entry.tries.times.queue = 30_000_000_000
        let refused = line(entry, nil, .json)
        #expect(refused.contains("\"queue-ms\":30000.000,"))
        #expect(!refused.contains("wait-ms") && !refused.contains("transfer-ms"))
    }

    @Test("a line says what became of a session", arguments: SessionOutcome.allCases)
    func session(outcome: SessionOutcome) throws {
        var entry = try entry()
        #expect(try object(line(entry, nil, .json))["session"] == nil)
        entry.session = outcome
        #expect(try object(line(entry, nil, .json))["session"] as? String == "\(outcome.label)")
    }

    @Test("a request's own id stands in its line, and the trace's is not said twice")
    func requestID() throws {
        let head = try head("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: order-17/b\r\n\r\n")
        var entry = try entry()
        #expect(try object(line(entry, head, .json))["request"] == nil)
        let trace = try #require(entry.tries.trace)
        entry.requestID = RequestID(head, trace: trace).slice
        #expect(try object(line(entry, head, .json))["request"] as? String == "order-17/b")
        // A slice without its head, or beyond it, is nothing.
        #expect(try object(line(entry, nil, .json))["request"] == nil)
        entry.requestID = ByteSlice(start: 4_000_000_000, count: 300)
        #expect(try object(line(entry, head, .json))["request"] == nil)
    }

    @Test("the longest values have room")
    func longest() throws {
        let id = String(repeating: "i", count: RequestID.longest)
        let head = try head("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: \(id)\r\n\r\n")
        var entry = try entry()
        entry.client = IPAddress(text: "2001:db8:1111:2222:3333:4444:5555:6666")
        entry.requestID = try RequestID(head, trace: #require(entry.tries.trace)).slice
        entry.session = .moved
        entry.unixMilliseconds = .max
        entry.durationNanoseconds = .max
        entry.tries.times.queue = .max
        entry.tries.times.connect = .max
        entry.tries.times.wait = .max
        entry.tries.times.transfer = .max
        entry.status = .max
        entry.bytesIn = .max
        entry.bytesOut = .max
        entry.tries.attempts = .max
        entry.why = "the client closed the connection before the answer was complete"
        let object = try object(line(entry, head, .json))
        #expect(object["request"] as? String == id)
        #expect(line(entry, head, .json).contains("\"transfer-ms\":18446744073709.551,"))
    }

    @Test("one encoder writes many clients and seconds one after the other")
    func caches() throws {
        var encoder = AccessLogEncoder()
        var buffer = ByteBuffer()
        let clients = ["192.0.2.7", "2001:db8::1", nil, "192.0.2.7", "192.0.2.7"]
        for (index, client) in clients.enumerated() {
            var entry = try entry()
            entry.client = client.flatMap { IPAddress(text: $0) }
            entry.unixMilliseconds += Int64(index) * 400
            encoder.append(entry, head: nil, format: .json, to: &buffer)
        }
        let lines = String(buffer: buffer).split(separator: "\n")
        let objects = try lines.map { try object($0 + "\n") }
        let expected = ["192.0.2.7", "2001:db8::1", "unix", "192.0.2.7", "192.0.2.7"]
        #expect(objects.map { $0["client"] as? String } == expected)
        #expect(
            objects.map { $0["time"] as? String } == [
                "2026-11-22T10:00:00.045Z", "2026-11-22T10:00:00.445Z", "2026-11-22T10:00:00.845Z",
                "2026-11-22T10:00:01.245Z", "2026-11-22T10:00:01.645Z",
            ])
    }

    @Test(
        "whatever stands in a header, a line is one valid object or one clean line",
        arguments: [1, 2, 3] as [UInt64])
    func hostileHeaders(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<300 {
            // What the parser lets through in a value: everything but control characters.
            let value = (0..<random.below(200)).map { _ in
                let byte = UInt8(random.below(256))
                return byte < 0x20 || byte == 0x7f ? UInt8(ascii: "\"") : byte
            }
            let head = try head(
                Array("GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: x".utf8) + value + Array("x\r\n\r\n".utf8))
            let object = try object(line(try entry(), head, .json))
            #expect(object["user-agent"] is String, "seed \(seed), round \(round)")
            let combined = line(try entry(), head, .combined)
            #expect(combined.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7f }, "seed \(seed), round \(round)")
        }
    }
}
