import NIOCore
import Testing
import UsherTestKit

/// What belongs to one client of an answer goes to that client, and to nobody else.
@Suite("Answers for one client", .timeLimit(.minutes(2)))
struct OwnAnswerTests {
    @Test("the client whose request brings an answer gets all of it, also what is not kept")
    func whole() async throws {
        try await onStage { stage in
            let origin = Origin { _, number in
                Text.answer(
                    "\(number)",
                    "Cache-Control: max-age=60, private=\"X-Own\"\r\nX-Own: \(number)\r\nX-Request-Id: r\(number)\r\n")
            }
            let gateway = try await stage.cached(origin)
            let first = try await gateway.ask(Text.get())
            #expect(first.value("x-own") == "1" && first.values("x-request-id") == ["r1"])
            let second = try await gateway.ask(Text.get())
            #expect(second.text == "1" && second.value("x-own") == nil && second.values("x-request-id").isEmpty)
            origin.answers("Cache-Control: max-age=60\r\nSet-Cookie: sid=1\r\n")
            for _ in 1...3 { #expect(try await gateway.ask(Text.get("/login")).value("set-cookie") == "sid=1") }
        }
    }

    @Test("a session's cookie reaches the client, and its requests their replica, through a cache")
    func sessions() async throws {
        try await onStage { stage in
            var upstreams: [ScriptedUpstream] = []
            for name in ["one", "two", "three"] {
                upstreams.append(
                    try await stage.upstream(answering: Text.answer(name, "Cache-Control: private\r\n")))
            }
            let gateway = try await stage.gateway(
                """
                caches: { pages: {} }
                services:
                  web:
                    replicas: \(list(upstreams[0], upstreams[1], upstreams[2]))
                    session: { cookie: s }
                routes: [{ service: web, cache: pages }]
                """)
            let first = try await gateway.ask(Text.get("/0"))
            let cookie = try #require(first.value("set-cookie")?.prefix { $0 != ";" })
            for number in 1...10 {
                #expect(try await gateway.ask(Text.get("/\(number)", "Cookie: \(cookie)\r\n")).text == first.text)
            }
        }
    }

    @Test(
        "an answer that depends on what Usher tells the service is for one client alone",
        arguments: ["Usher-Identity", "X-Forwarded-For", "Forwarded", "X-User"])
    func varies(name: String) async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60, public\r\nVary: \(name)\r\n")
            let gateway = try await stage.cached(
                origin, route: "request-headers: { set: { X-User: \"{header.x-who}\" } }")
            for number in 1...3 { #expect(try await gateway.ask(Text.get("/", "X-Who: ann\r\n")).text == "\(number)") }
        }
    }

    @Test("an answer to somebody's HEAD changes nothing of what others get")
    func head() async throws {
        try await onStage { stage in
            let origin = Origin { request, _ in
                Text.answer(
                    "x", "Cache-Control: max-age=60, public\r\nX-Who: \(request.value("authorization") ?? "-")\r\n")
            }
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).value("x-who") == "-")
            let fields = "Authorization: ann\r\nIf-Match: *\r\n"
            #expect(
                try await gateway.ask("HEAD / HTTP/1.1\r\nHost: a.example\r\n\(fields)\r\n").value("x-who") == "ann")
            #expect(try await gateway.ask(Text.get()).value("x-who") == "-")
        }
    }

    @Test("one client's answer that may not be kept does not keep those of others out")
    func probes() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get("/", "Authorization: ann\r\n")).text == "1")
            #expect(try await gateway.ask(Text.get()).text == "2")
            #expect(try await gateway.ask(Text.get()).cache?.hasPrefix("hit") == true)
            #expect(origin.count == 2)
        }
    }

    @Test("a client that leaves ends an answer that nobody else wants: before its head, and inside it")
    func leaves() async throws {
        try await onStage { stage in
            let asked = Journal<String>()
            let ended = Journal<String>()
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    asked.note(request.target)
                    if request.target == "/flows" {
                        try await peer.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\nsome")
                    }
                    // Until the other side closes.
                    while try await peer.receive() != nil {}
                    ended.note(request.target)
                    return
                }
            }
            let gateway = try await stage.cached(at: upstream)
            for (number, target) in ["/waits", "/flows"].enumerated() {
                let client = try await stage.client(gateway)
                try await client.send(Text.get(target))
                try await asked.wait(for: number + 1)
                if target == "/flows" { #expect(try await client.receiveHead().status == 200) }
                await client.close()
                try await ended.wait(for: number + 1)
            }
        }
    }
}
