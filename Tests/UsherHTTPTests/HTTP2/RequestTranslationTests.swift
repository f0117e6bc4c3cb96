import NIOCore
import Testing
import UsherTestKit

@testable import UsherHTTP

@Suite("HTTP/2 requests written down in HTTP/1.1's form", .timeLimit(.minutes(1)))
struct RequestTranslationTests {
    private static let get = HTTP2Wire.requestFields("GET", "/a?b=1")

    private static let misplaced: [([(String, String)], String)] = [
        ([("x", "y")] + get, "a pseudo-field behind an ordinary one"),
        (get + [(":path", "/b")], "a pseudo-field twice"),
        (get + [(":status", "200")], "an unknown pseudo-field"),
        (get + [(":protocol", "websocket")], "an unknown pseudo-field"),
        (get + [(":", "x")], "an unknown pseudo-field"),
        (get + [(":Path", "/b")], "an unknown pseudo-field"),
        (Array(get.dropFirst()), "no :method"),
        ([get[0], get[2], get[3]], "no :scheme of HTTP"),
        ([get[0], (":scheme", "ftp"), get[2], get[3]], "no :scheme of HTTP"),
        ([get[0], (":scheme", "HTTP"), get[2], get[3]], "no :scheme of HTTP"),
        ([get[0], get[1], get[3]], "no :path"),
        ([get[0], get[1], (":path", ""), get[3]], "no :path"),
        ([get[0], get[1], (":path", "a"), get[3]], "a :path that is no path"),
        ([get[0], get[1], (":path", "http://b/"), get[3]], "a :path that is no path"),
        ([(":method", ""), get[1], get[2], get[3]], "no :method"),
    ]

    private static let refusedByParser: [([(String, String)], String)] = [
        ([(":authority", "user@a.example")], "malformed Host"),
        ([("content-length", "+5")], "malformed Content-Length"),
        ([("content-length", "5"), ("content-length", "5")], "more than one Content-Length"),
        ([(":path", "/%zz")], "malformed percent-encoding"), ([(":path", "/a/../../b")], "path climbs above its root"),
        ([(":path", "/\\a")], "backslash in the path"), ([(":path", "/é")], "malformed target"),
        ([("expect", "200-ok")], "unknown expectation"), ([(":method", "get")], "malformed method"),
    ]

    private func block(_ fields: [(String, String)]) throws -> FieldBlock {
        var decoder = HPACKDecoder()
        var block = FieldBlock()
        block.begin(weightMax: 16_384, fieldsMax: 100)
        try decoder.decode(HTTP2Wire.block(fields).span, into: &block)
        return block
    }

    /// The head in HTTP/1.1's form, or why there is none.
    private func translate(_ fields: [(String, String)], hasBody: Bool = false) throws -> String {
        var out = ByteBuffer()
        switch RequestTranslation.write(try block(fields), hasBody: hasBody, to: &out) {
        case .translated: return String(buffer: out)
        case .malformed(let reason): return "malformed: \(reason)"
        case .refused(let refusal): return "refused: \(refusal.status)"
        }
    }

    @Test("a request has its line, its host and its fields in their order")
    func plain() throws {
        let text = try translate(Self.get + [("accept", "*/*"), ("te", "trailers"), ("x-a", "1,\t2")])
        #expect(
            text == "GET /a?b=1 HTTP/1.1\r\nhost: a.example\r\naccept: */*\r\nte: trailers\r\nx-a: 1,\t2\r\n\r\n")
    }

    @Test("crumbs of cookies are one field again, in their order")
    func cookies() throws {
        let text = try translate(Self.get + [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")])
        #expect(text.contains("x: y\r\ncookie: a=1; b=2; c=3\r\n\r\n"))
        #expect(text.ranges(of: "cookie:").count == 1)
    }

    @Test("the authority may come as host, or as both when they are the same")
    func authority() throws {
        let start = [(":method", "GET"), (":scheme", "https"), (":path", "/")]
        #expect(try translate(start + [("host", "b.example")]) == "GET / HTTP/1.1\r\nhost: b.example\r\n\r\n")
        let both = start + [(":authority", "A.example:80"), ("host", "a.EXAMPLE:80")]
        #expect(try translate(both) == "GET / HTTP/1.1\r\nhost: A.example:80\r\n\r\n")
        #expect(
            try translate(start + [(":authority", "a.example"), ("host", "b.example")])
                == "malformed: host and :authority differ")
        #expect(try translate(start + [("host", "a"), ("host", "a")]) == "malformed: more than one host")
    }

    @Test("CONNECT has an authority and nothing else; * is for the server as a whole")
    func otherTargets() throws {
        #expect(
            try translate([(":method", "CONNECT"), (":authority", "a:443")])
                == "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n")
        #expect(
            try translate([(":method", "CONNECT"), (":authority", "a:443"), (":path", "/")])
                == "malformed: CONNECT with :scheme or :path")
        #expect(try translate(HTTP2Wire.requestFields("OPTIONS", "*")).hasPrefix("OPTIONS * HTTP/1.1\r\n"))
    }

    @Test(
        "what could be read as something else in HTTP/1.1 is malformed, whatever field it is in",
        arguments: [
            "\r", "\n", "\0", "\r\n", "\u{1}", "\u{7F}", "a\r\nx: y", "a\nb", " a", "a ", "\ta", "a\t",
        ])
    func values(value: String) throws {
        for name in ["x-a", "cookie", "content-length", "user-agent"] {
            #expect(try translate(Self.get + [(name, value)]) == "malformed: a forbidden byte in a value")
        }
        for index in Self.get.indices {
            var fields = Self.get
            fields[index].1 += value
            #expect(try translate(fields).hasPrefix("malformed: "))
        }
    }

    @Test(
        "spaces inside pseudo-fields never part a request line",
        arguments: [
            (":method", "GET /x HTTP/1.1"), (":path", "/ HTTP/1.1"), (":path", "/a b"), (":authority", "a b"),
            (":scheme", "ht tp"),
        ])
    func pseudoSpaces(name: String, value: String) throws {
        let fields = Self.get.map { ($0.0, $0.0 == name ? value : $0.1) }
        #expect(try translate(fields).hasPrefix("malformed: "))
    }

    @Test(
        "names are lower-case tokens",
        arguments: [
            "X-A", "x a", "x:a", "x\r\n", "x\0", "x\u{E9}", "x(", " x", "x ", "", "é", "x\u{7F}", "Host", "x\t", ":x:",
        ])
    func names(name: String) throws {
        #expect(try translate(Self.get + [(name, "1")]).hasPrefix("malformed: "))
    }

    @Test(
        "fields that concern one connection are malformed",
        arguments: [
            ("connection", "close"), ("connection", "x-a"), ("keep-alive", "timeout=5"), ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"), ("upgrade", "websocket"), ("te", "gzip"), ("te", "trailers, gzip"),
            ("transfer_encoding", "chunked"),
        ])
    func connectionFields(name: String, value: String) throws {
        #expect(try translate(Self.get + [(name, value)]).hasPrefix("malformed: "))
    }

    @Test(
        "pseudo-fields come first, once, and are those of requests",
        arguments: misplaced)
    func pseudoFields(fields: [(String, String)], reason: String) throws {
        #expect(try translate(fields) == "malformed: \(reason)")
    }

    @Test("a list that was too large is 431")
    func tooLarge() throws {
        let fields = Self.get + (0..<100).map { ("x-\($0)", "1") }
        #expect(try translate(fields) == "refused: 431")
    }

    @Test(
        "the one parser refuses what it refuses in HTTP/1.1",
        arguments: refusedByParser)
    func parser(changes: [(String, String)], reason: String) throws {
        var fields = Self.get
        for (name, value) in changes {
            if let index = fields.firstIndex(where: { $0.0 == name && name.hasPrefix(":") }) {
                fields[index].1 = value
            } else {
                fields.append((name, value))
            }
        }
        var text = ByteBuffer(string: try translate(fields))
        let head = RequestHead()
        guard case .refused(let refusal) = head.take(translated: &text, hasBody: true, limits: HeadLimits()) else {
            Issue.record("it was accepted")
            return
        }
        #expect(refusal.reason == reason)
    }

    @Test("a body without a length goes on in chunks, and no connection is closed for what a field says")
    func framing() throws {
        var text = ByteBuffer(string: try translate(Self.get))
        let head = RequestHead()
        #expect(head.take(translated: &text, hasBody: true, limits: HeadLimits()) == .complete)
        #expect(head.framing == .chunked && head.version == .http2 && head.keepAlive)
        head.reset()
        text = ByteBuffer(string: try translate(Self.get + [("content-length", "7")]))
        #expect(head.take(translated: &text, hasBody: true, limits: HeadLimits()) == .complete)
        #expect(head.framing == .length(7))
    }

    @Test("trailers are lines without those that may not come there")
    func trailers() throws {
        let found = try RequestTranslation.trailers(
            try block([("x-sum", "1"), ("content-length", "5"), ("x-b", "2"), ("host", "a"), ("usher-identity", "x")]))
        #expect(found.map { String(buffer: $0.bytes) } == "x-sum: 1\r\nx-b: 2\r\n")
        #expect(try RequestTranslation.trailers(try block([])) == nil)
        let broken: [((String, String), StaticReason)] = [
            ((":path", "/"), "a pseudo-field in the trailers"),
            (("X-A", "1"), "a forbidden byte in a field name"),
            (("x", "a\nb"), "a forbidden byte in a value"),
            (("connection", "close"), "a field that concerns one connection"),
        ]
        for (field, reason) in broken {
            let list = try block([field])
            #expect(throws: reason) { try RequestTranslation.trailers(list) }
        }
    }
}
