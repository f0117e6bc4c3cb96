import Foundation
import NIOCore
import Testing
import UsherCore
import UsherTestKit

@Suite("Replica connections: reuse, failure, another try", .timeLimit(.minutes(1)))
struct UpstreamReuseTests {
    /// Answers one request, then closes as soon as the next one's bytes arrive.
    private static let diesOnSecond: ScriptedUpstream.Script = { peer in
        _ = try await peer.receiveRequest()
        try await peer.send(Text.answer("first"))
        _ = try await peer.receive()
    }

    @Test("a GET whose reused connection dies before the answer is sent once more on a fresh one")
    func reusedConnectionDies() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(script: Self.diesOnSecond)
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for target in ["/1", "/2", "/3"] {
                try await client.send(Text.get(target))
                #expect(try await client.receiveAnswer().status == 200)
            }
            // Each later request met a connection that died: one try on it, one on a new one.
            #expect(upstream.connections.entries.count == 3)
            #expect(upstream.received[0].contains("GET /2 "))
            #expect(upstream.received[1].hasPrefix("GET /2 "))
        }
    }

    @Test("uploads share one replica connection, too, whether head and body come together or not")
    func uploadsReuse() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() { try await peer.send(Text.answer(request.text)) }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for body in ["together", String(repeating: "long", count: 50_000)] {
                try await client.send(Text.post(body: body))
                #expect(try await client.receiveAnswer().text == body)
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                _ = try await upstream.connections.wait(for: 1)
                try await client.send(body)
                #expect(try await client.receiveAnswer().text == body)
            }
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("a POST of which bytes were sent is never sent again: 502")
    func reusedConnectionDiesUnderPost() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(script: Self.diesOnSecond)
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            #expect(try await client.receiveAnswer().status == 200)
            try await client.send(Text.post("/pay", body: "1"))
            #expect(try await client.receiveAnswer().status == 502)
            #expect(upstream.received.joined().components(separatedBy: "POST /pay").count == 2)
        }
    }

    @Test("a connection that the replica closed while it was idle is not used again, not even by a POST")
    func idleCloseIsNoticed() async throws {
        try await onStage { stage in
            let ends = Journal<ConnectionEnd>()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Text.ok)
                try await peer.finishSending()
                // Usher has let go of its connection once its end arrives here, too.
                ends.note(try await peer.waitForEnd())
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for number in 1...4 {
                try await client.send(Text.post("/\(number)", body: "x"))
                #expect(try await client.receiveAnswer().status == 200)
                _ = try await ends.wait(for: number)
            }
            #expect(upstream.connections.entries.count == 4)
        }
    }

    @Test("a replica that refuses connections is passed over, for a POST too", arguments: ["GET", "POST"])
    func refusedConnect(method: String) async throws {
        let dead = try RefusingPort()
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                "services: { web: { balance: round-robin, replicas: [\"\(dead.address)\", \"\(upstream.address)\"] } }")
            let client = try await stage.client(gateway)
            for _ in 1...6 {
                try await client.send("\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                #expect(try await client.receiveAnswer().status == 200)
            }
            withExtendedLifetime(dead) {}
        }
    }

    @Test("a request that cannot be sent anywhere is 502 and names its service")
    func allRefuse() async throws {
        let ports = [try RefusingPort(), try RefusingPort()]
        try await onStage { stage in
            let gateway = try await stage.gateway(
                "services: { web: { replicas: [\"\(ports[0].address)\", \"\(ports[1].address)\"] } }")
            let answer = try await gateway.ask(Text.post(body: "x"))
            #expect(answer.status == 502)
            #expect(answer.text.hasPrefix("web: "))
            withExtendedLifetime(ports) {}
        }
    }

    @Test(
        "502, 503 and 504 of one replica are tried at another for GET, and passed on for POST",
        arguments: [502, 503, 504])
    func retriedStatus(status: Int) async throws {
        try await onStage { stage in
            let bad = try await stage.upstream(answering: Text.answer("bad", status: "\(status) Bad"))
            let good = try await stage.upstream(answering: Text.answer("good"))
            let gateway = try await stage.gateway(to: bad, good, keys: "balance: round-robin, ejection: none")
            var statuses: [Int] = []
            for _ in 1...6 { statuses.append(try await gateway.ask(Text.get()).status) }
            #expect(statuses == [200, 200, 200, 200, 200, 200])
            var posts: Set<Int> = []
            for _ in 1...4 { posts.insert(try await gateway.ask(Text.post(body: "x")).status) }
            #expect(posts == [200, status])
        }
    }

    @Test("when every replica answers 503 the client gets the replica's own answer")
    func lastAnswerPasses() async throws {
        try await onStage { stage in
            let one = try await stage.upstream(
                answering: Text.answer("one is busy", status: "503 Busy", "X-Replica: 1\r\n"))
            let gateway = try await stage.gateway(to: one)
            let answer = try await gateway.ask(Text.get())
            #expect(answer.status == 503)
            #expect(answer.text == "one is busy")
            #expect(answer.value("x-replica") == "1")
        }
    }

    @Test("attempts: 1 makes no second try")
    func oneAttempt() async throws {
        try await onStage { stage in
            let bad = try await stage.upstream(answering: Text.answer("bad", status: "503 Bad"))
            let good = try await stage.upstream(answering: Text.answer("good"))
            let gateway = try await stage.gateway(to: bad, good, keys: "balance: round-robin, retries: { attempts: 1 }")
            var statuses: Set<Int> = []
            for _ in 1...4 { statuses.insert(try await gateway.ask(Text.get()).status) }
            #expect(statuses == [200, 503])
        }
    }

    @Test("a spent retry budget ends retries: failing replicas get few more requests than were sent")
    func budget() async throws {
        try await onStage { stage in
            let one = try await stage.upstream(answering: Text.answer("bad", status: "503 Bad"))
            let two = try await stage.upstream(answering: Text.answer("bad", status: "503 Bad"))
            let gateway = try await stage.gateway(
                to: one, two, keys: "balance: round-robin, retries: { attempts: 2, budget: 20%, floor: 1/d }")
            let client = try await stage.client(gateway)
            for _ in 1...100 {
                try await client.send(Text.get())
                #expect(try await client.receiveAnswer().status == 503)
            }
            let tries = (one.received + two.received).joined().components(separatedBy: "GET / ").count - 1
            #expect((100...130).contains(tries))
        }
    }

    @Test("a reset before the answer's first byte is tried at another replica for GET; a POST gets 502")
    func reset() async throws {
        try await onStage { stage in
            let bad = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                await peer.reset()
            }
            let good = try await stage.upstream(answering: Text.answer("good"))
            let gateway = try await stage.gateway(to: bad, good, keys: "balance: round-robin")
            for _ in 1...4 { #expect(try await gateway.ask(Text.get()).status == 200) }
            var posts: Set<Int> = []
            for _ in 1...4 { posts.insert(try await gateway.ask(Text.post(body: "x")).status) }
            #expect(posts == [200, 502])
        }
    }

    @Test("a PUT that was streamed cannot be sent again: a reset is 502, and no other replica sees half of it")
    func resetInsideUpload() async throws {
        try await onStage { stage in
            let seen = Journal<String>()
            let script: ScriptedUpstream.Script = { peer in
                seen.note(try await peer.receive(through: "part one"))
                _ = try await peer.receive(through: "part two")
                await peer.reset()
            }
            let one = try await stage.upstream(script: script)
            let two = try await stage.upstream(script: script)
            let gateway = try await stage.gateway(to: one, two)
            let client = try await stage.client(gateway)
            try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\npart one")
            try await seen.wait(for: 1)
            try await client.send("part two")
            #expect(try await client.receiveAnswer().status == 502)
            #expect(seen.entries.count == 1)
        }
    }

    @Test("a replica that asks to close is not sent a second request on that connection")
    func replicaCloses() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while try await peer.receiveRequest() != nil {
                    try await peer.send(Text.answer("ok", "Connection: close\r\n"))
                }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            for _ in 1...3 {
                try await client.send(Text.get())
                let answer = try await client.receiveAnswer()
                #expect(answer.text == "ok")
                #expect(answer.values("connection").isEmpty)
            }
            #expect(upstream.connections.entries.count == 3)
        }
    }
}
