import Logging
import ServiceLifecycle
import Testing
import UsherCore
import UsherTelemetry

@testable import UsherConsole

@Suite(.timeLimit(.minutes(1))) struct AdminServerTests {
    @Test("every path answers with its status, type and text")
    func paths() async throws {
        try await withServer { port in
            let live = try await get(port, "/livez")
            #expect(live.status == 200 && live.body == "ok\n")
            #expect(try await get(port, "/readyz").body == "ok\n")
            let metrics = try await get(port, "/metrics")
            #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(metrics.body.hasSuffix("x 1\n"))
            #expect(try await get(port, "/api/v1/config").body == "{\"workers\":2}\n")
            let page = try await get(port, "/")
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.headers["content-security-policy"]?.contains("default-src 'none'") == true)
            #expect(page.headers["cache-control"] == "no-store")
            #expect(page.headers["x-content-type-options"] == "nosniff")
            #expect(!page.body.contains("http://") && !page.body.contains("https://"))
            let missing = try await get(port, "/api/v1/nothing")
            #expect(missing.status == 404)
            #expect(try missing.json["error"] as? String == "there is nothing at /api/v1/nothing")
        }
    }

    @Test("services and endpoints have the keys of the contract")
    func services() async throws {
        try await withServer { port in
            let list = try await get(port, "/api/v1/services").json
            let service = try #require((list["services"] as? [[String: Any]])?.first)
            #expect(service["name"] as? String == "web shop")
            #expect(service["pattern"] as? String == "replicated")
            #expect(service["balance"] as? String == "least-requests")
            #expect(service["retries"] as? Int == 7)
            #expect(service["sessions-moved"] as? Int == 12)
            let discovery = try #require(service["discovery"] as? [String: Any])
            #expect(discovery["name"] as? String == "web.internal:80")
            #expect(discovery["age-seconds"] as? Int == 4)
            #expect(discovery["count"] as? Int == 1)
            #expect(discovery["error"] as? String == "no such name")
            let answer = try await get(port, "/api/v1/services/web%20shop/endpoints")
            #expect(answer.headers["content-type"] == "application/json")
            let endpoint = try #require((try answer.json["endpoints"] as? [[String: Any]])?.first)
            #expect(endpoint["address"] as? String == "127.0.0.1:9001")
            #expect(endpoint["ready"] as? Bool == true)
            #expect(endpoint["since"] as? String == "2026-11-22T10:00:00Z")
            #expect(endpoint["state"] as? String == "paused")
            #expect(endpoint["until"] as? String == "2026-11-22T10:00:05Z")
            #expect(endpoint["tunnels"] as? Int == 2)
            #expect(endpoint["in-flight"] as? Int == 3)
            #expect(endpoint["weight"] as? Int == 2)
            #expect(endpoint["backup"] as? Bool == false)
            #expect(endpoint["pid"] as? Int == 4711)
            let latency = try #require(endpoint["latency-ms"] as? [String: Double])
            #expect(try #require(latency["p50"]) > 1)
            #expect(try #require(latency["p99"]) <= 2.5)
            #expect(try await get(port, "/api/v1/services/web%20shop").json["name"] as? String == "web shop")
            #expect(try await get(port, "/api/v1/services/none").status == 404)
            #expect(try await get(port, "/api/v1/services/none/endpoints").status == 404)
            #expect(try await get(port, "/api/v1/services/web%20shop/x").status == 404)
            #expect(try await get(port, "/api/v1/services/%zz/endpoints").status == 404)
        }
    }

    @Test("events stand where one service is asked for, newest last, and not in the list")
    func events() async throws {
        try await withServer { port in
            let list = try await get(port, "/api/v1/services").json
            let listed = try #require((list["services"] as? [[String: Any]])?.first?["endpoints"] as? [[String: Any]])
            #expect(listed.first?["events"] == nil)
            for path in ["/api/v1/services/web%20shop", "/api/v1/services/web%20shop/endpoints"] {
                let endpoints = try #require(try await get(port, path).json["endpoints"] as? [[String: Any]])
                let events = try #require(endpoints.first?["events"] as? [[String: String]])
                #expect(
                    events == [
                        ["at": "2026-11-22T09:59:59.007Z", "state": "ready", "reason": "2 checks passed"],
                        ["at": "2026-11-22T10:00:00.000Z", "state": "paused", "reason": "asked for 5 s of rest"],
                    ])
            }
        }
    }

    @Test("certificates are listed with what is wrong with them")
    func certificates() async throws {
        try await withServer { port in
            let list = try await get(port, "/api/v1/certificates").json
            let first = try #require((list["certificates"] as? [[String: Any]])?.first)
            #expect(first["used-by"] as? String == "listener 127.0.0.1:443")
            #expect(first["state"] as? String == "unusable")
            #expect(first["problem"] as? String == "no <b>such</b> file")
            #expect(first["certificate"] == nil)
        }
    }

    @Test("explain hands over method, URL and headers, and says what is wrong with them")
    func explain() async throws {
        try await withServer { port in
            let target = "/api/v1/explain?method=POST&url=http%3A%2F%2Fh%2Fa%3Fb%3D1&header=X-A:%201&header=X-B%3A2"
            let answer = try await get(port, target).json
            #expect(answer["method"] as? String == "POST")
            #expect(answer["url"] as? String == "http://h/a?b=1")
            #expect(answer["why"] as? String == "X-A=1,X-B=2")
            #expect(answer["action"] as? String == "service")
            #expect(answer["session"] as? String == "cookie SID")
            let endpoints = try #require(answer["endpoints"] as? [[String: String]])
            #expect(endpoints.map { $0["verdict"] } == ["chosen", "not chosen", "out"])
            #expect(endpoints.first?["why"] == "its turn")
            for query in ["", "?url=", "?method=GET", "?url=%zz", "?url=x&header=none", "?url=x&header=:v"] {
                #expect(try await get(port, "/api/v1/explain" + query).status == 400, "\(query)")
            }
        }
    }

    @Test("readiness is 503 with the reason while nothing is ready")
    func notReady() async throws {
        try await withServer(source: ScriptedSource(ready: false)) { port in
            let answer = try await get(port, "/readyz", "Host: probe.example\r\n")
            #expect(answer.status == 503)
            #expect(answer.body == "web: no replica is ready\n")
            #expect(try await get(port, "/livez").status == 200)
        }
    }

    @Test("HEAD has no body, other methods are refused, also when they bring one")
    func methods() async throws {
        try await withServer { port in
            let head = try await get(port, "/metrics", method: "HEAD")
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.headers["content-length"] == "30")
            let post = try await get(port, "/api/v1/services", "Content-Length: 4\r\n\r\nbody", method: "POST")
            #expect(post.status == 405)
            #expect(post.headers["allow"] == "GET, HEAD")
        }
    }

    @Test("foreign names and pages are refused with a hint")
    func guarded() async throws {
        try await withServer { port in
            let rebound = try await get(port, "/api/v1/services", "Host: evil.example\r\n")
            #expect(rebound.status == 403)
            #expect(try (rebound.json["error"] as? String)?.contains("127.0.0.1") == true)
            let foreign = try await get(port, "/api/v1/services", "Origin: http://evil.example\r\n")
            #expect(foreign.status == 403)
            let own = try await get(port, "/api/v1/services", "Origin: http://127.0.0.1:\(port)\r\n")
            #expect(own.status == 200)
            #expect(own.headers["access-control-allow-origin"] == nil)
        }
    }

    @Test("on other addresses the token is needed")
    func token() async throws {
        try await withServer("0.0.0.0", metricsOpen: true) { port in
            let refused = try await get(port, "/api/v1/services")
            #expect(refused.status == 401)
            #expect(refused.headers["www-authenticate"] == "Bearer realm=\"usher\"")
            let bearer = "Authorization: Bearer \(operatorDigits)\r\n"
            #expect(try await get(port, "/api/v1/services", bearer).status == 200)
            #expect(try await get(port, "/livez").status == 200)
            #expect(try await get(port, "/metrics").status == 200)
        }
    }

    @Test("a shutdown ends the server although a connection is idle")
    func shutdown() async throws {
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = AdminServer(
            address: .ip(IPAddress(v4: 0x7F00_0001), port: 0), source: ScriptedSource(),
            token: try #require(AdminToken(text: operatorDigits)), logger: logger, onBound: { bound.yield($0) })
        let services = ServiceGroup(services: [server], logger: logger)
        async let running: Void = services.run()
        for await port in ports {
            let request = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            let answer = try await ask(port, request, halfClose: false) {
                Task { await services.triggerGracefulShutdown() }
            }
            #expect(answer.status == 200)
            break
        }
        try await running
    }

    @Test("an address in use is one line that says what to do")
    func addressInUse() async throws {
        try await withServer { port in
            let token = try #require(AdminToken(text: operatorDigits))
            let second = AdminServer(
                address: .ip(IPAddress(v4: 0x7F00_0001), port: port), source: ScriptedSource(), token: token,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let error = await #expect(throws: AdminServerError.self) { try await second.run() }
            #expect(
                try #require(error).description == "cannot listen on the admin address 127.0.0.1:\(port): "
                    + "another process has that address; stop it or set admin to another one")
        }
    }

    @Test("malformed and oversized requests end with a status or a closed connection, and the server lives")
    func hostile() async throws {
        try await withServer { port in
            for text in [
                "GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "\0\0\0\0\r\n\r\n",
                "GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 5000) + "\r\n",
                "GET * HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            ] {
                let answer = try await ask(port, text, mayBeEmpty: true)
                #expect(answer.status != 200, "\(text.prefix(40))")
            }
            #expect(try await get(port, "/livez").status == 200)
        }
    }
}
