import NIOCore
import Testing
import UsherTestKit

/// Quotas for requests that are on their way at the same time.
@Suite("Quotas of requests in flight", .timeLimit(.minutes(2)))
struct InFlightQuotaTests {
    private static func gateway(
        _ stage: Stage, _ upstream: ScriptedUpstream, inFlight: String, response: String = "30s", more: String = ""
    ) async throws -> RunningGateway {
        try await stage.gateway(
            """
            \(more)
            quotas: { public: { anonymous: 100000/h, authenticated: 100000/h, in-flight: \(inFlight) } }
            services: { web: { replicas: \(list(upstream)), retries: { attempts: 1 }, ejection: { failures: 1000 } } }
            routes: [{ quota: public, limits: { body: 10B }, timeouts: { response: \(response) }, service: web }]
            """)
    }

    @Test("one more than the number is refused with 429 for a second, and passes when one of the others is over")
    func number() async throws {
        try await onStage { stage in
            let replica = Replica("web")
            let gateway = try await Self.gateway(stage, try await stage.upstream(replica), inFlight: "3")
            var held: [RawConnection] = []
            for count in 1...3 {
                let client = try await stage.client(gateway)
                try await client.send(Text.get("/held"))
                try await replica.holds.wait(for: count)
                held.append(client)
            }
            for _ in 1...3 {
                let refused = try await gateway.ask(Text.get())
                #expect(refused.status == 429 && refused.value("Retry-After") == "1")
                #expect(refused.text == "too many requests of this caller are on their way\n")
            }
            await held[0].close()
            try await gateway.wait(until: 200, "")
            replica.letGo()
            for client in held.dropFirst() { #expect(try await client.receiveAnswer().status == 200) }
            // All three places are free again, and there is no fourth.
            try await Self.expectFree(gateway)
            let outcome =
                "usher_quota_requests_total{quota=\"public\",class=\"anonymous\",outcome=\"too-many-in-flight\"}"
            #expect((try await gateway.metric(outcome) ?? 0) >= 3)
        }
    }

    @Test("each class has its number and each caller its own count")
    func classes() async throws {
        try await onStage { stage in
            let keys = [CallerKey("ann"), CallerKey("bob")]
            try stage.write("keys.yaml", keys)
            let replica = Replica("web")
            let gateway = try await Self.gateway(
                stage, try await stage.upstream(replica), inFlight: "{ anonymous: 1, authenticated: 2 }",
                more: "identities: { keys: { file: keys.yaml } }")
            var count = 0
            for (field, number) in [("", 1), (keys[0].field, 2), (keys[1].field, 2)] {
                for _ in 1...number {
                    try await stage.client(gateway).send(Text.get("/held", field))
                    count += 1
                    try await replica.holds.wait(for: count)
                }
                #expect(try await gateway.status(field) == 429)
            }
            replica.letGo()
            for field in ["", keys[0].field, keys[1].field] { try await gateway.wait(until: 200, field) }
        }
    }

    /// How the only request that may be on its way ends.
    enum End: String, CaseIterable, Sendable {
        case answered, answeredHead, clientLeft, clientReset, cancelledStream, replicaClosed, replicaReset, brokenAnswer
        case nonsense, announcedTooLong, tooLong, traced, encodedSlash, tunnelByClient, tunnelByReplica, timedOut
        case malformedBody, clientLeftInBody
    }

    @Test("its place is free again whatever end a request comes to", arguments: End.allCases)
    func ends(end: End) async throws {
        try await onStage { stage in
            let arrived = Signal()
            let goOn = Signal()
            let upstream = try await stage.upstream { try await Self.serve($0, end, arrived, goOn) }
            let gateway = try await Self.gateway(
                stage, upstream, inFlight: "1", response: end == .timedOut ? "2s" : "30s")
            let client = try await stage.client(gateway)
            try await Self.send(end, client)
            if Self.reachesService(end) {
                try await arrived.wait()
                #expect(try await gateway.status() == 429, "while it is on its way")
            }
            goOn.fire()
            try await Self.finish(end, client)
            try await Self.expectFree(gateway)
        }
    }

    /// Twice in a row: what was released once too often would show as well.
    private static func expectFree(_ gateway: RunningGateway) async throws {
        try await gateway.wait(until: 200, "")
        for _ in 1...3 { #expect(try await gateway.status() == 200) }
    }

    private static func reachesService(_ end: End) -> Bool {
        switch end {
        case .announcedTooLong, .traced, .encodedSlash: false
        default: true
        }
    }

    private static func send(_ end: End, _ client: RawConnection) async throws {
        let post = "POST /test HTTP/1.1\r\nHost: a.example\r\n"
        switch end {
        case .answeredHead: try await client.send("HEAD /test HTTP/1.1\r\nHost: a.example\r\n\r\n")
        case .announcedTooLong: try await client.send(post + "Content-Length: 11\r\n\r\n01234567890")
        case .tooLong, .malformedBody, .clientLeftInBody:
            try await client.send(post + "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n")
        case .traced: try await client.send("TRACE /test HTTP/1.1\r\nHost: a.example\r\n\r\n")
        case .encodedSlash: try await client.send(Text.get("/te%2Fst"))
        case .cancelledStream: try await client.send(ByteBuffer(bytes: HTTP2Wire.hello + HTTP2Wire.get(1, "/test")))
        case .tunnelByClient, .tunnelByReplica: try await client.send(Text.upgrade("/test"))
        default: try await client.send(Text.get("/test"))
        }
    }

    private static func serve(_ peer: RawConnection, _ end: End, _ arrived: Signal, _ goOn: Signal) async throws {
        while true {
            let head = try await peer.receiveHead()
            guard head.target == "/test" else {
                try await peer.send(Text.ok)
                continue
            }
            if end == .tunnelByClient || end == .tunnelByReplica {
                try await peer.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            }
            arrived.fire()
            try await goOn.wait()
            switch end {
            case .replicaClosed, .tunnelByReplica: return
            case .replicaReset: return await peer.reset()
            case .brokenAnswer: return try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            case .nonsense: return try await peer.send("nonsense\r\n\r\n")
            case .answered: try await peer.send(Text.ok)
            case .answeredHead: try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            default: try await peer.waitForEnd()
            }
        }
    }

    private static func finish(_ end: End, _ client: RawConnection) async throws {
        switch end {
        case .answered: #expect(try await client.receiveAnswer().status == 200)
        case .answeredHead: #expect(try await client.receiveAnswer(to: "HEAD").status == 200)
        case .clientLeft, .clientLeftInBody: await client.close()
        case .tunnelByClient:
            #expect(try await client.receiveHead().status == 101)
            await client.close()
        case .clientReset: await client.reset()
        case .cancelledStream: try await client.send(ByteBuffer(bytes: HTTP2Wire.reset(1)))
        case .replicaClosed, .replicaReset, .nonsense: #expect(try await client.receiveAnswer().status == 502)
        case .brokenAnswer, .tunnelByReplica: try await client.waitForEnd()
        case .announcedTooLong: #expect(try await client.receiveAnswer().status == 413)
        case .tooLong:
            client.sendInBackground(ByteBuffer(string: "8\r\n01234567\r\n0\r\n\r\n"))
            #expect(try await client.receiveAnswer().status == 413)
        case .malformedBody:
            client.sendInBackground(ByteBuffer(string: "zz\r\n"))
            try await client.waitForEnd()
        case .traced: #expect(try await client.receiveAnswer().status == 405)
        case .encodedSlash: #expect(try await client.receiveAnswer().status == 400)
        case .timedOut: #expect(try await client.receiveAnswer().status == 504)
        }
    }

    @Test("a request that the rate refuses, or that no replica can take, holds no place")
    func refusedOtherwise() async throws {
        try await onStage { stage in
            let nobody = try RefusingPort()
            let gateway = try await stage.gateway(
                """
                quotas: { few: { anonymous: 1/h, in-flight: 1 }, gone: { anonymous: 1000/h, in-flight: 1 } }
                services: { gone: { replicas: ["\(nobody.address)"] } }
                routes:
                  - { match: { path: /few }, quota: few, respond: { status: 200 } }
                  - { match: { path: /gone }, quota: gone, service: gone }
                """)
            let client = try await stage.client(gateway)
            #expect(try await client.ask(Text.get("/few")).status == 200)
            for _ in 1...4 {
                let refused = try await client.ask(Text.get("/few"))
                #expect(refused.status == 429 && refused.text == "the quota is used up\n")
                #expect([502, 503].contains(try await client.ask(Text.get("/gone")).status))
            }
        }
    }
}
