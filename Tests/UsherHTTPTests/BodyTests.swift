import NIOCore
import Testing

@testable import UsherHTTP

/// A body as it was read.
struct BodyReading: Equatable {
    var bytes: [UInt8] = []
    /// `end`, `needsMore`, or the status of a refusal.
    var ending = "needsMore"
    var trailerBytes: [UInt8]?
    var rest = ""

    var content: String { String(decoding: bytes, as: UTF8.self) }
    var trailers: String? { trailerBytes.map { String(decoding: $0, as: UTF8.self) } }
}

/// Reads a body that arrives in pieces.
func readBody(_ pieces: [ArraySlice<UInt8>], _ framing: BodyFraming, limits: HeadLimits = HeadLimits()) -> BodyReading {
    var reader = BodyReader(framing, limits: limits)
    var input = ByteBuffer()
    var reading = BodyReading()
    for piece in pieces + [[]] {
        input.writeBytes(piece)
        reading.ending = "needsMore"
        loop: while true {
            switch reader.next(&input) {
            case .data(let data): reading.bytes += data.readableBytesView
            case .needsMore: break loop
            case .end(let trailers):
                reading.ending = "end"
                if let trailers { reading.trailerBytes = Array(trailers.bytes.readableBytesView) }
                break loop
            case .refused(let refusal):
                reading.ending = "\(refusal.status)"
                break loop
            }
        }
    }
    // Content before a fault may have been given out in other portions, and where a refusal stopped does not matter.
    if reading.ending == "end" { reading.rest = String(buffer: input) }
    return reading
}

@Suite("reading bodies", .timeLimit(.minutes(1)))
struct BodyTests {
    @Test(
        "chunks are read as the table says, however they are cut",
        arguments: [
            ("0\n\n", "", nil), ("5\nhello\n0\n\n", "hello", nil), ("5\nhello\n1\n!\n0\n\nGET", "hello!", nil),
            ("A\n0123456789\n0\n\n", "0123456789", nil), ("a\n0123456789\n000\n\n", "0123456789", nil),
            ("0000000000000005\nhello\n0\n\n", "hello", nil), ("5;a\nhello\n0\n\n", "hello", nil),
            ("5;a=b;c=\"d\"\nhello\n0;e\n\n", "hello", nil), ("5;\nhello\n0\n\n", "hello", nil),
            ("5; a\tb\nhello\n0\n\n", "hello", nil), ("2\n\n\n0\n\n", "\r\n", nil),
            ("0\nX: y\n\n", "", "X: y\r\n"), ("1\na\n0\nX:  y \nX-Z:\n\n", "a", "X:  y \r\nX-Z:\r\n"),
            ("0\nContent-Length: 5\nX: y\nHost: b\n\n", "", "X: y\r\n"), ("0\nTransfer-Encoding: chunked\n\n", "", nil),
            ("0\nUsher-Identity: x\nX_Forwarded_For: y\nAuthorization: z\n\n", "", nil),
            ("0\ngrpc-status: 0\n\n", "", "grpc-status: 0\r\n"),
            ("0\nConnection: x\nETag: \"a\"\n\n", "", "ETag: \"a\"\r\n"),
        ] as [(String, String, String?)])
    func chunks(text: String, content: String, trailers: String?) {
        for pieces in Cutting.all(wire(text)) {
            let reading = readBody(pieces, .chunked)
            #expect(reading.ending == "end")
            #expect(reading.content == content)
            #expect(reading.trailers == trailers)
            #expect(reading.rest == (text.hasSuffix("GET") ? "GET" : ""))
        }
    }

    @Test(
        "malformed chunks are refused, however they are cut",
        arguments: [
            "\n", "g\n", "-1\n", "+1\n", " 1\n", "\t1\n", "1 \n", "1 ;a\n", "0x1\n", "1x\n", "1.0\n", ";a\n", "1_0\n",
            "\"1\"\n",
            "1,1\n", "5¬hello", "5®hello", "5®\nhello", "5\nhello0\n\n", "5\nhellox\n0\n\n", "5\nhello¬0\n\n",
            "5\nhello®0\n\n", "5\nhello\n\n0\n\n", "10000000000000000\n", "8000000000000000\n", "FFFFFFFFFFFFFFFF\n",
            "00000000000000000\n", "5;a¬hello", "5;a®b\n", "5;\0\n", "5;\u{7F}\n", "5;\"a¬b\"\n", "0\n¬", "0\n®x",
            "0¬", "0®x", "0\nX : y\n\n", "0\n X: y\n\n", "0\nX\n\n", "0\nX: y\n z\n\n", "0\nX: y¬\n", "0\n: y\n\n",
            "0\nX: \0\n\n", "5;\(String(repeating: "a", count: 256))\n", "\u{FF11}\na\n",
            "\(String(repeating: "1;\(String(repeating: "a", count: 99))\nx\n", count: 3))0\n\n",
        ])
    func malformedChunks(text: String) {
        for pieces in Cutting.all(wire(text)) {
            let reading = readBody(pieces, .chunked)
            #expect(reading.ending == "400", "\(text.debugDescription)")
        }
    }

    @Test("256 bytes of extensions are let through")
    func extensions() {
        let text = "1;\(String(repeating: "a", count: 255))\nx\n0\n\n"
        #expect(readBody([wire(text)[...]], .chunked).ending == "end")
    }

    @Test("the largest chunk size is read")
    func largestChunk() {
        let reading = readBody([wire("7FFFFFFFFFFFFFFF\nabc")[...]], .chunked)
        #expect(reading.content == "abc")
        #expect(reading.ending == "needsMore")
    }

    @Test(
        "trailers are bounded as a head is",
        arguments: [(HeadLimits(head: 8), "end"), (HeadLimits(head: 7), "431"), (HeadLimits(fields: 0), "431")])
    func trailerLimits(limits: HeadLimits, ending: String) {
        for pieces in Cutting.all(wire("0\nX: y\n\n")) {
            #expect(readBody(pieces, .chunked, limits: limits).ending == ending)
        }
    }

    @Test("a body of known length ends at its last byte", arguments: [0, 1, 5])
    func length(count: Int) {
        let bytes = Array("hello".utf8.prefix(count)) + Array("next".utf8)
        for pieces in Cutting.all(bytes) {
            let reading = readBody(pieces, .length(count))
            #expect(reading == BodyReading(bytes: Array("hello".utf8.prefix(count)), ending: "end", rest: "next"))
        }
    }

    @Test("no framing, no body")
    func none() {
        #expect(readBody([wire("next")[...]], .none) == BodyReading(ending: "end", rest: "next"))
        #expect(BodyReader().isComplete)
        #expect(BodyReader(.length(-1), limits: HeadLimits()).isComplete)
    }

    @Test("a body until the close is everything")
    func untilClose() {
        var reader = BodyReader(.untilClose, limits: HeadLimits())
        #expect(readBody([wire("0\n\n")[...]], .untilClose).content == "0\r\n\r\n")
        #expect(!reader.isComplete)
        #expect(reader.endOfInput() == .complete)
        #expect(reader.isComplete)
    }

    @Test(
        "the end of the input cuts off what is not complete",
        arguments: [
            (BodyFraming.none, "", BodyEnding.complete), (.length(0), "", .complete), (.length(1), "", .truncated),
            (.length(2), "a", .truncated), (.length(1), "a", .complete), (.chunked, "", .truncated),
            (.chunked, "1\na\n", .truncated), (.chunked, "0\n", .truncated), (.chunked, "0\n\n", .complete),
            (.untilClose, "abc", .complete),
        ])
    func endOfInput(framing: BodyFraming, text: String, ending: BodyEnding) {
        var reader = BodyReader(framing, limits: HeadLimits())
        var input = ByteBuffer(bytes: wire(text))
        while case .data = reader.next(&input) {}
        #expect(reader.endOfInput() == ending)
    }

    @Test("content shares its storage with the input")
    func noCopy() {
        var input = ByteBuffer(string: "5\r\nhello\r\n")
        var reader = BodyReader(.chunked, limits: HeadLimits())
        let storage = input.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        guard case .data(let piece) = reader.next(&input) else {
            Issue.record("no content")
            return
        }
        let address = piece.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(address == storage + 3)
    }

    @Test("what the writer writes, the reader reads", arguments: [1, 9, 10, 15, 16, 255, 256, 4095, 70_000])
    func writer(count: Int) {
        var out = ByteBuffer()
        BodyWriter.writeChunkHead(count, to: &out)
        #expect(String(buffer: out) == String(count, radix: 16) + "\r\n")
        out.writeRepeatingByte(0x78, count: count)
        BodyWriter.writeChunkEnd(to: &out)
        BodyWriter.writeLastChunk(trailers: Trailers(bytes: ByteBuffer(string: "X: y\r\n")), to: &out)
        let reading = readBody([Array(out.readableBytesView)[...]], .chunked)
        #expect(reading.content.utf8.count == count)
        #expect(reading.trailers == "X: y\r\n")
        #expect(reading.ending == "end")
        #expect(reading.rest == "")
    }

    @Test("the largest chunk head is written without a trap")
    func largestChunkHead() {
        var out = ByteBuffer()
        BodyWriter.writeChunkHead(.max, to: &out)
        BodyWriter.writeLastChunk(trailers: nil, to: &out)
        #expect(String(buffer: out) == "7fffffffffffffff\r\n0\r\n\r\n")
    }
}
