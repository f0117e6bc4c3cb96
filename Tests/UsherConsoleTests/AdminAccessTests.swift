import Testing
import UsherCore

@testable import UsherConsole

@Suite struct AdminAccessTests {
    private static let digits = String(repeating: "0123456789abcdef", count: 4)
    private static let bearer = "Bearer \(digits)"

    private func access(_ address: String, metricsOpen: Bool = false) throws -> AdminAccess {
        let token = try #require(AdminToken(text: Self.digits))
        let place: AdminAddress =
            address.hasPrefix("/") ? .unix(path: address) : .ip(try #require(IPAddress(text: address)), port: 9900)
        return AdminAccess(address: place, token: token, metricsOpen: metricsOpen, machineName: "Gate-1")
    }

    private func request(
        _ path: String, method: String = "GET", host: String? = "127.0.0.1:9900", origin: String? = nil,
        authorization: String? = nil, contentType: String? = nil, hasBody: Bool = false
    ) -> AdminAccess.Request {
        .init(
            method: method, route: ConsoleRoute(path: path), host: host, origin: origin, authorization: authorization,
            contentType: contentType, hasBody: hasBody)
    }

    @Test(
        "reading is free on loopback",
        arguments: ["/", "/livez", "/readyz", "/metrics", "/api/v1/services", "/api/v1/config", "/nothing"])
    func loopback(path: String) throws {
        for address in ["127.0.0.1", "::1", "127.5.5.5", "/run/usher.sock"] {
            #expect(try access(address).verdict(on: request(path)) == .allowed)
        }
    }

    @Test("elsewhere the token opens what liveness and readiness do not need")
    func elsewhere() throws {
        for address in ["0.0.0.0", "::", "192.0.2.1"] {
            let access = try access(address)
            let host = address == "192.0.2.1" ? "192.0.2.1:9900" : "127.0.0.1:9900"
            for path in ["/livez", "/readyz"] {
                #expect(access.verdict(on: request(path, host: "any.example")) == .allowed)
            }
            for path in ["/", "/metrics", "/api/v1/services", "/nothing"] {
                #expect(access.verdict(on: request(path, host: host)) == .tokenNeeded)
                #expect(access.verdict(on: request(path, host: host, authorization: Self.bearer)) == .allowed)
            }
        }
    }

    @Test("open metrics need no token, and open nothing else")
    func openMetrics() throws {
        let access = try access("0.0.0.0", metricsOpen: true)
        #expect(access.verdict(on: request("/metrics", host: "usher.internal:9900")) == .allowed)
        #expect(access.verdict(on: request("/metrics/")) == .tokenNeeded)
        #expect(access.verdict(on: request("/api/v1/services")) == .tokenNeeded)
    }

    @Test(
        "only Bearer and the whole token are right",
        arguments: [
            ("Bearer \(digits)", true), ("bearer \(digits)", true), ("BEARER \(digits)", true),
            ("Basic \(digits)", false), (digits, false), ("Bearer", false), ("Bearer ", false), ("", false),
            ("Bearer \(digits.dropLast())", false), ("Bearer \(digits)0", false),
            ("Bearer 1\(digits.dropFirst())", false),
            ("Bearer \(digits.dropLast())e", false), ("Bearer \(digits) ", false),
            ("Bearer \(String(repeating: "é", count: 32))", false),
        ])
    func tokens(authorization: String, right: Bool) throws {
        let verdict = try access("0.0.0.0").verdict(on: request("/metrics", authorization: authorization))
        #expect(verdict == (right ? .allowed : .tokenNeeded))
    }

    @Test(
        "a Host that is not this machine's is refused, token or not",
        arguments: [
            ("127.0.0.1", "localhost", true), ("127.0.0.1", "LOCALHOST:1234", true), ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "[::1]:9900", true), ("127.0.0.1", "[::1]", true), ("127.0.0.1", "127.9.9.9:80", true),
            ("127.0.0.1", "evil.example", false), ("127.0.0.1", "evil.example:9900", false),
            ("127.0.0.1", "localhost.evil.example", false), ("127.0.0.1", "127.0.0.1.evil.example", false),
            ("127.0.0.1", "192.0.2.1", false), ("127.0.0.1", "", false), ("127.0.0.1", ":9900", false),
            ("127.0.0.1", "localhost:evil", false), ("127.0.0.1", "[::1]evil", false), ("127.0.0.1", "[::1", false),
            ("127.0.0.1", "gate-1", false), ("192.0.2.1", "192.0.2.1:9900", true), ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "localhost", true), ("0.0.0.0", "192.0.2.9:9900", true), ("0.0.0.0", "gate-1:9900", true),
            ("0.0.0.0", "GATE-1", true), ("0.0.0.0", "gate-2", false), ("::", "[2001:db8::1]:9900", true),
        ])
    func hosts(address: String, host: String, known: Bool) throws {
        let verdict = try access(address).verdict(
            on: request("/api/v1/services", host: host, authorization: Self.bearer))
        #expect(verdict == (known ? .allowed : .unknownHost(host)))
    }

    @Test("a request without Host is refused, except for liveness and readiness")
    func noHost() throws {
        #expect(try access("127.0.0.1").verdict(on: request("/metrics", host: nil)) == .unknownHost(""))
        #expect(try access("127.0.0.1").verdict(on: request("/livez", host: nil)) == .allowed)
    }

    @Test(
        "only its own pages may read from a browser",
        arguments: [
            ("http://127.0.0.1:9900", true), ("http://evil.example", false), ("null", false), ("", false),
            ("http://127.0.0.1:9901", false), ("http://localhost:9900", false), ("https://127.0.0.1:9900", false),
            ("http://127.0.0.1:9900.evil.example", false),
        ])
    func origins(origin: String, own: Bool) throws {
        let verdict = try access("127.0.0.1").verdict(on: request("/api/v1/services", origin: origin))
        #expect(verdict == (own ? .allowed : .foreignOrigin(origin)))
    }

    private static let changes = [
        "/api/v1/reload", "/api/v1/services/web/drain", "/api/v1/services/web/undrain", "/api/v1/purge",
    ]

    @Test(
        "what is read takes nothing but GET and HEAD, not even with the token",
        arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "get", "PROPFIND", ""])
    func readingMethods(method: String) throws {
        for path in ["/livez", "/", "/api/v1/services", "/api/v1/services/web", "/nothing"] {
            let verdict = try access("127.0.0.1").verdict(
                on: request(path, method: method, authorization: Self.bearer))
            #expect(verdict == .methodNotAllowed(allowed: "GET, HEAD"))
        }
        #expect(try access("127.0.0.1").verdict(on: request("/", method: "HEAD")) == .allowed)
    }

    @Test(
        "what changes something takes nothing but POST, not even with the token",
        arguments: ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "post", ""])
    func changingMethods(method: String) throws {
        for path in Self.changes {
            let verdict = try access("127.0.0.1").verdict(
                on: request(path, method: method, authorization: Self.bearer))
            #expect(verdict == .methodNotAllowed(allowed: "POST"))
        }
    }

    @Test("a change needs the token everywhere, also on loopback and with open metrics", arguments: changes)
    func changesNeedToken(path: String) throws {
        for address in ["127.0.0.1", "::1", "/run/usher.sock", "0.0.0.0"] {
            let access = try access(address, metricsOpen: true)
            #expect(access.verdict(on: request(path, method: "POST")) == .tokenNeeded)
            let wrong = request(path, method: "POST", authorization: "Bearer \(Self.digits.dropLast())0")
            #expect(access.verdict(on: wrong) == .tokenNeeded)
            let right = request(path, method: "POST", authorization: Self.bearer)
            #expect(access.verdict(on: right) == .allowed)
        }
    }

    @Test("a change with the token is refused for a foreign Host or page", arguments: changes)
    func changesFromElsewhere(path: String) throws {
        let access = try access("127.0.0.1")
        let rebound = request(path, method: "POST", host: "evil.example", authorization: Self.bearer)
        #expect(access.verdict(on: rebound) == .unknownHost("evil.example"))
        for origin in ["http://evil.example", "null", "https://127.0.0.1:9900"] {
            let foreign = request(path, method: "POST", origin: origin, authorization: Self.bearer)
            #expect(access.verdict(on: foreign) == .foreignOrigin(origin))
        }
        let own = request(path, method: "POST", origin: "http://127.0.0.1:9900", authorization: Self.bearer)
        #expect(access.verdict(on: own) == .allowed)
    }

    @Test(
        "a body is taken as JSON only",
        arguments: [
            ("application/json", true), ("Application/JSON", true), ("application/json; charset=utf-8", true),
            ("application/json ;charset=utf-8", true), (nil, false), ("", false), ("text/plain", false),
            ("application/x-www-form-urlencoded", false), ("application/jsonp", false),
            ("text/plain; application/json", false), (" application/json", false),
        ])
    func bodyTypes(contentType: String?, taken: Bool) throws {
        let access = try access("127.0.0.1")
        for path in Self.changes {
            let verdict = access.verdict(
                on: request(
                    path, method: "POST", authorization: Self.bearer, contentType: contentType, hasBody: true))
            #expect(verdict == (taken ? .allowed : .notJSON))
            let bodiless = request(path, method: "POST", authorization: Self.bearer, contentType: contentType)
            #expect(access.verdict(on: bodiless) == .allowed)
        }
    }
}
