import Foundation
import NIOCore
import Testing
import UsherTestKit

/// Requests that wait until their credential has been looked at: nothing of them is lost, and nothing of them is early.
@Suite("Requests with unknown credentials", .timeLimit(.minutes(2)))
struct ParkedRequestTests {
    private static let secret = "a secret of more than thirty-two bytes"
    private static let issuer = TokenIssuer.hs256(secret)

    private static func gateway(_ stage: Stage, more: String = "") async throws -> RunningGateway {
        try stage.write("secret", Self.secret)
        try stage.write("users.yaml", CallerPassword.ann.line + CallerPassword.bob.line + CallerPassword.slow.line)
        return try await stage.gateway(
            identities: "{ classes: [gold], jwt: { secret: { file: secret } }, basic: { file: users.yaml } }",
            routes: "[{ require: authenticated, service: web }]", more: more)
    }

    /// A token that nobody has seen before.
    private static func fresh(_ name: String = "ann") async throws -> String {
        try await self.issuer.field(TokenIssuer.claims(name, "\"jti\":\"\(UUID())\""))
    }

    private static func post(_ fields: String, framing: String) -> String {
        "POST / HTTP/1.1\r\nHost: a.example\r\n\(fields)\(framing)\r\n"
    }

    private static func chunks(_ body: String) -> String {
        var text = ""
        var rest = Substring(body)
        while !rest.isEmpty {
            let piece = rest.prefix(10_000)
            rest = rest.dropFirst(10_000)
            text += String(piece.utf8.count, radix: 16) + "\r\n\(piece)\r\n"
        }
        return text + "0\r\n\r\n"
    }

    private static let known = "Usher-Identity: ann\nUsher-Class: authenticated\n"

    @Test("a body arrives whole, whatever its size and framing, together with its head or behind it")
    func bodies() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage)
            let client = try await stage.client(gateway)
            for size in [1, 100, 70_000, 1 << 20] {
                let body = String((0..<size).map { Character(Unicode.Scalar(UInt8(97 + $0 % 26))) })
                for (framing, sent) in [
                    ("Content-Length: \(size)\r\n", body), ("Transfer-Encoding: chunked\r\n", Self.chunks(body)),
                ] {
                    for isTogether in [true, false] {
                        let head = Self.post(try await Self.fresh(), framing: framing)
                        if isTogether {
                            client.sendInBackground(ByteBuffer(string: head + sent))
                        } else {
                            try await client.send(head)
                            client.sendInBackground(ByteBuffer(string: sent))
                        }
                        let answer = try await client.receiveAnswer()
                        #expect(answer.status == 200)
                        #expect(answer.text == Self.known + "\n" + body, "\(size) bytes, \(framing)")
                    }
                }
            }
        }
    }

    @Test("who waits to be told to go on is told so by the service once it is known, and not when it is refused")
    func expectation() async throws {
        try await onStage { stage in
            let patience = Signal()
            let upstream = try await stage.upstream { peer in
                while true {
                    let head = try await peer.receiveHead()
                    if head.target == "/slow" { try await patience.wait() }
                    try await peer.send("HTTP/1.1 100 Continue\r\n\r\n")
                    let body = String(buffer: try await peer.receive(count: 4))
                    try await peer.send(Text.answer("\(head.value("Usher-Identity") ?? "nobody") \(body)"))
                }
            }
            try stage.write("secret", Self.secret)
            let gateway = try await stage.gateway(
                """
                identities: { jwt: { secret: { file: secret } } }
                services: { web: { replicas: \(list(upstream)) } }
                """)
            func head(_ target: String, _ token: String) -> String {
                let expectation = "Content-Length: 4\r\nExpect: 100-continue\r\n"
                return "POST \(target) HTTP/1.1\r\nHost: a.example\r\n\(expectation)\(token)\r\n"
            }
            let slow = try await stage.client(gateway)
            try await slow.send(head("/slow", try await Self.fresh("bob")))
            let start = ContinuousClock.now
            let client = try await stage.client(gateway)
            for _ in 1...3 {
                try await client.send(head("/", try await Self.fresh()))
                #expect(try await client.receiveHead().status == 100)
                try await client.send("body")
                #expect(try await client.receiveAnswer().text == "ann body")
            }
            try await client.send(head("/", TokenIssuer.field("a.b.c")))
            #expect(try await client.receiveHead().status == 401)
            // Longer than a client may take that is asked for its body: this one is not yet.
            try await Task.sleep(until: start + .seconds(7))
            patience.fire()
            #expect(try await slow.receiveHead().status == 100)
            try await slow.send("body")
            #expect(try await slow.receiveAnswer().text == "bob body")
        }
    }

    @Test("pipelined requests are answered in their order, each as its own caller")
    func pipelined() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage)
            var requests = ""
            var expected: [String] = []
            for number in 0..<12 {
                let name = "caller-\(number)"
                if number % 4 == 3 {
                    requests += Self.post(TokenIssuer.field("a.b.\(number)"), framing: "Content-Length: 3\r\n") + "bad"
                    expected.append("401")
                } else {
                    requests += Self.post(try await Self.fresh(name), framing: "Content-Length: 4\r\n") + "body"
                    expected.append("Usher-Identity: \(name)\nUsher-Class: authenticated\n\nbody")
                }
            }
            let client = try await stage.client(gateway)
            try await client.send(requests)
            for text in expected {
                let answer = try await client.receiveAnswer()
                #expect(answer.status == 401 ? text == "401" : answer.text == text)
            }
        }
    }

    @Test("streams of one HTTP/2 connection wait each for itself, with and without bodies")
    func http2() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage)
            var client = try await HTTP2Talk(stage.client(gateway))
            var expected: [(stream: UInt32, status: Int, text: String)] = []
            let large = [UInt8](repeating: UInt8(ascii: "x"), count: 60_000)
            for number in 0..<24 {
                let name = "caller-\(number)"
                let token = number % 6 == 5 ? "a.b.\(number)" : try await Self.token(name)
                let body: [UInt8]? = [nil, [], Array("body".utf8), number == 3 ? large : Array("b".utf8)][number % 4]
                let stream = try await client.send("/", [("authorization", "Bearer \(token)")], body: body)
                let sent = body.map { String(decoding: $0, as: UTF8.self) } ?? ""
                let text = "Usher-Identity: \(name)\nUsher-Class: authenticated\n" + (sent.isEmpty ? "" : "\n\(sent)")
                expected.append((stream, number % 6 == 5 ? 401 : 200, text))
            }
            for (stream, status, text) in expected {
                let answer = try await client.answer(to: stream)
                #expect(answer.status == status)
                if status == 200 { #expect(answer.text == text) }
            }
        }
    }

    private static func token(_ name: String) async throws -> String {
        try await self.issuer.token(TokenIssuer.claims(name, "\"jti\":\"\(UUID())\""))
    }

    @Test("an upgrade waits as well, and what the client said behind it is the tunnel's first word")
    func tunnel() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret)
            let upstream = try await stage.upstream(Replica("echo"))
            let gateway = try await stage.gateway(
                """
                identities: { jwt: { secret: { file: secret } } }
                services: { web: { replicas: \(list(upstream)) } }
                routes: [{ require: authenticated, service: web }]
                """)
            let client = try await stage.client(gateway)
            try await client.send(Text.upgrade("/", to: "websocket", try await Self.fresh()))
            #expect(try await client.receiveHead().status == 101)
            #expect(try await client.echo("hello") == "hello")
        }
    }

    @Test("a client that leaves meanwhile is accounted for, and its request reaches nobody")
    func leaves() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(
                stage, more: "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]")
            // Each of these keeps whoever looks at passwords busy for a third of a second and more.
            let busy = try await (0..<16).asyncMap { number in
                let client = try await stage.client(gateway)
                try await client.send(
                    Text.get("/busy", "X-Forwarded-For: 192.0.2.\(number)\r\n" + CallerPassword.field("slow", "no")))
                return client
            }
            let leaving = try await stage.client(gateway)
            let fields = "X-Forwarded-For: 192.0.2.99\r\n" + CallerPassword.bob.field
            try await leaving.send(Text.get("/leaving", fields))
            var stream = try await HTTP2Talk(stage.client(gateway))
            let number = try await stream.send(
                "/cancelled",
                [
                    ("x-forwarded-for", "192.0.2.98"),
                    ("authorization", CallerPassword.ann.value),
                ])
            try await stream.connection.send(ByteBuffer(bytes: HTTP2Wire.reset(number)))
            // In order, so that what it sent is read before.
            await leaving.close()
            for client in busy { #expect(try await client.receiveAnswer().status == 401) }
            #expect(
                try await stream.ask("/", [("authorization", "Bearer \(try await Self.token("ann"))")]).status == 200)
            try await gateway.stop()
            let lines = try gateway.accessLog()
            for path in ["/leaving", "/cancelled"] {
                let own = lines.filter { $0["path"] as? String == path }
                #expect(own.count == 1 && own.first?["status"] as? Int == 0, "\(own)")
                #expect((own.first?["why"] as? String)?.contains("before it was known") == true, "\(own)")
            }
        }
    }
}

extension Sequence {
    func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
