import NIOCore
import Testing
import UsherTestKit

/// The cache on the request's path, by what clients and origin see.
@Suite("The cache", .timeLimit(.minutes(2)))
struct CacheLiveTests {
    @Test("an answer that may be kept is asked for once")
    func hit() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(origin)
            let first = try await gateway.ask(Text.get("/a"))
            #expect(first.text == "1" && first.cache == "fwd=uri-miss; fwd-status=200; stored")
            #expect(first.value("age") == nil && first.value("x-request-id") != nil)
            let second = try await gateway.ask(Text.get("/a"))
            #expect(second.text == "1" && second.cache?.hasPrefix("hit; ttl=") == true)
            #expect(second.value("age") != nil && second.value("date") != nil)
            #expect(try await gateway.ask(Text.get("/a", "Content-Length: 0\r\n")).text == "1")
            #expect(try await gateway.ask(Text.get("/b")).text == "2")
            #expect(try await gateway.ask(Text.get("/a", host: "b.example")).text == "3")
            #expect(try await gateway.ask(Text.get("/a?x")).text == "4")
            #expect(origin.count == 4)
        }
    }

    @Test(
        "one view of a target: spellings of one target are one answer",
        arguments: [
            ("/a/b", "/a/./b"), ("/a/b", "/x/../a/b"), ("/%61", "/a"), ("/a%2d", "/a-"), ("/a", "http://a.example/a"),
        ])
    func spelling(one: String, other: String) async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get(one)).text == "1")
            #expect(try await gateway.ask(Text.get(other)).text == "1")
            #expect(try await gateway.ask(Text.get(one, host: "A.Example:80")).text == "1")
        }
    }

    @Test(
        "what may not be kept is asked for each time",
        arguments: [
            "Cache-Control: no-store\r\n", "Cache-Control: private\r\n", "", "Vary: *\r\nCache-Control: max-age=60\r\n",
            "Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n",
        ])
    func notKept(fields: String) async throws {
        try await onStage { stage in
            let origin = Origin(fields)
            let gateway = try await stage.cached(origin)
            for number in 1...4 {
                let answer = try await gateway.ask(Text.get())
                #expect(answer.text == "\(number)")
                #expect(answer.cache?.contains("stored") == false && answer.cache?.hasPrefix("fwd=") == true)
                // Only the first of them was waited for.
                if number == 1 { #expect(answer.cache?.contains("; detail=") == true) }
            }
        }
    }

    @Test("whoever shows a credential gets no answer that was not meant for all, and leaves none")
    func authorization() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(origin)
            let ann = "Authorization: Bearer ann\r\n"
            #expect(try await gateway.ask(Text.get("/", ann)).text == "1")
            #expect(try await gateway.ask(Text.get("/", ann)).text == "2")
            #expect(try await gateway.ask(Text.get("/")).text == "3")
            origin.answers("Cache-Control: max-age=60, public\r\n")
            #expect(try await gateway.ask(Text.get("/p", ann)).text == "4")
            #expect(try await gateway.ask(Text.get("/p")).text == "4")
        }
    }

    @Test("a stale answer is asked about, and a 304 makes it fresh")
    func revalidation() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=10\r\nAge: 60\r\nETag: \"a\"\r\nX-Kept: old\r\n")
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "1")
            origin.answers { _, _ in
                "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=60\r\nX-Kept: new\r\n\r\n"
            }
            let second = try await gateway.ask(Text.get())
            #expect(second.status == 200 && second.text == "1" && second.value("x-kept") == "new")
            #expect(second.cache == "fwd=stale; fwd-status=304; stored")
            #expect(origin.requests.entries[1].value("if-none-match") == "\"a\"")
            #expect(try await gateway.ask(Text.get()).cache?.hasPrefix("hit") == true)
            #expect(origin.count == 2)
        }
    }

    @Test("a 304 that speaks of another answer is no answer: the service is asked again")
    func otherNotModified() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=10\r\nAge: 60\r\nETag: \"a\"\r\n")
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "1")
            origin.answers { request, number in
                request.value("if-none-match") == nil
                    ? Text.answer("\(number)", "Cache-Control: max-age=60\r\n")
                    : "HTTP/1.1 304 Not Modified\r\nETag: \"z\"\r\n\r\n"
            }
            #expect(try await gateway.ask(Text.get()).text == "3")
        }
    }

    @Test("a client's conditions are answered from the cache, and never reach the service")
    func conditions() async throws {
        try await onStage { stage in
            let origin = Origin(
                "Cache-Control: max-age=60\r\nETag: \"a\"\r\nX-Big: \(String(repeating: "x", count: 99))\r\n")
            let gateway = try await stage.cached(origin)
            let first = try await gateway.ask(Text.get("/", "If-None-Match: \"a\"\r\n"))
            #expect(first.status == 304 && first.body.readableBytes == 0)
            #expect(origin.requests.entries[0].value("if-none-match") == nil)
            let second = try await gateway.ask(Text.get("/", "If-None-Match: \"z\", W/\"a\"\r\n"))
            #expect(second.status == 304 && second.value("etag") == "\"a\"" && second.value("x-big") == nil)
            #expect(second.value("cache-control") == "max-age=60" && second.value("content-length") == nil)
            #expect(try await gateway.ask(Text.get("/", "If-None-Match: \"b\"\r\n")).text == "1")
            #expect(origin.count == 1)
        }
    }

    @Test("parts of whole answers, also of long ones")
    func ranges() async throws {
        try await onStage { stage in
            let body = String((0..<100_000).map { "\($0 % 10)".first ?? "0" })
            let origin = Origin { _, _ in Text.answer(body, "Cache-Control: max-age=60\r\nETag: \"a\"\r\n") }
            let gateway = try await stage.cached(origin)
            for target in ["/", "/"] {
                let part = try await gateway.ask(Text.get(target, "Range: bytes=65530-65545\r\n"))
                #expect(part.status == 206 && part.text == "0123456789012345")
                #expect(part.value("content-range") == "bytes 65530-65545/100000")
            }
            #expect(origin.count == 1 && origin.requests.entries[0].value("range") == nil)
            #expect(try await gateway.ask(Text.get("/", "Range: bytes=-5\r\n")).text == "56789")
            let beyond = try await gateway.ask(Text.get("/", "Range: bytes=100000-\r\n"))
            #expect(beyond.status == 416 && beyond.value("content-range") == "bytes */100000")
            #expect(try await gateway.ask(Text.get("/", "Range: bytes=0-1\r\nIf-Range: \"z\"\r\n")).status == 200)
            #expect(try await gateway.ask(Text.get("/", "Range: bytes=0-1,4-5\r\n")).text == body)
        }
    }

    @Test("HEAD is answered from the cache; one that finds nothing is not kept")
    func head() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(origin)
            let head = "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n"
            #expect(try await gateway.ask(head).cache == "fwd=uri-miss; fwd-status=200")
            #expect(try await gateway.ask(Text.get()).text == "2")
            let second = try await gateway.ask(head)
            #expect(second.cache?.hasPrefix("hit") == true && second.value("content-length") == "1")
            #expect(origin.count == 2)
        }
    }

    @Test("answers differ by the fields that Vary names, and by nothing else")
    func vary() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\nVary: Accept-Language\r\n")
            let gateway = try await stage.cached(origin)
            let (german, french) = ("Accept-Language: de\r\n", "Accept-Language: fr\r\n")
            #expect(try await gateway.ask(Text.get("/", german)).text == "1")
            let other = try await gateway.ask(Text.get("/", french))
            #expect(other.text == "2" && other.cache == "fwd=vary-miss; fwd-status=200; stored")
            #expect(try await gateway.ask(Text.get("/", german + "X-Other: 1\r\n")).text == "1")
            #expect(try await gateway.ask(Text.get("/", french)).text == "2")
            #expect(try await gateway.ask(Text.get()).text == "3")
        }
    }

    @Test("a change at a target takes its answer, and those that the change names")
    func invalidation() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get("/a")).text == "1")
            #expect(try await gateway.ask(Text.get("/list")).text == "2")
            #expect(try await gateway.ask(Text.get("/b")).text == "3")
            origin.answers { _, _ in Text.answer("", "Location: /list\r\n") }
            #expect(try await gateway.ask(Text.post("/a", body: "x")).cache == "fwd=method; fwd-status=200")
            origin.answers("Cache-Control: max-age=60\r\n")
            #expect(try await gateway.ask(Text.get("/a")).text == "5")
            #expect(try await gateway.ask(Text.get("/list")).text == "6")
            #expect(try await gateway.ask(Text.get("/b")).text == "3")
            // A change that failed changed nothing.
            origin.answers { _, _ in Text.answer("", status: "500 No") }
            _ = try await gateway.ask(Text.post("/a", body: "x"))
            #expect(try await gateway.ask(Text.get("/a")).text == "5")
        }
    }

    @Test("a cache lives through a reload, and a smaller budget holds at once")
    func reload() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let upstream = try await stage.upstream { try await origin.serve($0) }
            func yaml(_ memory: String, _ limit: String) -> String {
                """
                caches: { pages: { memory: \(memory), object-limit: \(limit) } }
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes: [{ service: web, cache: pages }]
                """
            }
            let gateway = try await stage.gateway(yaml("16MiB", "1MiB"))
            #expect(try await gateway.ask(Text.get()).text == "1")
            #expect(try await gateway.reload(yaml("8MiB", "512KiB")).outcome == "applied")
            #expect(try await gateway.ask(Text.get()).text == "1")
            origin.answers { _, _ in
                Text.answer(String(repeating: "x", count: 500_000), "Cache-Control: max-age=60\r\n")
            }
            for number in 1...30 { _ = try await gateway.ask(Text.get("/\(number)")) }
            let last = try await gateway.ask(Text.get("/30"))
            #expect(last.cache?.hasPrefix("hit") == true)
            let held = try #require(await gateway.metric("usher_cache_memory_bytes{cache=\"pages\"}"))
            #expect(held > 6e6 && held <= 8 * 1_048_576, "\(held)")
        }
    }
}
