import Foundation
import Testing

extension FaultTests {
    /// What a wrong answer of the only replica is counted as, and that its connection is not used again.
    @Suite(.timeLimit(.minutes(1))) struct LyingReasonTests {
        struct Case: Sendable, CustomTestStringConvertible {
            let testDescription: String
            /// How the replica answers; the connection closes when it returns.
            let answer: @Sendable (ScriptedReplica.Conversation) -> Void
            /// 0: the connection breaks off inside the answer.
            let status: Int
            let metric: String
            let label: String

            init(
                _ name: String, _ status: Int, _ outcome: String, metric: String = "usher_endpoint_requests_total",
                _ answer: @escaping @Sendable (ScriptedReplica.Conversation) -> Void
            ) {
                self.testDescription = name
                self.answer = answer
                self.status = status
                self.metric = metric
                self.label = outcome.isEmpty ? "service=\"web\"" : "outcome=\"\(outcome)\""
            }
        }

        private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

        /// Says `text` and leaves it to Usher to close.
        private static func says(_ text: String) -> @Sendable (ScriptedReplica.Conversation) -> Void {
            { conversation in
                conversation.send(text)
                while conversation.read() != nil {}
            }
        }

        /// Says `start` and then `piece` again and again until Usher closes.
        private static func goesOn(
            _ start: String, _ piece: String, every pause: UInt32
        ) -> @Sendable (ScriptedReplica.Conversation) -> Void {
            { conversation in
                conversation.send(start)
                for _ in 0..<2000 where conversation.send(piece) { usleep(pause) }
            }
        }

        private static let unasked = "usher_endpoint_unasked_answers_total"

        static let cases = [
            Case("garbage", 502, "garbage", says("\u{1}\u{2} no protocol\r\n\r\n")),
            Case("another protocol", 502, "garbage", says("SSH-2.0-OpenSSH_9.2\r\n")),
            Case("an upgrade that nobody asked for", 502, "garbage", says("HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n")),
            Case(
                "two lengths", 502, "garbage", says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\n")
            ),
            Case("a head that never ends", 502, "garbage", goesOn("HTTP/1.1 200 OK\r\n", moreFields, every: 0)),
            Case(
                "a head that never ends, slowly", 504, "timeout",
                goesOn("HTTP/1.1 200 OK\r\n", "A: b\r\n", every: 50_000)),
            Case("no answer", 504, "timeout", says("")),
            Case("closes early", 502, "reset") { _ in },
            Case("closes inside its head", 502, "cut-short") { $0.send("HTTP/1.1 200 OK\r\nContent-Le") },
            Case("closes inside its body", 0, "cut-short") {
                $0.send("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n\(body)")
            },
            Case(
                "falls silent inside its body", 0, "timeout",
                says("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n\(body)")),
            Case(
                "a chunk without a size", 502, "garbage",
                says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")),
            Case("two answers", 200, "", metric: unasked, says(ok + ok)),
            Case("a longer body", 200, "", metric: unasked, says(ok + "and more")),
            Case("two answers, the first as long as a first read", 200, "", metric: unasked, says(exactly(1024) + ok)),
        ]

        private static let moreFields = String(repeating: "X-More: and more\r\n", count: 500)
        private static let body = String(repeating: "b", count: 40_000)

        /// An answer that is `count` bytes long.
        private static func exactly(_ count: Int) -> String {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: "
            let length = count - head.utf8.count - 7
            return "\(head)\(length)\r\n\r\n" + String(repeating: "e", count: length)
        }

        @Test("a wrong answer is counted under its reason, and its connection never used again", arguments: cases)
        func lie(_ lie: Case) throws {
            let replica = try ScriptedReplica { conversation in
                while let head = conversation.nextHead() {
                    if head.hasPrefix("GET /lie") { return lie.answer(conversation) }
                    conversation.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntruth")
                }
            }
            let service = ", connections: { keep: 60s }, timeouts: { response: 400ms, idle: 400ms }"
            try UsherProcess.running(Configuration.proxying([replica.port], service: service)) { usher in
                let count = { try usher.scrape().count(lie.metric, lie.label) }
                for round in 1...3 {
                    let client = try RawClient(usher.port)
                    let before = try count()
                    // With another request behind it, which could take what follows the answer for its own.
                    let ask = { (path: String) in "GET /\(path) HTTP/1.1\r\nHost: test\r\n\r\n" }
                    client.send(ask("lie") + (lie.status == 200 ? ask("good") : ""))
                    if lie.status == 0 {
                        #expect(!client.readToEnd().hasSuffix("\r\n0\r\n\r\n"))
                    } else {
                        #expect(client.readAnswer()?.status == lie.status)
                    }
                    if lie.status == 200 { #expect(client.readAnswer()?.body == "truth") }
                    let isCounted = try eventually { try count() > before }
                    #expect(isCounted, "round \(round), \(before) before")
                    // On the connection of the lie it would get no answer.
                    let good = try RawClient(usher.port).get("/good")
                    #expect(good?.status == 200 && good?.body == "truth", "round \(round): \(String(describing: good))")
                }
            }
        }
    }
}
