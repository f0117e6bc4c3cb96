import Foundation
import Testing
import UsherTestKit

/// What `explain` and `/api/v1/caches` say of caches.
@Suite("Explaining caches", .timeLimit(.minutes(2)))
struct CacheExplainTests {
    /// The phase and the JSON's own fields in one line: `service usher; fwd=uri-miss | a miss; …`.
    private static func told(_ explained: Explained) -> String {
        let phase = explained.phases.first { $0.phase == "cache" }?.decision ?? "none"
        return "\(explained.action) \(explained.cacheStatus ?? "-") | \(phase)"
    }

    @Test("a miss is explained, then a hit with the time for which it is fresh; asking neither fetches nor counts")
    func missAndHit() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=600\r\nETag: \"1\"\r\n")
            let gateway = try await stage.cached(origin)
            for _ in 1...3 {
                let explained = try await gateway.explain()
                let miss = "pages: a miss; the service is asked, and its answer kept if it may be"
                #expect(Self.told(explained) == "service usher; fwd=uri-miss | " + miss)
                #expect(explained.cache == "pages" && explained.replica != nil)
                let names = explained.phases.map(\.phase)
                #expect(names == ["parse", "route", "identify", "limit", "cache", "pick", "pick"], "\(names)")
            }
            #expect(origin.count == 0)
            _ = try await gateway.ask(Text.get())
            for _ in 1...3 {
                let explained = try await gateway.explain("http://A.EXAMPLE:80")
                let told = Self.told(explained)
                #expect(
                    told.hasPrefix("cache usher; hit; ttl=") && told.contains("pages: a hit, fresh for "), "\(told)")
                #expect(explained.status == 200 && explained.replica == nil && explained.endpoints.isEmpty)
            }
            // What is kept for http is not what is kept for https.
            #expect(Self.told(try await gateway.explain("https://a.example/")).contains("uri-miss"))
            #expect(origin.count == 1)
            #expect(try await gateway.metric("usher_cache_requests_total{cache=\"pages\",outcome=\"miss\"}") == 1)
            #expect(try await gateway.metric("usher_cache_requests_total{cache=\"pages\",outcome=\"hit\"}") == nil)
        }
    }

    @Test(
        "what a client says of the cache is explained",
        arguments: [
            ("GET", "Cache-Control: no-cache", "service usher; fwd=request", "does not take"),
            ("GET", "Cache-Control: max-age=0", "service usher; fwd=request", "whether it still holds"),
            ("GET", "Cache-Control: only-if-cached", "cache usher; hit; ttl=", "a hit"),
            ("GET", "Cache-Control: no-store", "cache usher; hit; ttl=", "a hit"),
            ("GET", "If-Match: \"1\"", "service usher; fwd=bypass", "If-Match"),
            ("GET", "Range: bytes=0-0", "cache usher; hit; ttl=", "a hit"),
            ("GET", "Content-Length: 2", "service usher; fwd=bypass", "body"),
            ("GET", "Upgrade: websocket|Connection: upgrade", "service usher; fwd=bypass", "protocol"),
            ("HEAD", "A: b", "cache usher; hit; ttl=", "a hit"),
            ("POST", "A: b", "service usher; fwd=method", "GET and HEAD"),
            ("PURGE", "A: b", "respond -", "PURGE takes"),
        ])
    func client(method: String, fields: String, start: String, why: String) async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=600\r\nETag: \"1\"\r\n")
            let gateway = try await stage.cached(origin, keys: "purge-from: [127.0.0.1]")
            _ = try await gateway.ask(Text.get())
            let told = Self.told(
                try await gateway.explain(
                    "http://a.example/", fields.split(separator: "|").map(String.init), method: method))
            #expect(told.hasPrefix(start) && told.contains(why), "\(told)")
        }
    }

    @Test("stale answers, variants, fetches on their way and what could not be kept are told apart")
    func states() async throws {
        try await onStage { stage in
            let origin = Origin { request, number in
                let fields =
                    switch request.target {
                    case "/swr": "Cache-Control: max-age=0, stale-while-revalidate=60\r\n"
                    case "/stale": "Cache-Control: max-age=0\r\nETag: \"1\"\r\n"
                    case "/error": "Cache-Control: max-age=0, stale-if-error=60\r\nETag: \"1\"\r\n"
                    case "/each": "Cache-Control: max-age=60, no-cache\r\nETag: \"1\"\r\n"
                    case "/vary": "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n"
                    case "/private": "Cache-Control: private\r\n"
                    default: "Cache-Control: max-age=60\r\n"
                    }
                return Text.answer("\(number)", fields)
            }
            let gateway = try await stage.cached(origin, keys: "purge-from: [192.0.2.1]")
            let targets = ["/swr", "/stale", "/error", "/each", "/vary", "/private"]
            for target in targets { _ = try await gateway.ask(Text.get(target, "Accept-Language: de\r\n")) }
            let count = origin.count
            for (target, start, why) in [
                ("/swr", "cache usher; hit; ttl=", "behind the client's back"),
                ("/stale", "service usher; fwd=stale", "whether it still holds"),
                ("/error", "service usher; fwd=stale", "stands in when that fails"),
                ("/each", "service usher; fwd=stale", "validated each time"),
                ("/vary", "service usher; fwd=vary-miss", "Vary"),
                ("/private", "service usher; fwd=uri-miss", "could not be kept"),
            ] {
                let told = Self.told(try await gateway.explain("http://a.example" + target))
                #expect(told.hasPrefix(start) && told.contains(why), "\(target): \(told)")
            }
            let variant = try await gateway.explain("http://a.example/vary", ["Accept-Language: de"])
            #expect(variant.action == "cache")
            let alone = try await gateway.explain("http://a.example/none", ["Cache-Control: only-if-cached"])
            #expect(alone.action == "refuse" && alone.status == 504 && alone.cacheStatus == "usher; fwd=uri-miss")
            let purge = try await gateway.explain("http://a.example/swr", method: "PURGE")
            #expect(purge.action == "refuse" && purge.status == 403)
            #expect(origin.count == count)
        }
    }

    @Test("when no replica is ready, a stale answer that may stand in is what a client gets, and what is explained")
    func standIn() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(
                answering: Text.answer("old", "Cache-Control: max-age=0, stale-if-error=600\r\n"))
            let gateway = try await stage.gateway(
                """
                caches: { pages: { memory: 16MiB, object-limit: 1MiB } }
                services: { web: { replicas: \(list(upstream)) } }
                routes: [{ service: web, cache: pages }]
                """)
            _ = try await gateway.ask(Text.get())
            try await gateway.drain(upstream)
            let explained = try await gateway.explain()
            #expect(explained.action == "cache" && explained.status == 200 && explained.why.contains("stands in"))
            #expect(try await gateway.ask(Text.get()).text == "old")
            let other = try await gateway.explain("http://a.example/other")
            #expect(other.action == "refuse" && other.status == 503)
        }
    }

    private struct List: Decodable {
        struct Cache: Decodable {
            var name: String
            var answers: Int
            var memory: Int
            var budget: Int
            var onTheirWay: Int
            var ratio: Double?
            var requests: [String: Int]

            enum CodingKeys: String, CodingKey {
                case name, answers, requests
                case memory = "memory-bytes"
                case budget = "budget-bytes"
                case onTheirWay = "on-their-way"
                case ratio = "hit-ratio"
            }
        }

        var caches: [Cache]
    }

    private static func report(_ gateway: RunningGateway) async throws -> List.Cache {
        let answer = try await gateway.admin("/api/v1/caches")
        return try JSONDecoder().decode(List.self, from: Data(answer.text.utf8)).caches[0]
    }

    @Test("what caches hold and did is the same in the API and on /metrics")
    func report() async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { _, number in
                Text.answer("\(number)", "Cache-Control: max-age=600\r\nVary: Accept-Language\r\n")
            }
            let gateway = try await stage.cached(origin, more: "workers: 2")
            let first = try await Self.report(gateway)
            #expect(first.name == "pages" && first.answers == 0 && first.ratio == nil && first.budget == 16 << 20)
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            try await origin.requests.wait(for: 1)
            #expect(try await Self.report(gateway).onTheirWay == 1)
            origin.letGo()
            _ = try await client.receiveAnswer()
            for _ in 1...3 { _ = try await gateway.ask(Text.get()) }
            _ = try await gateway.ask(Text.post(body: "x"))
            _ = try await gateway.ask(Text.get())
            let last = try await Self.report(gateway)
            #expect(last.answers == 1 && last.onTheirWay == 0 && last.memory > 0)
            #expect(
                last.requests == [
                    "hit": 3, "stale": 0, "stale-if-error": 0, "revalidated": 0, "miss": 2, "collapsed": 0, "pass": 1,
                ])
            #expect(last.ratio == 0.5)
            #expect(try await gateway.metric("usher_cache_answers{cache=\"pages\"}") == 1)
            #expect(try await gateway.metric("usher_cache_memory_bytes{cache=\"pages\"}") == Double(last.memory))
            #expect(try await gateway.metric("usher_cache_evictions_total{cache=\"pages\"}") == 0)
        }
    }
}
