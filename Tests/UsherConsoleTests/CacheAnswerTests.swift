import FoundationEssentials
import Testing

@testable import UsherConsole

@Suite("Caches in the API", .timeLimit(.minutes(1)))
struct CacheAnswerTests {
    private static let headers = "Authorization: Bearer \(operatorDigits)\r\nContent-Type: application/json\r\n"

    private func purge(_ port: Int, _ body: String, query: String = "") async throws -> Answer {
        try await get(
            port, "/api/v1/purge" + query, "\(Self.headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)",
            method: "POST")
    }

    @Test("caches have the keys of the contract, and no hit ratio before anybody has asked")
    func caches() async throws {
        try await withServer { port in
            let answer = try await get(port, "/api/v1/caches")
            let caches = try #require(try answer.json["caches"] as? [[String: Any]])
            #expect(caches.map { $0["name"] as? String } == ["pages", "unused"])
            for (key, value) in [
                ("answers", 12), ("memory-bytes", 34_567), ("budget-bytes", 1 << 28), ("evictions", 3),
                ("on-their-way", 1),
            ] {
                #expect(caches[0][key] as? Int == value, "\(key)")
            }
            #expect(
                caches[0]["requests"] as? [String: Int] == [
                    "hit": 5, "stale": 1, "stale-if-error": 2, "revalidated": 3, "miss": 4, "collapsed": 1, "pass": 16,
                ])
            // 5, 1 and 1 of 32.
            #expect(caches[0]["hit-ratio"] as? Double == 0.2188)
            #expect(answer.body.contains(#""hit-ratio" : null"#))
            let decoded = try JSONDecoder().decode(CacheList.self, from: Data(answer.body.utf8))
            #expect(decoded.caches == (await ScriptedSource().caches()))
        }
    }

    @Test("a purge says what it took, and is asked for as it was said")
    func purged() async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            for body in [
                #"{"url": "http://a.example/x?y"}"#, #"{"tag": "shoes", "soft": true}"#,
                #"{"prefix": "http://a.example/", "cache": "pages", "soft": false}"#, #"{"all": true}"#,
            ] {
                let answer = try await purge(port, body)
                #expect(answer.status == 200)
                #expect(try answer.json["purged"] as? Int == 3)
                #expect(try answer.json["message"] as? String == "3 answers are purged")
            }
        }
        #expect(
            source.changes == [
                #"purge url("http://a.example/x?y") false all"#, #"purge tag("shoes") true all"#,
                #"purge prefix("http://a.example/") false pages"#, "purge all false all",
            ])
    }

    @Test(
        "whatever else is 400, says what to do, and purges nothing",
        arguments: [
            ("", "the body must be JSON"), ("{", "the body must be JSON"), ("[]", "the body must be JSON"),
            ("{}", "exactly one of"), (#"{"soft": true}"#, "exactly one of"),
            (#"{"url": "http://a/", "tag": "b"}"#, #"here are "url" and "tag""#),
            (#"{"all": true, "prefix": "http://a/"}"#, #"here are "prefix" and "all""#),
            (#"{"all": false}"#, "can only be true"), (#"{"all": "yes"}"#, "must be true or false"),
            (#"{"url": ""}"#, "not empty"), (#"{"url": null}"#, "must be a text"), (#"{"tag": 5}"#, "must be a text"),
            (#"{"tag": ["a"]}"#, "must be a text"), (#"{"tag": "a", "soft": 1}"#, "must be true or false"),
            (#"{"tag": "a", "soft": null}"#, "must be true or false"), (#"{"tag": "a", "cache": ""}"#, "not empty"),
            (#"{"tags": "a"}"#, #"no key "tags""#), (#"{"tag": "a", "Soft": true}"#, #"no key "Soft""#),
            (#"{"url": "/path"}"#, "scheme"),
        ])
    func refused(body: String, advice: String) async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            let answer = try await purge(port, body)
            #expect(answer.status == 400)
            let error = try answer.json["error"] as? String
            #expect(error?.contains(advice) == true, "\(error ?? "")")
        }
        #expect(source.changes.allSatisfy { $0.contains("/path") })
    }

    @Test("a purge of an unknown cache is 404 with those that there are, and a query is no body")
    func unknown() async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            let answer = try await purge(port, #"{"all": true, "cache": "page"}"#)
            #expect(answer.status == 404)
            #expect(try answer.json["error"] as? String == "there is no cache 'page'; there are pages, unused")
            #expect(try await purge(port, #"{"all": true}"#, query: "?soft=true").status == 400)
        }
        #expect(source.changes == ["purge all false page"])
    }

    @Test(
        "a request's body is what a purge is read from",
        arguments: [
            PurgeRequest(.url("http://a/é?b=\"c\"")), PurgeRequest(.tag("a b"), isSoft: true),
            PurgeRequest(.prefix("http://a/"), cache: "pages"), PurgeRequest(.all, isSoft: true, cache: "x"),
        ])
    func round(request: PurgeRequest) throws {
        #expect(try PurgeRequest.read(JSONEncoder().encode(request)) == request)
    }
}
