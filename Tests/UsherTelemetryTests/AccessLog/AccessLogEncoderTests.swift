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
        entry.status = 200
        entry.bytesIn = 120
        entry.bytesOut = 4500
        entry.route = AccessEntry.name("api.example.com/v1/*")
        entry.service = AccessEntry.name("web")
        entry.replica = AccessEntry.name("127.0.0.1:9001")
        entry.attempts = 2
        entry.trace = TraceContext(Array("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".utf8))
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
                "path":"/v1/a%20b","query":"x=1&y=2","status":200,"bytes-in":120,"bytes-out":4500,\
                "duration-ms":12.034,"route":"api.example.com/v1/*","service":"web","replica":"127.0.0.1:9001",\
                "attempts":2,"trace":"4bf92f3577b34da6a3ce929d0e0e4736","user-agent":"curl/8","referer":"http://r/"}

                """)
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
