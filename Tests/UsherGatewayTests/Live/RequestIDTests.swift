import Testing
import UsherTestKit

@Suite("Names and times of requests", .timeLimit(.minutes(1)))
struct RequestIDTests {
    private static let trusting = "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.1] }]\n"

    private static func id(_ request: ReceivedMessage?) -> String { request?.value("x-request-id") ?? "" }

    @Test("a request gets an id that replica, client and log see alike, another one each time")
    func made() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let gateway = try await stage.gateway(to: try await stage.upstream(replica))
            let client = try await stage.client(gateway)
            var ids: [String] = []
            for _ in 1...3 {
                let id = Self.id(try await client.ask())
                #expect(id.count == 32 && id.allSatisfy { $0.isHexDigit && !$0.isUppercase })
                #expect(Self.id(replica.requests.entries.last) == id)
                #expect(replica.requests.entries.last?.value("traceparent")?.contains(id) == true)
                ids.append(id)
            }
            #expect(Set(ids).count == 3)
            try await gateway.stop()
            #expect(try gateway.accessLog().count == 3)
            for (line, id) in zip(try gateway.accessLog(), ids) {
                #expect((line["trace"] as? String)?.contains(id) == true)
                #expect(line["request"] == nil)
            }
        }
    }

    @Test("a trusted peer's id is kept, and stands in the log", arguments: ["abc-123", "a", "x/y+z=:;<>[]{}|~"])
    func kept(id: String) async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(
                Self.trusting + "services: { web: { replicas: \(list(upstream)) } }")
            let answer = try await gateway.ask(Text.get("/", "X-Request-Id: \(id)\r\n"))
            #expect(Self.id(answer) == id)
            #expect(replica.requests.entries.last?.values("x-request-id") == [id])
            try await gateway.stop()
            #expect(try gateway.accessLog().first?["request"] as? String == id)
        }
    }

    @Test("a stranger's id is replaced")
    func stranger() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let gateway = try await stage.gateway(to: try await stage.upstream(replica))
            let id = Self.id(try await gateway.ask(Text.get("/", "X-Request-Id: mine\r\n")))
            #expect(id.count == 32)
            #expect(replica.requests.entries.last?.values("x-request-id") == [id])
        }
    }

    @Test(
        "an id of a trusted peer that cannot be kept is replaced",
        arguments: [
            "", "a b", "a\"b", "a,b", "a\\b", "caf\u{e9}", String(repeating: "x", count: 129),
            "one\r\nX-Request-Id: two",
        ])
    func invalid(id: String) async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let upstream = try await stage.upstream(replica)
            let gateway = try await stage.gateway(
                Self.trusting + "services: { web: { replicas: \(list(upstream)) } }")
            let made = Self.id(try await gateway.ask(Text.get("/", "X-Request-Id: \(id)\r\n")))
            #expect(made.count == 32)
            #expect(replica.requests.entries.last?.values("x-request-id") == [made])
        }
    }

    @Test("an id that the replica answers with is the client's, and stands once")
    func replicasOwn() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                to: try await stage.upstream(answering: Text.answer("x", "X-Request-Id: own\r\n")))
            #expect(try await gateway.ask(Text.get()).values("x-request-id") == ["own"])
        }
    }

    @Test("an answer of Usher's own instead of a replica's has the id too")
    func refusal() async throws {
        try await onStage { stage in
            let refusing = try RefusingPort()
            let gateway = try await stage.gateway(
                "services: { web: { replicas: [\"\(refusing.address)\"] } }", waitsForReadiness: false)
            let answer = try await gateway.ask(Text.get())
            #expect(answer.status == 502)
            #expect(Self.id(answer).count == 32)
        }
    }

    // MARK: Times

    /// The durations of a `Server-Timing` field by their names.
    private static func durations(_ value: String?) -> [String: Double] {
        var found: [String: Double] = [:]
        for part in (value ?? "").split(separator: ",") {
            let words = part.split(separator: ";").map { $0.trimmingPrefix { $0 == " " } }
            guard words.count == 2, words[1].hasPrefix("dur=") else { continue }
            found[String(words[0])] = Double(words[1].dropFirst(4))
        }
        return found
    }

    @Test("who asks with Usher-Timing learns how long queue, connect and wait took; the field stays here")
    func timing() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let gateway = try await stage.gateway(to: try await stage.upstream(replica))
            let client = try await stage.client(gateway)
            let first = try await client.ask(Text.get("/", "Usher-Timing: 1\r\n"))
            let times = Self.durations(first.value("server-timing"))
            #expect(Set(times.keys) == ["queue", "connect", "wait"])
            #expect(times["queue"] == 0)
            #expect((times["connect"] ?? 0) > 0 && (times["wait"] ?? 0) > 0)
            #expect(replica.requests.entries.last?.values("usher-timing").isEmpty == true)
            let second = Self.durations(
                try await client.ask(Text.get("/", "Usher-Timing: 1\r\n")).value("server-timing"))
            #expect(second["connect"] == 0)
            #expect(try await client.ask().values("server-timing").isEmpty)
        }
    }

    @Test("waiting for the answer and in the queue is told apart")
    func parts() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let gateway = try await stage.gateway(
                to: try await stage.upstream(replica), keys: "connections: { per-replica: 1 }")
            let busy = try await stage.client(gateway)
            try await busy.send(Text.get("/held", "Usher-Timing: 1\r\n"))
            try await replica.holds.wait(for: 1)
            let queued = try await stage.client(gateway)
            try await queued.send(Text.get("/", "Usher-Timing: 1\r\n"))
            try await gateway.wait(for: "usher_service_queue_length{service=\"web\"}", toBe: 1)
            try await Task.sleep(for: .milliseconds(50))
            replica.letGo()
            let wait = Self.durations(try await busy.receiveAnswer().value("server-timing"))
            let queue = Self.durations(try await queued.receiveAnswer().value("server-timing"))
            #expect((wait["wait"] ?? 0) >= 50)
            #expect(wait["queue"] == 0)
            #expect((queue["queue"] ?? 0) >= 50)
            try await gateway.stop()
            let line = try #require(try gateway.accessLog().first { $0["path"] as? String == "/" })
            #expect((line["queue-ms"] as? Double ?? 0) >= 50)
            #expect(line["wait-ms"] != nil && line["transfer-ms"] != nil)
        }
    }

    @Test("the time of the transfer follows an answer without a known length in a trailer")
    func transfer() async throws {
        try await onStage { stage in
            let asks = Signal()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                try await asks.wait()
                try await peer.send("1\r\nb\r\n0\r\nX-Sum: 1\r\n\r\n")
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/", "Usher-Timing: 1\r\n"))
            let head = try await client.receiveHead()
            #expect(Set(Self.durations(head.value("server-timing")).keys) == ["queue", "connect", "wait"])
            asks.fire()
            let rest = try await client.receive(through: "0\r\n") + client.receive(through: "\r\n\r\n")
            #expect(rest.contains("X-Sum: 1\r\n"))
            let line = rest.components(of: "Server-Timing: ").first
            #expect((Self.durations(line)["transfer"] ?? 0) > 0)
        }
    }
}
