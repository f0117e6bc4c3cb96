import NIOCore
import Testing

@testable import UsherHTTP

@Suite("reading request heads", .timeLimit(.minutes(1)))
struct RequestHeadTests {
    @Test("a request is judged as the table says", arguments: RequestCorpus.all)
    func verdict(request: RequestCase) {
        let reading = readRequest([wire(request.text)[...]])
        switch request.expectation {
        case .accepted(let target, let authority, let framing):
            #expect(reading.verdict == .complete)
            #expect(reading.target == target)
            #expect(reading.authority == authority)
            #expect(reading.framing == framing)
        case .refused(let status):
            #expect(reading.refusedStatus == status, "\(reading)")
        case .incomplete:
            #expect(reading.verdict == .needsMore)
        }
    }

    @Test("a request reads the same however it is cut", arguments: RequestCorpus.all)
    func cutting(request: RequestCase) {
        let bytes = wire(request.text)
        let whole = readRequest([bytes[...]])
        let reused = RequestHead()
        for pieces in Cutting.all(bytes) {
            #expect(readRequest(pieces, with: reused) == whole)
        }
    }

    @Test("what follows a head stays in the input")
    func rest() {
        let reading = readRequest([wire("POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhelloGET")[...]])
        #expect(reading.rest == "helloGET")
    }

    @Test("values are trimmed and known names found whatever their spelling")
    func fields() {
        let text = "GET / HTTP/1.1\nhOsT:a\nX_Forwarded-FOR: \t1 \t\nUSHER_identity: x\nX-Forwarded-Odd: y\nFoo:\n\n"
        let reading = readRequest([wire(text)[...]])
        #expect(
            reading.fields == [
                "hOsT=a [host]", "X_Forwarded-FOR=1 [xForwardedFor]", "USHER_identity=x [usher]",
                "X-Forwarded-Odd=y [xForwardedOther]", "Foo= [other]",
            ])
    }

    @Test(
        "the connection stays as version and options say",
        arguments: [
            ("1.1", "", true), ("1.1", "close", false), ("1.1", "keep-alive", true),
            ("1.1", "Keep-Alive, CLOSE", false),
            ("1.1", "x, close ,y", false), ("1.1", "closed", true), ("1.0", "", false), ("1.0", "keep-alive", true),
            ("1.0", "KEEP-ALIVE, x", true), ("1.0", "close, keep-alive", false),
        ])
    func keepAlive(version: String, options: String, stays: Bool) {
        let field = options.isEmpty ? "" : "Connection: \(options)\n"
        let reading = readRequest([wire("GET / HTTP/\(version)\nHost: a\n\(field)\n")[...]])
        #expect(reading.flags.contains("keep-alive") == stays)
    }

    @Test(
        "an upgrade counts only in HTTP/1.1 and with its connection option",
        arguments: [
            ("1.1", "Upgrade", true), ("1.1", "keep-alive, upgrade", true), ("1.1", "x", false),
            ("1.0", "upgrade", false),
        ])
    func upgrade(version: String, options: String, asked: Bool) {
        let text = "GET / HTTP/\(version)\nHost: a\nConnection: \(options)\nUpgrade: websocket\n\n"
        #expect(readRequest([wire(text)[...]]).flags.contains("upgrade") == asked)
    }

    @Test("an expectation counts only in HTTP/1.1", arguments: [("1.1", true), ("1.0", false)])
    func expectation(version: String, counts: Bool) {
        let text = "PUT / HTTP/\(version)\nHost: a\nExpect: 100-CONTINUE\nContent-Length: 1\n\n"
        #expect(readRequest([wire(text)[...]]).flags.contains("expects-continue") == counts)
    }

    @Test("fields that Connection names are marked, under any spelling and before or behind it")
    func listed() {
        let text = "GET / HTTP/1.1\nX-A: 1\nHost: a\nConnection: close, x_a,X-B\nx-b: 2\nX-C: 3\n\n"
        #expect(
            readRequest([wire(text)[...]]).fields == [
                "!X-A=1 [other]", "Host=a [host]", "Connection=close, x_a,X-B [connection]", "!x-b=2 [other]",
                "X-C=3 [other]",
            ])
    }

    @Test(
        "limits hold to the byte",
        arguments: [
            (HeadLimits(requestLine: 14), nil), (HeadLimits(requestLine: 13), 414), (HeadLimits(requestLine: 0), 414),
            (HeadLimits(head: 27), nil), (HeadLimits(head: 26), 431), (HeadLimits(head: 17), 431),
            (HeadLimits(head: 10), 414), (HeadLimits(head: 0), 414), (HeadLimits(head: -1, requestLine: -1), 414),
            (HeadLimits(fields: 1), nil), (HeadLimits(fields: 0), 431),
        ] as [(HeadLimits, Int?)])
    func limits(limits: HeadLimits, refused: Int?) {
        let bytes = wire("GET / HTTP/1.1\nHost: a\n\n")
        #expect(bytes.count == 27)
        for pieces in Cutting.all(bytes) {
            #expect(readRequest(pieces, limits: limits).refusedStatus == refused)
        }
    }

    @Test("a fault before a limit is found before the limit, however the head is cut")
    func faultBeforeLimit() {
        let bytes = wire("GET / HTTP/1.1\nHost: a\nX: \0\(String(repeating: "y", count: 200))\n\n")
        for pieces in Cutting.all(bytes) {
            #expect(readRequest(pieces, limits: HeadLimits(head: 100)).refusedStatus == 400)
        }
    }

    @Test("a head that arrives byte by byte costs linear work")
    func linearWork() {
        var text = "GET /\(String(repeating: "a/%41/../", count: 200)) HTTP/1.1\nHost: a\n"
        for index in 0..<90 { text += "X-\(index): \(String(repeating: "y", count: 120))\n" }
        let bytes = wire(text + "\n")
        let head = RequestHead()
        let reading = readRequest(bytes.indices.map { bytes[$0...$0] }, with: head)
        #expect(reading.verdict == .complete)
        #expect(bytes.count > 12_000)
        #expect(head.examinedBytes <= 2 * bytes.count)
        #expect(head.examinedBytes >= bytes.count)
    }

    @Test("the same verdict is given again after a refusal and after the end")
    func sticky() {
        let head = RequestHead()
        var bad = ByteBuffer(string: "GET\r")
        let refusal = head.parse(&bad, limits: HeadLimits())
        var good = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.parse(&good, limits: HeadLimits()) == refusal)
        head.reset()
        #expect(head.parse(&good, limits: HeadLimits()) == .complete)
        var more = ByteBuffer(string: "GET /2")
        #expect(head.parse(&more, limits: HeadLimits()) == .complete)
        #expect(more.readableBytes == 6)
        #expect(head.string(head.path) == "/")
    }

    @Test("a head that is refused in its fields still tells its request line")
    func refusedDescription() {
        let head = RequestHead()
        var input = ByteBuffer(string: "PUT /a/../b?c HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n")
        let progress = head.parse(&input, limits: HeadLimits())
        #expect(progress == .refused(Refusal(400, "white space in a field name")))
        #expect(head.method == .put)
        #expect(head.string(head.target) == "/b?c")
        // Asking again once wrote the canonical target again and moved its place.
        #expect(head.parse(&input, limits: HeadLimits()) == progress)
        #expect(head.string(head.target) == "/b?c")
    }

    @Test("a large head's storage is given back, a small one's is kept")
    func storage() {
        let head = RequestHead()
        let large = wire("GET / HTTP/1.1\nHost: a\nX: \(String(repeating: "y", count: 40_000))\n\n")
        #expect(readRequest([large[...]], limits: HeadLimits(head: 65_536), with: head).verdict == .complete)
        head.reset()
        #expect(head.bytes.capacity == 0)
        #expect(readRequest([wire("GET / HTTP/1.1\nHost: a\n\n")[...]], with: head).verdict == .complete)
        let capacity = head.bytes.capacity
        head.reset()
        #expect(head.bytes.capacity == capacity)
        #expect(capacity > 0)
    }

    @Test("a body behind a head in parts is not taken, however large")
    func bodyStays() {
        let head = RequestHead()
        var input = ByteBuffer(string: "POST / HT")
        #expect(head.parse(&input, limits: HeadLimits()) == .needsMore)
        input = ByteBuffer(string: "TP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n")
        input.writeRepeatingByte(0x78, count: 70_000)
        #expect(head.parse(&input, limits: HeadLimits()) == .complete)
        #expect(input.readableBytes == 70_000)
        #expect(head.string(head.methodSlice) == "POST")
    }

    @Test("nothing but empty lines is an empty head")
    func isEmpty() {
        let head = RequestHead()
        var input = ByteBuffer(string: "\r\n\r")
        #expect(head.parse(&input, limits: HeadLimits()) == .needsMore)
        #expect(head.isEmpty)
        input.writeString("\nG")
        #expect(head.parse(&input, limits: HeadLimits()) == .needsMore)
        #expect(!head.isEmpty)
    }
}
