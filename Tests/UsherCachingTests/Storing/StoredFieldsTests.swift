import Testing
import UsherCaching
import UsherCore

@Suite("Fields that are stored", .timeLimit(.minutes(1)))
struct StoredFieldsTests {
    private static func text(_ fields: String, date: String = "") throws -> String {
        Heads.text(try Heads.lines(fields, date: date))
    }

    @Test("RFC 9111 §3.1: fields are kept as they came, in their order, without white space around values")
    func kept() throws {
        let fields = "X-b:  1\t\nDate: \(Noon.date)\nx-B:2\nEmpty:\nCache-Status: origin; hit\nVia: 1.1 a\n"
        #expect(
            try Self.text(fields)
                == "X-b: 1\nDate: \(Noon.date)\nx-B: 2\nEmpty: \nCache-Status: origin; hit\nVia: 1.1 a\n")
    }

    @Test("RFC 9111 §3.1: what concerns one connection, one proxy or one message is not kept")
    func dropped() throws {
        let fields = """
            Connection: keep-alive, X-Hop
            X-Hop: 1
            Keep-Alive: timeout=5
            Proxy-Authenticate: Basic
            Proxy-Authentication-Info: x
            Proxy-Connection: x
            TE: trailers
            Trailer: X-T
            Upgrade: h2c
            Age: 5
            Content-Length: 3
            Usher-Coverage: 1/2
            RateLimit: x
            X-RateLimit-Limit: 5
            X-Request-Id: 1
            Warning: 110 - x
            Kept: 1

            """
        #expect(try Self.text(fields) == "Kept: 1\n")
        #expect(try Self.text("Transfer-Encoding: chunked\nKept: 1\n") == "Kept: 1\n")
    }

    @Test("RFC 9111 §3.1, §5.2.2.4, §5.2.2.7: fields that qualified directives name are not kept")
    func withheld() throws {
        let control = "Cache-Control: public, private=\"X-User\", no-cache=set-cookie\n"
        #expect(try Self.text("\(control)x-user: 1\nX_User: 2\nSet-Cookie: a=b\nKept: 1\n") == "\(control)Kept: 1\n")
    }

    @Test("RFC 9111 §7.3: cookies are kept only of an answer that is explicitly public")
    func cookies() throws {
        #expect(try Self.text("Set-Cookie: a=b\nCache-Control: max-age=5\n") == "Cache-Control: max-age=5\n")
        let fields = "Set-Cookie: a=b\nCache-Control: public\n"
        #expect(try Self.text(fields) == fields)
    }

    @Test("RFC 9110 §6.6.1: the caller's Date is kept when the answer has none")
    func date() throws {
        #expect(try Self.text("A: 1\n", date: "Date: \(Noon.date)\n") == "A: 1\nDate: \(Noon.date)\n")
        #expect(try Self.text("Date: \(Noon.date(5))\n", date: "Date: \(Noon.date)\n") == "Date: \(Noon.date(5))\n")
    }

    @Test("values are found by name, in any case, the first one")
    func values() throws {
        let lines = try Heads.lines("A: 1\nETag: \"x\"\nB_C: 2\nA: 3\nEmpty:\n")
        func value(_ name: StaticString) -> String? {
            StoredFields.value(of: name, in: lines.span).map { String(decoding: lines[$0], as: UTF8.self) }
        }
        #expect(value("a") == "1" && value("etag") == "\"x\"" && value("b-c") == "2" && value("empty") == "")
        #expect(value("c") == nil && value("") == nil && value("x") == nil)
    }

    private static func updated(_ stored: String, _ new: String, status: Int = 304, date: String = "") throws -> String
    {
        let head = try Heads.response(new, status: status)
        let lines = try Heads.lines(stored)
        let directives = StoredFields.directives(updating: lines.span, with: head)
        return Heads.text(StoredFields.updated(lines.span, with: head, directives, date: Heads.wire(date)))
    }

    @Test("RFC 9111 §3.2: new fields take the place of all stored ones of their name")
    func update() throws {
        #expect(try Self.updated("A: 1\nB: 2\nA: 3\nC: 4\n", "a: 5\na: 6\nD: 7\n") == "B: 2\nC: 4\na: 5\na: 6\nD: 7\n")
        #expect(try Self.updated("A: 1\n", "") == "A: 1\n")
        #expect(try Self.updated("X_A: 1\n", "X-A: 2\n") == "X-A: 2\n")
    }

    @Test("RFC 9111 §3.2: what tells how to read the stored bytes never changes, nor does what is not stored come in")
    func fixed() throws {
        let stored = "Content-Type: a/b\nContent-Encoding: gzip\nETag: \"x\"\n"
        let new = """
            Content-Type: c/d
            Content-Encoding: br
            Content-Range: bytes 0-1/2
            Content-Length: 5
            ETag: W/"x"
            Age: 3
            Connection: E
            E: 1
            Set-Cookie: a=b
            Keep-Alive: x
            Warning: 110 - x
            N: 1

            """
        #expect(try Self.updated(stored, new) == stored + "N: 1\n")
        #expect(try Self.updated("A: 1\n", "Content-Type: a/b\n") == "A: 1\n")
        #expect(try Self.updated("A: 1\n", "ETag: W/\"x\"\n") == "A: 1\nETag: W/\"x\"\n")
    }

    @Test("RFC 9111 §3.2: a cookie goes once the answer is no longer public")
    func cookieUpdate() throws {
        let stored = "Cache-Control: public\nSet-Cookie: a=b\n"
        #expect(try Self.updated(stored, "A: 1\n") == "\(stored)A: 1\n")
        #expect(try Self.updated(stored, "Cache-Control: max-age=5\n") == "Cache-Control: max-age=5\n")
        #expect(try Self.updated(stored, "Set-Cookie: c=d\n") == "Cache-Control: public\nSet-Cookie: c=d\n")
    }

    @Test("RFC 9111 §3.2: random lines that are updated with themselves keep what they say")
    func property() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = ["a", ":", " ", ",", "\"", "\\", "é", "="]
        for _ in 0..<1000 {
            let fields = (0..<scribbler.random.below(8)).map { _ in
                "X-\(scribbler.random.below(4)): \(scribbler.text(morsels))\n"
            }.joined()
            let stored = try Heads.lines(fields)
            let same = try Self.updated(fields, fields)
            #expect(same == Heads.text(stored), "seed \(seed): \(fields)")
            let other = try Self.updated(fields, "X-1: new\n")
            let rest = fields.split(separator: "\n").filter { !$0.hasPrefix("X-1") }.count
            #expect(other.split(separator: "\n").count == rest + 1, "seed \(seed): \(fields)")
        }
    }

    @Test("bytes that are no lines end the reading")
    func broken() {
        for text in ["", "A", "A:", "A: 1", "A: 1\r", "A: 1\rB: 2\r\n", ": 1\r\n", " A: 1\r\n", "\r\nA: 1\r\n"] {
            let bytes = Array(text.utf8)
            let found = StoredFields.value(of: "a", in: bytes.span) ?? StoredFields.value(of: "b", in: bytes.span)
            #expect(found == nil)
        }
    }
}
