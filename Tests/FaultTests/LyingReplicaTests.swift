import Foundation
import Testing

extension FaultTests {
    /// Replicas whose answers are wrong: their client gets a right one or one that is visibly cut off, nobody else
    /// notices.
    @Suite(.timeLimit(.minutes(1))) struct LyingReplicaTests {
        enum Outcome: Sendable {
            /// Usher's own answer with this status; the connection goes on.
            case status(Int)
            /// The answer passes with this body; the connection goes on.
            case passes(String)
            /// The connection ends before the answer is whole.
            case cutOff
        }

        struct Lie: Sendable, CustomTestStringConvertible {
            let name: String
            let answer: String
            let outcome: Outcome
            var testDescription: String { self.name }

            init(_ name: String, _ answer: String, _ outcome: Outcome) {
                self.name = name
                self.answer = answer
                self.outcome = outcome
            }
        }

        private static let ok = "HTTP/1.1 200 OK\r\n"
        private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        private static let length2 = "Content-Length: 2\r\n\r\nok"

        static let lies: [Lie] = [
            Lie("nothing, and closes", "", .status(502)),
            Lie("no HTTP", "\u{0}\u{1}garbage\r\n\r\n", .status(502)),
            Lie("HTTP/0.9", "hello world", .status(502)),
            Lie("another version", "HTTP/2.0 200 OK\r\n" + length2, .status(502)),
            Lie("half a head", "HTTP/1.1 200 OK\r\nContent-Le", .status(502)),
            Lie("status of two digits", "HTTP/1.1 99 Low\r\n" + length2, .status(502)),
            Lie("status of four digits", "HTTP/1.1 1000 High\r\n" + length2, .status(502)),
            Lie("status 000", "HTTP/1.1 000 Zero\r\n" + length2, .status(502)),
            Lie("101 that nobody asked for", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nraw", .status(502)),
            Lie("two lengths", ok + "Content-Length: 3\r\n" + length2, .status(502)),
            Lie("length and chunked", ok + "Transfer-Encoding: chunked\r\n" + length2, .status(502)),
            Lie("unknown coding", ok + "Transfer-Encoding: gzip\r\n\r\nok", .status(502)),
            Lie("negative length", ok + "Content-Length: -2\r\n\r\nok", .status(502)),
            Lie("length of 20 digits", ok + "Content-Length: 99999999999999999999\r\n\r\nok", .status(502)),
            Lie("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", .status(502)),
            Lie("folded line", ok + "X: a\r\n b\r\n" + length2, .status(502)),
            Lie("space before the colon", ok + "X : a\r\n" + length2, .status(502)),
            Lie("NUL in a value", ok + "X: a\u{0}b\r\n" + length2, .status(502)),
            Lie("empty name", ok + ": a\r\n" + length2, .status(502)),
            Lie("empty lines first", "\r\n\r\n" + ok + length2, .status(502)),
            Lie("head of 70,000 bytes", ok + "X: \(String(repeating: "a", count: 70_000))\r\n" + length2, .status(502)),
            Lie("300 fields", ok + String(repeating: "A: b\r\n", count: 300) + length2, .status(502)),
            Lie("shorter body", ok + "Content-Length: 10\r\n\r\n12345", .cutOff),
            Lie("chunks without end", chunked + "2\r\nok\r\n", .cutOff),
            Lie("chunk size that is no number", chunked + "zz\r\nok\r\n0\r\n\r\n", .cutOff),
            Lie("chunk longer than its size", chunked + "2\r\nokok\r\n0\r\n\r\n", .cutOff),
            Lie("chunk size of 17 digits", chunked + "10000000000000002\r\nok\r\n0\r\n\r\n", .cutOff),
            Lie("long chunk extension", chunked + "2;\(String(repeating: "e", count: 300))\r\nok\r\n", .cutOff),
            Lie("longer body", ok + "Content-Length: 2\r\n\r\nokEXTRA", .passes("ok")),
            Lie("two answers", ok + length2 + ok + "Content-Length: 4\r\n\r\nevil", .passes("ok")),
            Lie("no reason", "HTTP/1.1 200\r\n" + length2, .passes("ok")),
            Lie("100 before the answer", "HTTP/1.1 100 Continue\r\n\r\n" + ok + length2, .passes("ok")),
            Lie("body of a 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", .passes("")),
        ]

        @Test("a wrong answer harms neither its client nor the next request", arguments: lies)
        func lie(_ lie: Lie) throws {
            let replica = try ScriptedReplica { conversation in
                guard let head = conversation.nextHead() else { return }
                let isLie = head.hasPrefix("GET /lie")
                conversation.send(isLie ? lie.answer : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntruth")
            }
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let before = usher.descriptors
                var client: RawClient? = try RawClient(usher.port)
                client?.send("GET /lie HTTP/1.1\r\nHost: a\r\n\r\n")
                switch lie.outcome {
                case .status(let status):
                    #expect(client?.readAnswer()?.status == status)
                    #expect(client?.get("/truth")?.body == "truth")
                case .passes(let body):
                    self.expect(client?.readFinalAnswer(hasBody: !body.isEmpty), is: body)
                    #expect(client?.get("/truth")?.body == "truth")
                case .cutOff:
                    let text = client?.readToEnd() ?? ""
                    #expect(!text.hasSuffix("0\r\n\r\n") && !text.contains("evil"))
                }
                client = nil
                #expect(try RawClient(usher.port).get("/truth")?.body == "truth")
                try usher.expectAtRest(descriptors: before)
            }
        }

        private func expect(_ answer: String?, is body: String) {
            #expect(answer?.components(separatedBy: "\r\n\r\n").last == body)
        }

        @Test(
            "an answer without end is broken off before it costs memory",
            arguments: [
                (start: "HTTP/1.1 200 OK\r\n", more: "X: y\r\n"), (start: "", more: "H"),
                (start: chunked, more: "0"), (start: chunked + "5;", more: "e"),
                (start: chunked + "0\r\n", more: "T: y\r\n"),
            ])
        func endless(start: String, more: String) throws {
            let replica = try ScriptedReplica { conversation in
                guard conversation.nextHead() != nil else { return }
                conversation.send(start)
                let piece = Data(String(repeating: more, count: 4096).utf8)
                for _ in 0..<20_000 where !conversation.send(piece) { return }
            }
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let before = (descriptors: usher.descriptors, memory: usher.residentMebibytes)
                var client: RawClient? = try RawClient(usher.port)
                client?.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                let first = client?.readSome() ?? Data()
                #expect(first.isEmpty || first.starts(with: Data("HTTP/1.1 ".utf8)))
                client = nil
                try usher.expectAtRest(descriptors: before.descriptors)
                #expect(usher.residentMebibytes < before.memory + 8)
            }
        }

        @Test("interim answers without end cost no memory when the client does not read them")
        func interimFlood() throws {
            let replica = try ScriptedReplica { conversation in
                guard conversation.nextHead() != nil else { return }
                let piece = Data(String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", count: 1000).utf8)
                for _ in 0..<2000 where !conversation.send(piece) { return }
            }
            let timeout = ", timeouts: { response: 8s }"
            try UsherProcess.running(Configuration.proxying([replica.port], service: timeout)) { usher in
                let before = (descriptors: usher.descriptors, memory: usher.residentMebibytes)
                var client: RawClient? = try RawClient(usher.port, receiveBuffer: 4096)
                client?.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(client?.readSome(upTo: 100).isEmpty == false)
                sleep(5)
                #expect(usher.residentMebibytes < before.memory + 24)
                client = nil
                try usher.expectAtRest(descriptors: before.descriptors)
            }
        }

        @Test("a connection on which an answer comes without a question is closed and never used again")
        func unaskedAnswer() throws {
            let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
            let closed = DispatchSemaphore(value: 0)
            let replica = try ScriptedReplica { conversation in
                while let head = conversation.nextHead() {
                    let path = ScriptedReplica.Conversation.path(of: head)
                    conversation.send("HTTP/1.1 200 OK\r\nContent-Length: \(path.utf8.count)\r\n\r\n\(path)")
                    guard path.hasPrefix("/bad") else { continue }
                    // Late enough to find the connection idle.
                    usleep(20_000)
                    conversation.send(evil)
                    if conversation.nextHead() == nil { closed.signal() }
                    return
                }
            }
            let keep = ", connections: { keep: 60s }"
            try UsherProcess.running(Configuration.proxying([replica.port], service: keep)) { usher in
                for round in 0..<20 {
                    let bad = try RawClient(usher.port).get("/bad/\(round)")
                    #expect(bad?.body == "/bad/\(round)")
                    #expect(closed.wait(timeout: .now() + 10) == .success, "round \(round)")
                    let good = try RawClient(usher.port).get("/good/\(round)")
                    #expect(good?.body == "/good/\(round)")
                }
            }
        }

        @Test("a client that leaves while its replica cannot be reached is counted no longer")
        func leavingWhileConnecting() throws {
            // With its backlog full, the kernel leaves further connections unanswered.
            let (descriptor, port) = try Loopback.listen(backlog: 0)
            defer { close(descriptor) }
            let backlog = (0..<4).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK, 0) }
            defer { for socket in backlog { close(socket) } }
            for socket in backlog { _ = Loopback.with(port) { connect(socket, $0, $1) } }
            try UsherProcess.running(Configuration.proxying([port], service: ", timeouts: { connect: 3s }")) { usher in
                let before = usher.descriptors
                var clients: [RawClient] = []
                for _ in 0..<5 {
                    let client = try RawClient(usher.port)
                    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                    clients.append(client)
                }
                let areWaiting = try eventually { try usher.metric("usher_endpoint_requests_in_flight") == 5 }
                #expect(areWaiting)
                clients.removeAll()
                try usher.expectAtRest(descriptors: before)
                let left = try usher.metric("usher_endpoint_requests_total", "outcome=\"client-aborted\"")
                #expect(left == 5)
            }
        }
    }
}

extension RawClient {
    /// The final answer as text, interim ones passed over, up to the end of its head or of its body of two bytes.
    func readFinalAnswer(hasBody: Bool) -> String {
        var text = ""
        while true {
            let isWhole = hasBody ? text.hasSuffix("\r\n\r\nok") : text.hasSuffix("\r\n\r\n")
            if isWhole { return text }
            let piece = self.readSome()
            if piece.isEmpty { return text }
            text += String(decoding: piece, as: UTF8.self)
        }
    }
}
