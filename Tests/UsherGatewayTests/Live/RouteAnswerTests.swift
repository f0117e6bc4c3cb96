import Testing
import UsherTestKit

@Suite("Answers that routes give", .timeLimit(.minutes(1)))
struct RouteAnswerTests {
    @Test("respond gives status and body; HEAD gets its length alone; 204 has neither")
    func respond() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                routes:
                  - { match: { path: /healthz }, respond: { status: 200, body: "fine\\n" } }
                  - { match: { path: /empty }, respond: { status: 204 } }
                """)
            let answer = try await gateway.ask(Text.get("/healthz"))
            #expect(answer.text == "fine\n")
            #expect(answer.value("content-length") == "5")
            #expect(answer.values("date").count == 1)
            let head = try await gateway.ask("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(head.value("content-length") == "5")
            let empty = try await gateway.ask(Text.get("/empty"))
            #expect(empty.status == 204)
            #expect(empty.values("content-length").isEmpty)
        }
    }

    @Test("a local answer to HEAD has no body: the next answer follows at once")
    func headIsEmpty() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway("routes: [{ respond: { status: 200, body: twelve-bytes } }]")
            let client = try await stage.client(gateway)
            try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + Text.get())
            _ = try await client.receiveAnswer(to: "HEAD")
            #expect(try await client.receiveAnswer().text == "twelve-bytes")
        }
    }

    @Test("redirect sends the client on, with templates in the target and no way to inject a field")
    func redirect() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                routes:
                  - { match: { path: /old }, redirect: { to: /new, status: 301 } }
                  - { match: { path: /go/* }, redirect: { to: "https://{host}{path}?q={query.q}" } }
                """)
            let fixed = try await gateway.ask(Text.get("/old"))
            #expect(fixed.status == 301)
            #expect(fixed.value("location") == "/new")
            let made = try await gateway.ask(Text.get("/go/x?q=1%0d%0aSet-Cookie:%20a"))
            #expect(made.status == 308)
            #expect(made.value("location") == "https://a.example/go/x?q=1++Set-Cookie:+a")
            #expect(made.values("set-cookie").isEmpty)
        }
    }

    @Test("no route is 404, with a sentence, and the connection goes on")
    func notFound() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway("routes: [{ match: { path: /here }, respond: { status: 200 } }]")
            let client = try await stage.client(gateway)
            for _ in 1...2 {
                try await client.send(Text.get("/there"))
                let answer = try await client.receiveAnswer()
                #expect(answer.status == 404)
                #expect(answer.text.contains("no route"))
            }
            #expect(try await gateway.metric("usher_refused_requests_total{status=\"404\"}") == nil)
            #expect(try await gateway.metric("usher_requests_total{service=\"-\",route=\"-\",code=\"4xx\"}") == 2)
        }
    }

    @Test("headers set and remove fields of the replica's answer")
    func answerHeaders() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(
                answering: Text.answer("ok", "Server: secret/1.0\r\nX-Kept: 1\r\nX-Served-By: replica\r\n"))
            let gateway = try await stage.gateway(
                """
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes: [{ service: web, headers: { set: { X-Served-By: "usher {path}" }, remove: [server] } }]
                """)
            let answer = try await gateway.ask(Text.get("/p"))
            #expect(answer.value("x-served-by") == "usher /p")
            #expect(answer.values("server").isEmpty)
            #expect(answer.value("x-kept") == "1")
        }
    }

    @Test("a split sends each service its share")
    func split() async throws {
        try await onStage { stage in
            let old = try await stage.upstream(answering: Text.answer("old"))
            let new = try await stage.upstream(answering: Text.answer("new"))
            let gateway = try await stage.gateway(
                """
                services: { old: { replicas: ["\(old.address)"] }, new: { replicas: ["\(new.address)"] } }
                routes: [{ services: { old: 80%, new: 20% } }]
                """)
            let client = try await stage.client(gateway)
            var count = 0
            for _ in 0..<500 {
                try await client.send(Text.get())
                if try await client.receiveAnswer().text == "new" { count += 1 }
            }
            // 500 draws at 20%: six standard deviations are 54.
            #expect((46...154).contains(count))
        }
    }

    @Test("hosts, methods and header conditions choose the route")
    func conditions() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                routes:
                  - { match: { host: "*.example", path: /a, methods: [POST] }, respond: { status: 200, body: post } }
                  - { match: { host: b.example }, respond: { status: 200, body: host } }
                  - { match: { headers: { X-Beta: "1" } }, respond: { status: 200, body: beta } }
                  - { respond: { status: 200, body: rest } }
                """)
            #expect(try await gateway.ask(Text.post("/a", body: "x")).text == "post")
            #expect(try await gateway.ask(Text.get("/a")).text == "rest")
            #expect(try await gateway.ask(Text.get("/a", host: "B.Example:99")).text == "host")
            #expect(try await gateway.ask(Text.get("/a", "x-beta: 1\r\n")).text == "beta")
        }
    }

    @Test(
        "an encoded slash is refused, unless the route lets it pass as it is", arguments: ["%2f", "%2F", "%5c", "%5C"])
    func encodedSlashes(code: String) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                """
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes:
                  - { match: { path: /pass/* }, encoded-slashes: pass, service: web }
                  - { service: web }
                """)
            #expect(try await gateway.ask(Text.get("/a\(code)b")).status == 400)
            #expect(upstream.received.joined().isEmpty)
            #expect(try await gateway.ask(Text.get("/pass/a\(code)b")).status == 200)
            #expect(upstream.received.joined().lowercased().hasPrefix("get /pass/a\(code.lowercased())b "))
        }
    }
}
