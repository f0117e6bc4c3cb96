import NIOCore
import Synchronization
import Testing
import UsherCore
import UsherLoad
import UsherTestKit

@Suite("Closed loop over HTTP/1.1", .timeLimit(.minutes(2)))
struct ClosedLoopTests {
    @Test("the bytes of a request are what was asked for")
    func bytes() async throws {
        let (report, received) = try await LoadFixture.run(
            requests: 2, target: "/a/{n}?b", method: "POST", script: LoadFixture.answering(LoadFixture.answer)
        ) { plan in
            plan.body = Array("hello".utf8)
            plan.keys = 1
            plan.fields = [("X-One", "1"), ("Host", "other.example")]
        }
        let request =
            "POST /a/0?b HTTP/1.1\r\nHost: other.example\r\nX-One: 1\r\nUser-Agent: usher-load\r\n"
            + "Content-Length: 5\r\n\r\nhello"
        #expect(received == [request + request])
        #expect(report.answers == 2 && report.statuses == ["2xx": 2] && report.connectionsOpened == 1)
    }

    @Test("many connections share the requests, each sends its next after its answer", arguments: [1, 2])
    func many(threads: Int) async throws {
        let (report, received) = try await LoadFixture.run(
            requests: 500, script: LoadFixture.answering(LoadFixture.answer)
        ) { ($0.connections, $0.threads) = (8, threads) }
        #expect(report.requests == 500 && report.answers == 500 && report.connectionsOpened == 8)
        #expect(received.count == 8)
        #expect(report.errors.values.allSatisfy { $0 == 0 })
        #expect(report.ratePerSecond > 0 && report.p50 != nil && report.bytesPerSecond > 0)
    }

    @Test("a run ends after its time")
    func duration() async throws {
        let (report, _) = try await LoadFixture.run(
            requests: nil, script: LoadFixture.answering(LoadFixture.answer)
        ) { $0.duration = .milliseconds(300) }
        #expect(report.answers > 0 && report.durationSeconds >= 0.3)
    }

    @Test("the warm-up's requests are sent and not counted")
    func warmup() async throws {
        let sent = Mutex(0)
        let (report, _) = try await LoadFixture.run(requests: 20) { peer in
            while try await peer.receiveRequest() != nil {
                sent.withLock { $0 += 1 }
                try await peer.send(LoadFixture.answer)
            }
        } _: {
            $0.warmup = .milliseconds(200)
        }
        #expect(report.requests == 20)
        #expect(sent.withLock { $0 } > 20)
    }

    @Test(
        "answers are read to their end, however that is marked",
        arguments: [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        ])
    func endings(answer: String) async throws {
        let (report, received) = try await LoadFixture.run(requests: 3, script: LoadFixture.answering(answer))
        #expect(report.answers == 3 && report.requests == 3 && received.count == 1)
    }

    @Test("an answer to HEAD has no body")
    func head() async throws {
        let (report, received) = try await LoadFixture.run(
            requests: 3, method: "HEAD", script: LoadFixture.answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        )
        #expect(report.answers == 3 && received.count == 1)
    }

    @Test(
        "after a connection that the server closes comes another",
        arguments: [
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\n\r\nuntil the end",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ])
    func reconnects(answer: String) async throws {
        let (report, received) = try await LoadFixture.run(requests: 4) { peer in
            _ = try await peer.receiveRequest()
            try await peer.send(answer)
        }
        #expect(report.answers == 4 && report.connectionsOpened == 4 && received.count == 4)
        #expect(report.errors.values.allSatisfy { $0 == 0 })
    }

    @Test("statuses of 5xx are errors and answers, 429 is neither good nor an error")
    func statuses() async throws {
        let answers = ["200 OK", "503 Service Unavailable", "429 Too Many Requests", "404 Not Found"]
        let (report, _) = try await LoadFixture.run(requests: 8) { peer in
            var index = 0
            while try await peer.receiveRequest() != nil {
                try await peer.send("HTTP/1.1 \(answers[index % 4])\r\nContent-Length: 0\r\n\r\n")
                index += 1
            }
        }
        #expect(report.answers == 8 && report.errors["status_5xx"] == 2)
        #expect(report.statuses == ["2xx": 2, "4xx": 4, "5xx": 2])
        #expect(abs(report.goodRatePerSecond / report.ratePerSecond - 0.5) < 0.01)
    }

    @Test(
        "what is no answer is counted, with the reason, and the run goes on",
        arguments: [
            "HTTP/1.1 20 OK\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ])
    func malformed(answer: String) async throws {
        let served = Mutex(0)
        let (report, _) = try await LoadFixture.run(requests: 4) { peer in
            while try await peer.receiveRequest() != nil {
                let isFirst = served.withLock { count in
                    defer { count += 1 }
                    return count == 0
                }
                try await peer.send(isFirst ? answer : LoadFixture.answer)
            }
        }
        #expect(report.errors["malformed"] == 1 && report.answers == 3)
        #expect(report.errorReasons["malformed"]?.isEmpty == false)
    }

    @Test(
        "an answer that is cut short is a reset", arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
    func reset(answer: String) async throws {
        let (report, received) = try await LoadFixture.run(requests: 3) { peer in
            _ = try await peer.receiveRequest()
            if !answer.isEmpty { try await peer.send(answer) }
        }
        #expect(report.errors["reset"] == 3 && report.answers == 0 && received.count == 3)
        #expect(report.silence?.contains("closed before the answer was complete") == true)
    }

    @Test("bytes behind an answer make the connection useless, and the answer stays one")
    func surplus() async throws {
        let (report, received) = try await LoadFixture.run(
            requests: 3, script: LoadFixture.answering(LoadFixture.answer + "surplus"))
        #expect(report.answers == 3 && received.count == 3)
    }

    @Test("what the cache did is counted")
    func cache() async throws {
        let fields = ["usher; hit", "usher; fwd=uri-miss; stored", "usher; hit", "other; hit"]
        let (report, _) = try await LoadFixture.run(requests: 8) { peer in
            var index = 0
            while try await peer.receiveRequest() != nil {
                try await peer.send(
                    "HTTP/1.1 200 OK\r\nCache-Status: x; hit\r\ncache-status: \(fields[index % 4])\r\n"
                        + "Content-Length: 0\r\n\r\n")
                index += 1
            }
        }
        #expect(report.cache == ["hit": 4, "uri-miss": 2])
        #expect(report.hitRatio == 0.6667 && (report.originRatePerSecond ?? 0) > 0)
    }

    @Test("numbers and lists are asked for as the plan says")
    func targets() async throws {
        let (_, received) = try await LoadFixture.run(
            requests: 5, script: LoadFixture.answering(LoadFixture.answer)
        ) { plan in
            plan.targets = TargetList([
                LoadTarget(target: "/a"), LoadTarget(method: "HEAD", target: "/b", host: "b.example"),
            ])
        }
        let lines = received.joined().split(separator: "\r\n").filter { $0.hasSuffix("HTTP/1.1") }
        #expect(
            lines == ["GET /a HTTP/1.1", "HEAD /b HTTP/1.1", "GET /a HTTP/1.1", "HEAD /b HTTP/1.1", "GET /a HTTP/1.1"])
        #expect(received.joined().contains("Host: b.example\r\n"))
    }
}
