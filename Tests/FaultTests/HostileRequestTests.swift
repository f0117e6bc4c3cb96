import Foundation
import Testing

extension FaultTests {
    /// Requests that could be read in two ways, or are too large: refused, and never seen by a replica.
    @Suite(.timeLimit(.minutes(1))) struct HostileRequestTests {
        /// A replica that answers every head at once with what it was asked for, and remembers it.
        private func recorder() throws -> ScriptedReplica {
            try ScriptedReplica { conversation in
                while let head = conversation.nextHead() {
                    let path = ScriptedReplica.Conversation.path(of: head)
                    conversation.send("HTTP/1.1 200 OK\r\nContent-Length: \(path.utf8.count)\r\n\r\n\(path)")
                }
            }
        }

        struct Attempt: Sendable, CustomTestStringConvertible {
            let name: String
            let request: String
            let status: Int
            var testDescription: String { self.name }

            init(_ name: String, _ request: String, _ status: Int = 400) {
                self.name = name
                self.request = request
                self.status = status
            }
        }

        private static let post = "POST / HTTP/1.1\r\nHost: a\r\n"
        private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

        private static let chunked = "Transfer-Encoding: chunked\r\n"

        static let attempts: [Attempt] = [
            Attempt("length and chunked", post + "Content-Length: 4\r\n" + chunked + "\r\n0\r\n\r\n" + smuggled),
            Attempt("chunked and length", post + chunked + "Content-Length: 4\r\n\r\n0\r\n\r\n" + smuggled),
            Attempt("two lengths", post + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + smuggled),
            Attempt("a list of lengths", post + "Content-Length: 0, 44\r\n\r\n" + smuggled),
            Attempt("length with a sign", post + "Content-Length: +0\r\n\r\n" + smuggled),
            Attempt("length in hexadecimal", post + "Content-Length: 0x0\r\n\r\n" + smuggled),
            Attempt("length with a space", post + "Content-Length: 0 0\r\n\r\n" + smuggled),
            Attempt("length of 20 digits", post + "Content-Length: 18446744073709551616\r\n\r\n" + smuggled, 0),
            Attempt("space before the colon", post + "Content-Length : 44\r\n\r\n" + smuggled),
            Attempt("tab before the colon", post + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n" + smuggled),
            Attempt("chunked is not last", post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + smuggled, 0),
            Attempt("chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + smuggled, 0),
            Attempt("chunked in two fields", post + chunked + "Transfer-Encoding: x\r\n\r\n" + smuggled, 0),
            Attempt("vertical tab in a coding", post + "Transfer-Encoding: \u{b}chunked\r\n\r\n" + smuggled, 0),
            Attempt("chunked in quotes", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + smuggled, 0),
            Attempt("chunked misspelled", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled, 0),
            Attempt("folded coding", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled),
            Attempt("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled),
            Attempt("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n" + smuggled),
            Attempt("bare line feed after a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n" + smuggled),
            Attempt("bare carriage return in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n" + smuggled),
            Attempt("NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\u{0}z\r\n\r\n" + smuggled),
            Attempt("NUL in the target", "GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled),
            Attempt("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled),
            Attempt("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled),
            Attempt("no Host", "GET / HTTP/1.1\r\n\r\n" + smuggled),
            Attempt("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + smuggled),
            Attempt("field name with a space", "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n" + smuggled),
            Attempt("field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nGET /smuggled HTTP/1.1\r\n\r\n" + smuggled),
            Attempt("first field indented", "GET / HTTP/1.1\r\n Host: a\r\n\r\n" + smuggled),
            Attempt("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n" + smuggled, 0),
            Attempt("HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n" + smuggled, 505),
            Attempt("method with a slash", "GE/T / HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled),
            Attempt("encoded slash", "GET /a%2fb HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            Attempt("encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            Attempt("broken escape", "GET /a%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            Attempt("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n", 501),
            Attempt("unknown expectation", post + "Expect: more\r\nContent-Length: 2\r\n\r\nok", 417),
        ]

        @Test("a request that can be read in two ways reaches no replica", arguments: attempts)
        func refused(_ attempt: Attempt) throws {
            let replica = try self.recorder()
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let client = try RawClient(usher.port)
                client.send(attempt.request)
                let text = client.readToEnd()
                // 0: any refusal will do.
                #expect(text.hasPrefix("HTTP/1.1 \(attempt.status == 0 ? "" : "\(attempt.status) ")"), "\(text)")
                #expect(!text.hasPrefix("HTTP/1.1 2"), "\(text)")
                #expect(text.components(separatedBy: "HTTP/1.1 ").count == 2, "one answer, and then the end: \(text)")
                #expect(replica.received == [])
                #expect(RawClient.status(usher.port, "/fixed") == 200)
            }
        }

        @Test(
            "a chunked body that is wrong ends its connection, and what follows is no request",
            arguments: [
                "zz\r\nok\r\n0\r\n\r\n", "2\nok\n0\n\n", "2\r\nokk\r\n0\r\n\r\n", "-2\r\nok\r\n0\r\n\r\n",
                "0x2\r\nok\r\n0\r\n\r\n", " 2\r\nok\r\n0\r\n\r\n", "2 \r\nok\r\n0\r\n\r\n",
                "2;\u{0}\r\nok\r\n0\r\n\r\n",
                "FFFFFFFFFFFFFFFFF\r\nok\r\n0\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n",
                "2;\(String(repeating: "e", count: 400))\r\nok\r\n0\r\n\r\n",
            ])
        func wrongChunks(body: String) throws {
            let replica = try self.recorder()
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let client = try RawClient(usher.port)
                client.send(Self.post + Self.chunked + "\r\n" + body + Self.smuggled)
                #expect(!client.readToEnd().contains("/smuggled"))
                #expect(!replica.received.contains { $0.contains("/smuggled") })
                #expect(RawClient.status(usher.port, "/fixed") == 200)
            }
        }

        @Test("heads at their limits pass, and one byte or field more is refused")
        func limits() throws {
            let replica = try ReplicaProcess()
            let limits = "limits: { head: 4KiB, request-line: 1KiB, fields: 20 }"
            try UsherProcess.running(Configuration.proxying([replica.port], more: limits)) { usher in
                func expect(_ status: Int, line: Int = 100, head: Int = 600, fields: Int = 5) throws {
                    let client = try RawClient(usher.port)
                    client.send(Self.request(line: line, head: head, fields: fields))
                    #expect(client.readAnswer()?.status == status, "line \(line), head \(head), \(fields) fields")
                }
                try expect(200, line: 1024)
                try expect(414, line: 1025)
                try expect(200, head: 4096)
                try expect(431, head: 4097)
                try expect(431, head: 1_000_000)
                try expect(200, fields: 20)
                try expect(431, fields: 21)
            }
        }

        /// A GET whose request line (without its line end), head (with its empty line) and fields are exactly so many.
        private static func request(line: Int, head: Int, fields: Int) -> String {
            let path = "/" + String(repeating: "p", count: line - "GET / HTTP/1.1".utf8.count)
            var text = "GET \(path) HTTP/1.1\r\nHost: a\r\n"
            for index in 0..<fields - 2 { text += "F\(index): x\r\n" }
            let rest = max(head - text.utf8.count - "Fill: \r\n\r\n".utf8.count, 0)
            return text + "Fill: \(String(repeating: "f", count: rest))\r\n\r\n"
        }

        @Test("requests cut into random pieces are answered as when they come whole")
        func splits() throws {
            let seed = UInt64.random(in: .min ... .max)
            print("seed \(seed)")
            var random = SplitMix(seed: seed)
            let replica = try ReplicaProcess()
            var text = ""
            for index in 0..<20 {
                switch index % 4 {
                case 0: text += "GET /n/\(index) HTTP/1.1\r\nHost: a\r\n\r\n"
                case 1: text += "POST /n/\(index) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                case 2: text += "GET /fixed HTTP/1.1\r\nHost: a\r\nX-\(index): \(index)\r\n\r\n"
                default: text += "PUT /n/\(index) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                }
            }
            let whole = Data(text.utf8)
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                for _ in 0..<30 {
                    let client = try RawClient(usher.port)
                    var rest = whole[...]
                    while !rest.isEmpty {
                        let piece = rest.prefix(Int.random(in: 1...60, using: &random))
                        client.send(Data(piece))
                        rest = rest.dropFirst(piece.count)
                        if Bool.random(using: &random) { usleep(200) }
                    }
                    for index in 0..<20 {
                        let body = index % 4 == 2 ? "fixed\n" : "/n/\(index)\n"
                        let answer = client.readAnswer()
                        #expect(answer?.status == 200 && answer?.body == body, "seed \(seed), answer \(index)")
                    }
                }
            }
        }

        @Test("a slow client gets all of an answer that closes the connection")
        func slowEnd() throws {
            let replica = try ReplicaProcess()
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let count = 9_000_000
                let client = try RawClient(usher.port, receiveBuffer: 4096)
                client.send("GET /bytes/\(count) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                var received = 0
                var hasPaused = false
                while true {
                    if !hasPaused, received > 1_000_000,
                        try usher.metric("usher_endpoint_requests_total", "outcome=\"success\"") == 1
                    {
                        // The replica has given everything; what is left waits in Usher and in the kernel.
                        hasPaused = true
                        sleep(4)
                    }
                    let piece = client.readSome(upTo: hasPaused ? 65536 : 16384)
                    if piece.isEmpty { break }
                    received += piece.count
                }
                #expect(hasPaused)
                #expect(received > count, "bytes of the answer, its head included")
            }
        }
    }
}
