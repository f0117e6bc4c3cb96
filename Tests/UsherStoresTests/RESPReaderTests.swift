import NIOCore
import Testing
import UsherCore
@testable import UsherStores

@Suite("RESP replies", .timeLimit(.minutes(1)))
struct RESPReaderTests {
    static let replies: [(String, RESPValue)] = [
        ("+OK\r\n", .simple("OK")),
        ("+\r\n", .simple("")),
        ("-ERR no\r\n", .error("ERR no")),
        (":0\r\n", .integer(0)),
        (":+7\r\n", .integer(7)),
        (":-9223372036854775808\r\n", .integer(.min)),
        (":9223372036854775807\r\n", .integer(.max)),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("_\r\n", .null),
        ("$0\r\n\r\n", .bulk(ByteBuffer())),
        ("$6\r\na\r\nb\r\n\r\n", .bulk(ByteBuffer(string: "a\r\nb\r\n"))),
        ("*0\r\n", .array([])),
        ("*2\r\n:1\r\n$1\r\nx\r\n", .array([.integer(1), .bulk(ByteBuffer(string: "x"))])),
        ("*2\r\n*1\r\n*0\r\n_\r\n", .array([.array([.array([])]), .null])),
        ("#t\r\n", .boolean(true)),
        ("#f\r\n", .boolean(false)),
        (",1.5\r\n", .double(1.5)),
        (",-2e3\r\n", .double(-2000)),
        (",10\r\n", .double(10)),
        (",inf\r\n", .double(.infinity)),
        (",-inf\r\n", .double(-.infinity)),
        ("(-34928903284092385093248509438509438250\r\n", .bigNumber("-34928903284092385093248509438509438250")),
        ("!7\r\nERR a\r\n\r\n", .error("ERR a\r\n")),
        ("=8\r\ntxt:some\r\n", .verbatim(format: "txt", ByteBuffer(string: "some"))),
        ("=4\r\nmkd:\r\n", .verbatim(format: "mkd", ByteBuffer())),
        ("%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n", .map([.simple("a"), .integer(1), .simple("b"), .map([])])),
        ("~2\r\n:1\r\n:2\r\n", .set([.integer(1), .integer(2)])),
        (">2\r\n+message\r\n:1\r\n", .push([.simple("message"), .integer(1)])),
    ]

    /// Feeds the pieces one after the other and returns what was read after each.
    private func read(_ pieces: [ArraySlice<UInt8>]) throws -> [RESPValue] {
        var reader = RESPReader()
        var input = ByteBuffer()
        var values: [RESPValue] = []
        for piece in pieces {
            input.writeBytes(piece)
            while let value = try reader.next(&input) { values.append(value) }
        }
        #expect(input.readableBytes == 0)
        return values
    }

    @Test("every kind of reply is read", arguments: replies)
    func kinds(text: String, value: RESPValue) throws {
        #expect(try self.read([Array(text.utf8)[...]]) == [value])
    }

    @Test("not a number is one too")
    func notANumber() throws {
        guard case .double(let value)? = try self.read([Array(",nan\r\n".utf8)[...]]).first else {
            Issue.record("no double")
            return
        }
        #expect(value.isNaN)
    }

    @Test("replies are read wherever they are cut")
    func everySplit() throws {
        let bytes = Array(Self.replies.map(\.0).joined().utf8)
        let expected = Self.replies.map(\.1)
        for split in 0...bytes.count {
            #expect(try self.read([bytes[..<split], bytes[split...]]) == expected, "cut at \(split)")
        }
        #expect(try self.read(bytes.indices.map { bytes[$0...$0] }) == expected)
    }

    @Test(
        "what is no RESP is refused",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n", "\r\n", "\n", " +OK\r\n", "+O\nK\r\n", "+O\rK\r\n", ":\r\n", ":+\r\n",
            ":1a\r\n", ":01\r\n", ":--1\r\n", ": 1\r\n", ":9223372036854775808\r\n", "$\r\n", "$x\r\n", "$-2\r\n",
            "$?\r\n", "*-2\r\n", "$3\r\nabcd\r\n", "$2\r\nab\n\r", "_x\r\n", "#\r\n", "#x\r\n", "#tt\r\n", ",\r\n",
            ",0x1p3\r\n", ",infinity\r\n", ",1.2.3\r\n", "(\r\n", "(-\r\n", "(1-\r\n", "(1.5\r\n", "=3\r\ntxt\r\n",
            "=4\r\ntxt-\r\n", "=-1\r\n", "!-1\r\n", "%-1\r\n", "~-1\r\n", ">-1\r\n", "*1\r\n>1\r\n:1\r\n",
            "|1\r\n+a\r\n:1\r\n:2\r\n",
        ])
    func refusals(text: String) {
        #expect(throws: RESPProblem.self) { try self.read([Array(text.utf8)[...]]) }
    }

    @Test("a wrong first byte is refused before its line ends")
    func earlyRefusal() {
        #expect(throws: RESPProblem.self) { try self.read([Array("GET".utf8)[...]]) }
    }

    @Test("bounds hold, and what is just within them passes")
    func bounds() throws {
        let mebibyte = String(repeating: "x", count: RESPReader.bulkMaximum)
        #expect(try self.read([Array("$1048576\r\n\(mebibyte)\r\n".utf8)[...]]).count == 1)
        let deepest = String(repeating: "*1\r\n", count: RESPReader.depthMaximum)
        #expect(try self.read([Array("\(deepest):1\r\n".utf8)[...]]).count == 1)
        let most = "*10000\r\n" + String(repeating: "_\r\n", count: 10_000)
        #expect(try self.read([Array("\(most)\(most)".utf8)[...]]).count == 2)
        let longest = String(repeating: "x", count: RESPReader.lineMaximum - 1)
        #expect(try self.read([Array("+\(longest)\r\n".utf8)[...]]).count == 1)
        let tooMuch = [
            "$1048577\r\n", "\(deepest)*1\r\n", "*10001\r\n", "%5001\r\n", "*5000\r\n*5001\r\n",
            "*2\r\n+\(longest)x", "*3\r\n$1048576\r\n\(mebibyte)\r\n$1048576\r\n", "*9223372036854775807\r\n",
        ]
        for text in tooMuch {
            #expect(throws: RESPProblem.self, "\(text.prefix(40))") { try self.read([Array(text.utf8)[...]]) }
        }
    }

    @Test("a large bulk that comes in small pieces costs no more than its bytes")
    func noRescanning() throws {
        let bytes = Array("$1000000\r\n".utf8) + [UInt8](repeating: 0x0D, count: 1_000_000) + Array("\r\n".utf8)
        let pieces = stride(from: 0, to: bytes.count, by: 10).map { bytes[$0..<min($0 + 10, bytes.count)] }
        #expect(try self.read(pieces).count == 1)
    }

    @Test("random bytes and damaged replies never do harm, and pieces change nothing")
    func fuzz() async {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let alphabet = Array("+-:$*_#,(!=%~>\r\n0123456789txt:inf".utf8)
        for round in 0..<20_000 {
            if round % 100 == 0 { await Task.yield() }
            var bytes: [UInt8] = []
            if random.below(2) == 0 {
                for _ in 0..<random.below(60) { bytes.append(alphabet[random.below(alphabet.count)]) }
            } else {
                for _ in 0...random.below(4) { bytes += Array(Self.replies[random.below(Self.replies.count)].0.utf8) }
                for _ in 0..<random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            }
            let whole = self.outcome([bytes[...]])
            let cut = random.below(bytes.count + 1)
            let inTwo = self.outcome([bytes[..<cut], bytes[cut...]])
            let single = self.outcome(bytes.indices.map { bytes[$0...$0] })
            #expect(whole == inTwo && whole == single, "seed \(seed): \(bytes)")
        }
    }

    /// What was read before the end or the first problem, as text: not-a-number does not equal itself.
    private func outcome(_ pieces: [ArraySlice<UInt8>]) -> String {
        var reader = RESPReader()
        var input = ByteBuffer()
        var values: [RESPValue] = []
        do throws(RESPProblem) {
            for piece in pieces {
                input.writeBytes(piece)
                while let value = try reader.next(&input) { values.append(value) }
            }
        } catch {
            return "\(values.map(self.text)) then a problem"
        }
        return "\(values.map(self.text)) then \(input.readableBytes) bytes"
    }

    private func text(_ value: RESPValue) -> String {
        switch value {
        case .bulk(let bytes): "bulk \(Array(bytes.readableBytesView))"
        case .verbatim(let format, let bytes): "verbatim \(format) \(Array(bytes.readableBytesView))"
        case .array(let items): "array \(items.map(self.text))"
        case .map(let items): "map \(items.map(self.text))"
        case .set(let items): "set \(items.map(self.text))"
        case .push(let items): "push \(items.map(self.text))"
        default: "\(value)"
        }
    }
}
