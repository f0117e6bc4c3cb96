import NIOCore
import Testing
import UsherTestKit

@testable import UsherHTTP

@Suite("HPACK", .timeLimit(.minutes(1)))
struct HPACKTests {
    /// Reads blocks one after the other with one table.
    private final class Reader {
        private var decoder = HPACKDecoder()
        private var fields = FieldBlock()
        private(set) var isTooLarge = false

        /// Nil when the block is not what an encoder may write.
        func read(_ block: [UInt8], weightMax: Int = 65_536, fieldsMax: Int = 1000) -> [String]? {
            fields.begin(weightMax: weightMax, fieldsMax: fieldsMax)
            do {
                try decoder.decode(block.span, into: &fields)
            } catch {
                return nil
            }
            isTooLarge = fields.isTooLarge
            return fields.fields.map { field in
                let name = String(decoding: fields.bytes[field.name.range(in: fields.bytes.count)], as: UTF8.self)
                return name + ": "
                    + String(decoding: fields.bytes[field.value.range(in: fields.bytes.count)], as: UTF8.self)
            }
        }
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal.filter { !$0.isWhitespace })
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }

    @Test(
        "the examples of RFC 7541, each a connection's three requests",
        arguments: [
            // Appendix C.3, without Huffman.
            [
                "828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
                "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
            ],
            // Appendix C.4, with Huffman.
            [
                "828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
                "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            ],
        ])
    func requests(blocks: [String]) {
        let reader = Reader()
        let common = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]
        #expect(reader.read(Self.bytes(blocks[0])) == common)
        #expect(reader.read(Self.bytes(blocks[1])) == common + ["cache-control: no-cache"])
        #expect(
            reader.read(Self.bytes(blocks[2])) == [
                ":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com",
                "custom-key: custom-value",
            ])
    }

    @Test(
        "the examples of RFC 7541 in which entries are evicted",
        arguments: [
            // Appendix C.5 and C.6, with a table of 256 bytes.
            [
                """
                4803333032 580770726976617465 611d4d6f6e2c203231204f63742032303133 2032303a31333a323120474d54
                6e1768747470733a2f2f7777772e6578616d706c652e636f6d
                """,
                "4803333037c1c0bf",
                """
                88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a6970
                7738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b207665
                7273
                696f6e3d31
                """,
            ],
            [
                """
                488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8
                e9ae82ae43d3
                """,
                "4883640effc1c0bf",
                """
                88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5
                af27
                087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007
                """,
            ],
        ])
    func eviction(blocks: [String]) {
        let reader = Reader()
        let date = "date: Mon, 21 Oct 2013 20:13:21 GMT"
        let location = "location: https://www.example.com"
        #expect(
            reader.read(HTTP2Wire.integer(256, prefix: 5, pattern: 0x20) + Self.bytes(blocks[0])) == [
                ":status: 302", "cache-control: private", date, location,
            ])
        #expect(reader.read(Self.bytes(blocks[1])) == [":status: 307", "cache-control: private", date, location])
        #expect(
            reader.read(Self.bytes(blocks[2])) == [
                ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", location,
                "content-encoding: gzip",
                "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ])
    }

    @Test(
        "what no encoder may write ends it",
        arguments: [
            ("80", "index 0"), ("be", "an index beyond the table"), ("ff8080808001", "an endless integer"),
            ("ffffffffff7f", "an integer beyond every length"), ("00", "a name that is missing"),
            ("0005616263", "a name that is cut short"), ("000161", "a value that is missing"),
            ("00016105616263", "a value that is cut short"), ("3fe21f", "a table larger than allowed"),
            ("203f e11f 20", "three size updates"), ("8220", "a size update behind a field"),
            ("000161 81fe", "padding that is not ones"), ("000161 82ffff", "padding of eight bits and more"),
            ("000161 84ffffffff", "the end of the string in the middle"), ("0f80", "a name's index beyond the table"),
        ])
    func malformed(block: String, why: String) {
        #expect(Reader().read(Self.bytes(block)) == nil, "\(why)")
    }

    @Test("a block may be empty, and two size updates may begin one")
    func allowed() {
        let reader = Reader()
        #expect(reader.read([]) == [])
        #expect(reader.read(Self.bytes("203fe11f82")) == [":method: GET"])
        #expect(reader.read(Self.bytes("20")) == [])
    }

    @Test("every byte survives the Huffman code")
    func huffman() {
        let table = HuffmanTable.shared
        let text = (0..<256).map { UInt8($0) } + Array("a usual text, with digits 0123456789".utf8)
        var text2: [UInt8] = []
        #expect(table.decode(HuffmanText.encode(text).span, to: &text2))
        #expect(text2 == text)
    }

    @Test("names are known by their index, by their text, or evicted while they are used")
    func nameFromEvictedEntry() {
        let reader = Reader()
        let long = String(repeating: "v", count: 3000)
        #expect(reader.read(HTTP2Wire.indexedBlock([("x-a", long)]))?.count == 1)
        // The new entry takes its name from the one that it evicts (RFC 7541 §4.4).
        #expect(reader.read([0x7E] + HTTP2Wire.string(long)) == ["x-a: \(long)"])
        #expect(reader.read([0xBE]) == ["x-a: \(long)"])
        #expect(reader.read([0xBF]) == nil)
    }

    @Test("an entry larger than the table empties it")
    func tooLargeEntry() {
        let reader = Reader()
        _ = reader.read(HTTP2Wire.indexedBlock([("a", "b")]))
        _ = reader.read(HTTP2Wire.indexedBlock([("a", String(repeating: "v", count: 4064))]))
        #expect(reader.read([0xBE]) == nil)
    }

    @Test("a list that is too large is read to its end, so that the table stays common")
    func tooLarge() {
        let reader = Reader()
        let fields = (0..<40).map { ("x-\($0)", String(repeating: "v", count: 20)) }
        #expect(reader.read(HTTP2Wire.indexedBlock(fields), weightMax: 600)?.count == 10)
        #expect(reader.isTooLarge)
        #expect(reader.read([0xBE]) == ["x-39: \(String(repeating: "v", count: 20))"])
        #expect(!reader.isTooLarge)
    }

    @Test("a bomb stops to be copied at the limit, and to be read beyond all reason")
    func bomb() {
        let reader = Reader()
        let large = String(repeating: "b", count: 4000)
        _ = reader.read(HTTP2Wire.indexedBlock([("a", large)]))
        #expect(reader.read([UInt8](repeating: 0xBE, count: 16), weightMax: 16_384)?.count == 4)
        #expect(reader.isTooLarge)
        _ = reader.read(HTTP2Wire.indexedBlock([(large, "")]))
        let start = ContinuousClock.now
        // A value by a byte, a name by three, and a name that goes into the table once more by two.
        for field in [[0xBE], [0x0F, 0x2F, 0], [0x7E, 0]] as [[UInt8]] {
            let block = Array(repeatElement(field, count: 16_384 / field.count).joined())
            #expect(reader.read(block, weightMax: 16_384) == nil)
        }
        // 120 MiB would have been copied; a second allows for the slowest machine.
        #expect(ContinuousClock.now - start < .seconds(1))
        #expect(reader.read([UInt8](repeating: 0x82, count: 1000), fieldsMax: 100)?.count == 100)
        #expect(reader.isTooLarge)
    }

    @Test("the table holds what its size allows through thousands of entries")
    func longLife() {
        let reader = Reader()
        for round in 0..<5000 {
            let value = String(repeating: "x", count: round % 90)
            #expect(reader.read(HTTP2Wire.indexedBlock([("n\(round)", value)])) == ["n\(round): \(value)"])
            #expect(reader.read([0xBE]) == ["n\(round): \(value)"])
        }
        #expect(reader.read([0xBE + 20])?.first?.hasPrefix("n4979") == true)
    }

    @Test("what the writer writes is what the reader reads")
    func writer() throws {
        let text =
            "HTTP/1.1 203 Non\r\nContent-Type: text/plain\r\nX-Own_Name: a b\tc\r\nset-cookie: a=b\r\n"
            + "Content_Type: other\r\nETag: \"\(String(repeating: "e", count: 300))\"\r\nConnection: x-hop\r\n"
            + "X-Hop: 1\r\nKeep-Alive: 5\r\nServer: s\r\nX-Latin: \u{e9}\r\n\r\n"
        var input = ByteBuffer(string: text)
        let head = ResponseHead()
        #expect(head.parse(&input, requestMethod: .get, limits: HeadLimits()) == .complete)
        var block = ByteBuffer()
        ResponseTranslation.write(head, dropping: [.server], droppingNames: [], to: &block)
        ResponseTranslation.write(lines: ByteBuffer(string: "X-One: 1\r\nX-Two:2\r\n"), to: &block)
        ResponseTranslation.write(.contentLength, "content-length", decimal: 12_345, to: &block)
        ResponseTranslation.write(.xRequestID, "x-request-id", hexadecimal: 1, 0xABC, to: &block)
        #expect(
            Reader().read(Array(block.readableBytesView)) == [
                ":status: 203", "content-type: text/plain", "x-own_name: a b\tc", "set-cookie: a=b",
                "content_type: other", "etag: \"\(String(repeating: "e", count: 300))\"", "x-latin: \u{e9}", "x-one: 1",
                "x-two: 2", "content-length: 12345", "x-request-id: 00000000000000010000000000000abc",
            ])
    }

    @Test("every status has its three digits", arguments: [100, 200, 204, 206, 304, 400, 404, 500, 201, 418, 999])
    func status(status: Int) {
        var block = ByteBuffer()
        ResponseTranslation.write(status: status, to: &block)
        #expect(Reader().read(Array(block.readableBytesView)) == [":status: \(status)"])
    }
}

/// Huffman coding as a client does it.
enum HuffmanText {
    static func encode(_ text: [UInt8]) -> [UInt8] {
        var bits = ""
        for byte in text {
            let code = HuffmanCode.codes[Int(byte)]
            let digits = String(code.bits, radix: 2)
            bits += String(repeating: "0", count: code.count - digits.count) + digits
        }
        while bits.count % 8 != 0 { bits += "1" }
        let digits = Array(bits)
        return stride(from: 0, to: digits.count, by: 8).compactMap { UInt8(String(digits[$0..<$0 + 8]), radix: 2) }
    }
}
