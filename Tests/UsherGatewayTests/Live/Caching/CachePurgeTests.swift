import Foundation
import Testing
import UsherTestKit

/// What `/api/v1/purge` and `PURGE` take out of caches.
@Suite("Purging", .timeLimit(.minutes(2)))
struct CachePurgeTests {
    private static let kept = "Cache-Control: max-age=600\r\n"
    private static let workers = "workers: 2"

    /// How many answers a purge took.
    private static func purge(_ gateway: RunningGateway, _ body: String) async throws -> Int {
        let answer = try await gateway.post("/api/v1/purge", body: body, token: try gateway.file.adminToken)
        struct Report: Decodable { var purged: Int }
        guard answer.status == 200 else { throw TestKitError.malformed("\(answer.status) \(answer.text)") }
        return try JSONDecoder().decode(Report.self, from: Data(answer.text.utf8)).purged
    }

    private static func refusal(_ gateway: RunningGateway, _ body: String) async throws -> String {
        let answer = try await gateway.post("/api/v1/purge", body: body, token: try gateway.file.adminToken)
        return "\(answer.status) \(answer.text)"
    }

    /// Asks for targets until they are kept.
    private static func fill(_ gateway: RunningGateway, _ targets: String..., host: String = "a.example") async throws {
        for target in targets {
            _ = try await gateway.ask(Text.get(target, host: host))
            #expect(try await isKept(gateway, target, host: host), "\(target)")
        }
    }

    private static func isKept(
        _ gateway: RunningGateway, _ target: String, host: String = "a.example"
    ) async throws -> Bool {
        try await gateway.ask(Text.get(target, host: host, "Cache-Control: only-if-cached\r\n")).status == 200
    }

    // MARK: By URL

    @Test(
        "a URL is purged however its writer spells it, and nothing beside it is",
        arguments: [
            "http://a.example/x?b=1&a=2", "HTTP://A.Example:80/x?b=1&a=2", "http://a.example/%78?b=1&a=2",
            "http://a.example/y/../x?b=1&a=2", "http://a.example//x?b=1&a=2", "http://a.example/x?a=2&utm_source=q&b=1",
        ])
    func url(url: String) async throws {
        try await onStage { stage in
            let gateway = try await stage.cached(
                Origin(Self.kept), keys: "sort-query: true, drop-query: [utm_*]", more: Self.workers)
            try await Self.fill(gateway, "/x?b=1&a=2", "/x", "/x?b=1", "/x/")
            try await Self.fill(gateway, "/x?b=1&a=2", host: "b.example")
            #expect(try await Self.purge(gateway, #"{"url": "\#(url)"}"#) == 1)
            #expect(try await !Self.isKept(gateway, "/x?b=1&a=2"))
            for other in ["/x", "/x?b=1", "/x/"] { #expect(try await Self.isKept(gateway, other)) }
            #expect(try await Self.isKept(gateway, "/x?b=1&a=2", host: "b.example"))
            #expect(try await Self.purge(gateway, #"{"url": "\#(url)"}"#) == 0)
        }
    }

    @Test("a URL is purged from every route that keeps it, with all variants, and once asked for is kept again")
    func variants() async throws {
        try await onStage { stage in
            let origin = Origin(Self.kept + "Vary: Accept-Language\r\n")
            let upstream = try await stage.upstream { try await origin.serve($0) }
            let gateway = try await stage.gateway(
                """
                workers: 2
                caches: { pages: { memory: 16MiB, object-limit: 1MiB } }
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes:
                  - { match: { headers: { X-Beta: "1" } }, service: web, cache: pages }
                  - { service: web, cache: pages }
                """)
            let languages = ["de", "en", "fr"].map { "Accept-Language: \($0)\r\n" }
            let requests = (languages + languages.map { $0 + "X-Beta: 1\r\n" }).map { Text.get("/v", $0) }
            for request in requests { _ = try await gateway.ask(request) }
            for request in requests { #expect(try await gateway.ask(request).cache?.hasPrefix("hit") == true) }
            #expect(try await gateway.metric("usher_cache_answers{cache=\"pages\"}") == 6)
            #expect(try await Self.purge(gateway, #"{"url": "http://a.example/v"}"#) == 6)
            #expect(try await gateway.metric("usher_cache_answers{cache=\"pages\"}") == 0)
            for request in requests { #expect(try await gateway.ask(request).cache?.hasPrefix("fwd") == true) }
            for request in requests { #expect(try await gateway.ask(request).cache?.hasPrefix("hit") == true) }
        }
    }

    @Test("a cache with a key of its own loses what is kept for the URL, and what a request for it would get")
    func ownKey() async throws {
        try await onStage { stage in
            let gateway = try await stage.cached(
                Origin(Self.kept), keys: #"key: ["{path}", "{query.page}"]"#, more: Self.workers)
            for body in [
                #"{"url": "http://a.example/x?page=1&z=9"}"#,
                #"{"url": "http://a.example/x?page=1&z=9", "soft": true}"#,
            ] {
                // The same answer as for `z=9`, and another one that has its URL.
                try await Self.fill(gateway, "/x?page=1&z=8", "/x?page=2", "/y?page=1")
                #expect(try await Self.purge(gateway, body) == 1)
                #expect(try await !Self.isKept(gateway, "/x?page=1"))
                for other in ["/x?page=2", "/y?page=1"] { #expect(try await Self.isKept(gateway, other)) }
                #expect(try await Self.purge(gateway, #"{"url": "http://a.example/x?page=2"}"#) == 1)
                #expect(try await !Self.isKept(gateway, "/x?page=2"))
                #expect(try await Self.purge(gateway, #"{"all": true}"#) >= 1)
            }
        }
    }

    // MARK: By tag, prefix, all

    @Test("a tag takes the answers that carry it, whole and with case")
    func tag() async throws {
        try await onStage { stage in
            let origin = Origin { request, number in
                let tags =
                    switch request.target {
                    case "/1": "Surrogate-Key: shoes red\r\n"
                    case "/2": "Cache-Tag: hats, shoes\r\n"
                    case "/3": "Surrogate-Key: shoe Shoes\r\n"
                    default: ""
                    }
                return Text.answer("\(number)", Self.kept + tags)
            }
            let gateway = try await stage.cached(origin, more: Self.workers)
            try await Self.fill(gateway, "/1", "/2", "/3", "/4")
            #expect(try await Self.purge(gateway, #"{"tag": "shoes", "cache": "pages"}"#) == 2)
            for (target, isKept) in [("/1", false), ("/2", false), ("/3", true), ("/4", true)] {
                #expect(try await Self.isKept(gateway, target) == isKept, "\(target)")
            }
            #expect(try await Self.purge(gateway, #"{"tag": "none"}"#) == 0)
        }
    }

    @Test("a prefix takes what begins so, and no other host")
    func prefix() async throws {
        try await onStage { stage in
            let gateway = try await stage.cached(Origin(Self.kept), more: Self.workers)
            try await Self.fill(gateway, "/shop/1", "/shop/2?q", "/shop", "/shopping", "/")
            try await Self.fill(gateway, "/shop/1", host: "a.example.org")
            #expect(try await Self.purge(gateway, #"{"prefix": "HTTP://A.example/sh%6Fp/"}"#) == 2)
            #expect(try await Self.purge(gateway, #"{"prefix": "http://a.example/shop/"}"#) == 0)
            #expect(try await Self.purge(gateway, #"{"prefix": "http://a.example/shop"}"#) == 2)
            #expect(try await Self.purge(gateway, #"{"prefix": "http://a.example"}"#) == 1)
            #expect(try await Self.isKept(gateway, "/shop/1", host: "a.example.org"))
            #expect(try await Self.purge(gateway, #"{"prefix": "https://a.example.org"}"#) == 0)
        }
    }

    @Test("all takes everything of one cache or of all, from all workers before it answers")
    func all() async throws {
        try await onStage { stage in
            let origin = Origin(Self.kept)
            let upstream = try await stage.upstream { try await origin.serve($0) }
            let gateway = try await stage.gateway(
                """
                workers: 2
                caches: { pages: { memory: 16MiB, object-limit: 1MiB }, others: { memory: 16MiB, object-limit: 1MiB } }
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes:
                  - { match: { path: /o/* }, service: web, cache: others }
                  - { service: web, cache: pages }
                """)
            #expect(try await Self.purge(gateway, #"{"all": true}"#) == 0)
            for number in 0..<50 { try await Self.fill(gateway, "/\(number)", "/o/\(number)") }
            #expect(try await Self.purge(gateway, #"{"all": true, "cache": "others"}"#) == 50)
            for number in 0..<50 {
                #expect(try await !Self.isKept(gateway, "/o/\(number)"))
                #expect(try await Self.isKept(gateway, "/\(number)"))
            }
            #expect(try await Self.purge(gateway, #"{"all": true}"#) == 50)
            for number in 0..<50 { #expect(try await !Self.isKept(gateway, "/\(number)")) }
            #expect(try await Self.refusal(gateway, #"{"all": true, "cache": "page"}"#).contains("pages, others"))
        }
    }

    @Test(
        "what is no whole URL is refused with what to do",
        arguments: [
            ("/x", "http://HOST/PATH"), ("a.example/x", "http://HOST/PATH"), ("//a.example/x", "http://HOST/PATH"),
            ("ftp://a.example/x", "http://HOST/PATH"), ("http:///x", "no host"), ("http://a.example/x#y", "fragment"),
            ("http://a.example/a b", "%20"), ("http://a.example/\\r\\nX: y", "control"),
            ("http://u@a.example/", "could not"),
            ("http://a.example/%zz", "could not"), ("http://a.example/../x", "could not"),
            ("http://a.example:port/", "could not"),
        ])
    func notWhole(url: String, advice: String) async throws {
        try await onStage { stage in
            let gateway = try await stage.cached(Origin(Self.kept))
            for key in ["url", "prefix"] {
                let refusal = try await Self.refusal(gateway, #"{"\#(key)": "\#(url)"}"#)
                #expect(refusal.hasPrefix("400 ") && refusal.contains(advice), "\(refusal)")
            }
        }
    }

    @Test("a stranger purges nothing")
    func stranger() async throws {
        try await onStage { stage in
            let gateway = try await stage.cached(Origin(Self.kept))
            try await Self.fill(gateway, "/")
            #expect(try await gateway.post("/api/v1/purge", body: #"{"all": true}"#, token: nil).status == 401)
            #expect(try await Self.isKept(gateway, "/"))
        }
    }

    // MARK: Softly

    @Test(
        "a soft purge makes answers stale: they are validated, and stand in when the service fails",
        arguments: [
            #"{"url": "http://a.example/s", "soft": true}"#, #"{"tag": "t", "soft": true}"#,
            #"{"prefix": "http://a.example/", "soft": true}"#, #"{"all": true, "soft": true}"#,
        ])
    func soft(body: String) async throws {
        try await onStage { stage in
            let fields = "Cache-Control: max-age=600, stale-if-error=600\r\nETag: \"1\"\r\nSurrogate-Key: t\r\n"
            let origin = Origin(fields)
            let gateway = try await stage.cached(origin, more: Self.workers)
            try await Self.fill(gateway, "/s")
            #expect(try await Self.purge(gateway, body) == 1)
            origin.answers { _, _ in Text.answer("", status: "503 Down") }
            let standIn = try await gateway.ask(Text.get("/s"))
            #expect(standIn.status == 200 && standIn.text == "1", "\(standIn.text)")
            origin.answers { request, _ in
                request.value("if-none-match") == "\"1\""
                    ? "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=600\r\n\r\n"
                    : Text.answer("new")
            }
            let validated = try await gateway.ask(Text.get("/s"))
            #expect(validated.text == "1" && validated.cache?.contains("fwd=stale") == true, "\(validated.head)")
            #expect(try await gateway.ask(Text.get("/s")).cache?.hasPrefix("hit") == true)
        }
    }

    // MARK: On the way

    @Test(
        "an answer that was on its way when the purge came is given to who waited for it, and not kept",
        arguments: [
            #"{"url": "http://a.example/w"}"#, #"{"url": "http://a.example/w", "soft": true}"#, #"{"tag": "t"}"#,
            #"{"prefix": "http://a.example/"}"#, #"{"all": true, "soft": true}"#,
        ])
    func onItsWay(body: String) async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { _, number in
                Text.answer("\(number)", Self.kept + "Surrogate-Key: t\r\n")
            }
            let gateway = try await stage.cached(origin, more: Self.workers)
            let before = try await stage.client(gateway)
            try await before.send(Text.get("/w"))
            try await origin.requests.wait(for: 1)
            #expect(try await Self.purge(gateway, body) == 0)
            // Who comes now must not get what was made before.
            let after = try await stage.client(gateway)
            try await after.send(Text.get("/w"))
            try await origin.requests.wait(for: 2)
            origin.letGo()
            _ = try await before.receiveAnswer()
            #expect(try await after.receiveAnswer().cache?.contains("collapsed") == false)
            #expect(origin.count == 2)
            let kept = try await gateway.ask(Text.get("/w"))
            #expect(kept.cache?.hasPrefix("hit") == true && origin.count == 2)
        }
    }

    @Test("an answer that is on its way alone is not kept when it was purged")
    func alone() async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { _, number in Text.answer("\(number)", Self.kept) }
            let gateway = try await stage.cached(origin)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/w"))
            try await origin.requests.wait(for: 1)
            #expect(try await Self.purge(gateway, #"{"url": "http://a.example/w"}"#) == 0)
            origin.letGo()
            #expect(try await client.receiveAnswer().text == "1")
            #expect(try await !Self.isKept(gateway, "/w"))
        }
    }

    @Test("methods that change a target keep nobody's fetch of another one from being kept, however many come")
    func otherTargets() async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { _, number in Text.answer("\(number)", Self.kept) }
            let quick = try await stage.upstream()
            let upstream = try await stage.upstream { try await origin.serve($0) }
            let gateway = try await stage.gateway(
                """
                caches: { pages: { memory: 16MiB, object-limit: 1MiB } }
                services: { web: { replicas: ["\(upstream.address)"] }, form: { replicas: ["\(quick.address)"] } }
                routes:
                  - { match: { path: /form/* }, service: form, cache: pages }
                  - { service: web, cache: pages }
                """)
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/slow"))
            try await origin.requests.wait(for: 1)
            let poster = try await stage.client(gateway)
            for number in 0..<400 {
                #expect(try await poster.ask(Text.post("/form/\(number)", body: "x")).status == 200)
            }
            origin.letGo()
            _ = try await client.receiveAnswer()
            #expect(try await Self.isKept(gateway, "/slow"))
        }
    }

    @Test("a change of a target is seen at once by a cache with a key of its own, which has to look for it")
    func changeWithOwnKey() async throws {
        try await onStage { stage in
            let gateway = try await stage.cached(
                Origin(Self.kept), keys: #"key: ["{path}", "{header.x-group}"]"#, more: Self.workers)
            let client = try await stage.client(gateway)
            for round in 0..<50 {
                let request = Text.get("/p", "X-Group: \(round % 2)\r\n")
                let first = try await client.ask(request).text
                #expect(try await client.ask(request).text == first)
                #expect(try await client.ask(Text.post("/p", body: "x")).status == 200)
                #expect(try await client.ask(request).text != first)
            }
        }
    }

    // MARK: PURGE

    private static func request(_ target: String, from address: String, _ fields: String = "") -> String {
        Text.get(target, "X-Forwarded-For: \(address)\r\n" + fields).replacing(
            "GET ", with: "PURGE ", maxReplacements: 1)
    }

    private static let listener = "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]"

    @Test(
        "PURGE takes all variants of its target for who is in purge-from, whom a trusted proxy brings; others get 403",
        arguments: ["", #"key: ["{path}", "{header.x-group}"], "#])
    func method(keys: String) async throws {
        try await onStage { stage in
            let origin = Origin(Self.kept + "Vary: Accept-Language\r\n")
            let gateway = try await stage.cached(
                origin, keys: keys + "purge-from: [192.0.2.0/24]", more: Self.workers + "\n" + Self.listener)
            let languages = ["de", "en"].map { Text.get("/v", "Accept-Language: \($0)\r\n") }
            for request in languages + [Text.get("/other")] { _ = try await gateway.ask(request) }
            let refused = try await gateway.ask(Self.request("/v", from: "198.51.100.7"))
            #expect(refused.status == 403 && refused.text == "this address may not purge\n")
            // Nobody can put an address in front of what the proxy says.
            #expect(try await gateway.ask(Self.request("/v", from: "192.0.2.1, 198.51.100.7")).status == 403)
            for request in languages { #expect(try await gateway.ask(request).cache?.hasPrefix("hit") == true) }
            let purged = try await gateway.ask(Self.request("/%76", from: "192.0.2.1", "Content-Length: 0\r\n"))
            #expect(purged.status == 200 && purged.text == "{\"purged\":2}\n", "\(purged.text)")
            #expect(purged.value("content-type") == "application/json")
            let again = try await gateway.ask(Self.request("/v", from: "192.0.2.1"))
            #expect(again.text == "{\"purged\":0}\n")
            for request in languages { #expect(try await gateway.ask(request).cache?.hasPrefix("fwd") == true) }
            #expect(try await Self.isKept(gateway, "/other"))
            #expect(origin.requests.entries.allSatisfy { $0.method == "GET" })
        }
    }

    @Test("without purge-from PURGE is a method like any other, for the service")
    func ordinary() async throws {
        try await onStage { stage in
            let origin = Origin(Self.kept)
            let gateway = try await stage.cached(origin)
            try await Self.fill(gateway, "/")
            let answer = try await gateway.ask("PURGE / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n")
            #expect(answer.status == 200 && answer.text == "2")
            #expect(origin.requests.entries.map(\.method) == ["GET", "PURGE"])
            // What the service was asked to do may have changed the target.
            #expect(try await !Self.isKept(gateway, "/"))
        }
    }

    @Test("PURGE over a connection that closes before the answer, and many at once, do no harm")
    func manyPurges() async throws {
        try await onStage { stage in
            let gateway = try await stage.cached(
                Origin(Self.kept), keys: #"key: ["{path}"], purge-from: [127.0.0.0/8]"#, more: Self.workers)
            for number in 0..<20 { try await Self.fill(gateway, "/\(number)") }
            for number in 0..<20 {
                let client = try await stage.client(gateway)
                try await client.send("PURGE /\(number) HTTP/1.1\r\nHost: a.example\r\n\r\n")
                if number % 2 == 0 {
                    await client.close()
                } else {
                    #expect(try await client.receiveAnswer().status == 200)
                }
            }
            _ = try await Self.purge(gateway, #"{"all": true}"#)
            #expect(try await gateway.metric("usher_cache_answers{cache=\"pages\"}") == 0)
        }
    }
}
