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
        authorization: String? = nil
    ) -> AdminAccess.Request {
        .init(method: method, path: path, host: host, origin: origin, authorization: authorization)
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

    @Test(
        "nothing but GET and HEAD is taken, not even with the token",
        arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "get", "PROPFIND", ""])
    func methods(method: String) throws {
        let verdict = try access("127.0.0.1").verdict(
            on: request("/livez", method: method, authorization: Self.bearer))
        #expect(verdict == .methodNotAllowed)
        #expect(try access("127.0.0.1").verdict(on: request("/", method: "HEAD")) == .allowed)
    }
}
