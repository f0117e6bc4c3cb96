import Testing
import UsherTestKit

@Suite("What a replica is told of the client", .timeLimit(.minutes(1)))
struct ForwardedFieldTests {
    /// The request as the replica got it, with a placeholder for the trace's random numbers.
    private func forwarded(_ request: String, trusted: Bool = false, keys: String = "", route: String = "") async throws
        -> String
    {
        var seen = ""
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                """
                listeners: [{ address: 127.0.0.1:0\(trusted ? ", trusted-proxies: [127.0.0.0/8]" : "") }]
                services: { web: { replicas: ["\(upstream.address)"]\(keys.isEmpty ? "" : ", " + keys) } }
                routes: [{ service: web\(route.isEmpty ? "" : ", " + route) }]
                """)
            _ = try await gateway.ask(request)
            seen = upstream.received.joined().replacing(/00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/, with: "TRACE")
                .replacing(/X-Request-Id: [0-9a-f]{32}/, with: "X-Request-Id: TRACE")
                .replacing("127.0.0.1:\(upstream.port)", with: "REPLICA")
        }
        return seen
    }

    @Test("the head arrives as it was sent, with Via, X-Forwarded-* and Forwarded behind it")
    func exactBytes() async throws {
        let seen = try await self.forwarded(
            "GET /a/b?c=d&e HTTP/1.1\r\nHost: a.example:8080\r\nX-One: 1\r\nx-TWO:   2  \r\nCookie: a=b\r\n\r\n")
        #expect(
            seen == """
                GET /a/b?c=d&e HTTP/1.1\r
                Host: a.example:8080\r
                X-One: 1\r
                x-TWO:   2  \r
                Cookie: a=b\r
                Via: 1.1 usher\r
                X-Forwarded-For: 127.0.0.1\r
                X-Forwarded-Proto: http\r
                X-Forwarded-Host: a.example:8080\r
                Forwarded: for=127.0.0.1;proto=http;host="a.example:8080"\r
                X-Request-Id: TRACE\r
                traceparent: TRACE\r
                \r

                """)
    }

    @Test("what an untrusted client says about forwarding is dropped")
    func untrusted() async throws {
        let seen = try await self.forwarded(
            Text.get(
                "/",
                "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
                    + "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
                    + "Usher-Identity: root\r\nX-Forwarded-Prefix: /p\r\n"
            ))
        #expect(!seen.contains("6.6.6.6"))
        #expect(!seen.contains("evil"))
        #expect(!seen.contains("root"))
        #expect(seen.contains("X-Forwarded-Proto: http\r\n"))
    }

    @Test("a trusted proxy's lists are continued, its scheme and host kept")
    func trusted() async throws {
        let seen = try await self.forwarded(
            Text.get(
                "/",
                "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\nX-Forwarded-Proto: https\r\n"
                    + "X-Forwarded-Host: www.example\r\nForwarded: for=192.0.2.7;proto=https\r\n"), trusted: true)
        #expect(seen.contains("X-Forwarded-For: 192.0.2.7, 192.0.2.8, 127.0.0.1\r\n"))
        #expect(seen.contains("X-Forwarded-Proto: https\r\n"))
        #expect(seen.contains("X-Forwarded-Host: www.example\r\n"))
        #expect(seen.contains("Forwarded: for=192.0.2.7;proto=https, for=127.0.0.1;proto=http;host=\"a.example\"\r\n"))
    }

    @Test(
        "hop-by-hop fields and those that Connection lists end at Usher",
        arguments: [
            "Connection: keep-alive, X-Secret\r\nX-Secret: s\r\nKeep-Alive: timeout=5\r\n",
            "connection: x-secret\r\nconnection: keep-alive\r\nX-SECRET: s\r\nProxy-Connection: keep-alive\r\n",
            "Connection: TE, X-Secret\r\nX-Secret: s\r\nTE: trailers\r\n",
        ])
    func hopByHop(fields: String) async throws {
        let seen = try await self.forwarded(Text.get("/", fields + "X-Kept: 1\r\n")).lowercased()
        #expect(!seen.contains("secret"))
        #expect(!seen.contains("keep-alive"))
        #expect(!seen.contains("\r\nconnection:"))
        #expect(seen.contains("x-kept: 1\r\n"))
    }

    @Test("Host is the client's, or the replica's when the service says so")
    func host() async throws {
        #expect(try await self.forwarded(Text.get()).contains("\r\nHost: a.example\r\n"))
        let seen = try await self.forwarded(Text.get(), keys: "host: replica")
        #expect(seen.contains("\r\nHost: REPLICA\r\n"))
        #expect(seen.contains("X-Forwarded-Host: a.example\r\n"))
    }

    @Test("an absolute target is sent on as a path, its host as Host")
    func absoluteTarget() async throws {
        let seen = try await self.forwarded("GET http://b.example/x?y HTTP/1.1\r\nHost: b.example\r\n\r\n")
        #expect(seen.hasPrefix("GET /x?y HTTP/1.1\r\nHost: b.example\r\n"))
    }

    @Test(
        "the path that routes is the path that the replica gets",
        arguments: [
            ("/a/../b/./c", "/b/c"), ("/%7Euser", "/~user"), ("/a//b", "/a/b"), ("/x%2e%2e/y", "/x../y"),
        ])
    func canonicalPath(sent: String, seen: String) async throws {
        #expect(try await self.forwarded(Text.get(sent)).hasPrefix("GET \(seen) HTTP/1.1\r\n"))
    }

    @Test(
        "strip-prefix takes whole segments off, in front of a query too",
        arguments: [
            ("/v1/users?q=1", "/users?q=1"), ("/v1", "/"), ("/v1?q=1", "/?q=1"), ("/v1/", "/"), ("/v10/x", "/v10/x"),
        ])
    func stripPrefix(sent: String, seen: String) async throws {
        let request = try await self.forwarded(Text.get(sent), route: "strip-prefix: /v1")
        #expect(request.hasPrefix("GET \(seen) HTTP/1.1\r\n"))
    }

    @Test("request-headers set and remove what the service sees, with templates")
    func requestHeaders() async throws {
        let seen = try await self.forwarded(
            Text.get("/p/q?n=v%0d%0aInjected:1", "X-Old: 1\r\nX-Set: client\r\nCookie: sid=7\r\n"),
            route:
                #"request-headers: { set: { X-Set: "{path.1}-{query.n}-{cookie.sid}-{source-address}" }, "#
                + "remove: [x-old] }"
        )
        #expect(!seen.contains("X-Old"))
        #expect(!seen.contains("client\r\n"))
        #expect(seen.contains("X-Set: p-v  Injected:1-7-127.0.0.1\r\n"))
        #expect(!seen.contains("\nInjected"))
    }

    @Test("a trace is continued with a new span, and started when there is none or a broken one")
    func trace() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            _ = try await gateway.ask(Text.get("/", "traceparent: \(parent)\r\ntracestate: v=1\r\n"))
            let first = try #require(
                upstream.received.joined().firstMatch(of: /traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-01\r\n/))
            #expect(first.1 == "0af7651916cd43dd8448eb211c80319c")
            #expect(first.2 != "b7ad6b7169203331")
            #expect(upstream.received.joined().contains("tracestate: v=1\r\n"))
            _ = try await gateway.ask(Text.get("/2", "traceparent: 00-zz-11-01\r\ntracestate: w=2\r\n"))
            #expect(!upstream.received.joined().contains("w=2"))
        }
    }
}
