import Testing
import UsherCore

@testable import UsherGateway

/// The meaning of a pattern, spelt out route by route: what the indexed router must agree with.
enum LinearRouter {
    struct Request: Sendable, CustomStringConvertible {
        var host: String
        var path: String
        var method = "GET"
        var headers: [(name: String, value: String)] = []

        var input: RouterInput { RouterInput(host: host, path: path, method: method, headers: headers) }
        var description: String { "\(method) \(host)\(path) \(headers.map { "\($0.name)=\($0.value)" })" }
    }

    static func match(_ patterns: [RoutePattern], _ request: Request) -> Int? {
        patterns.firstIndex { matches($0, request) }
    }

    private static func matches(_ pattern: RoutePattern, _ request: Request) -> Bool {
        let host = normalised(request.host)
        let hostFits =
            switch pattern.host {
            case .any: true
            case .exact(let name): host == normalised(name)
            case .suffix(let name): host.hasSuffix("." + normalised(name)) && host.count > normalised(name).count + 1
            }
        let pathFits =
            switch pattern.path {
            case .any: true
            case .exact(let path): request.path == path
            case .prefix(let path): request.path == path || request.path.hasPrefix(path + "/")
            }
        return hostFits && pathFits && (pattern.methods.isEmpty || pattern.methods.contains(request.method))
            && pattern.headers.allSatisfy { wanted in
                request.headers.contains {
                    $0.name.lowercased() == wanted.name.lowercased() && $0.value == wanted.value
                }
            }
    }

    private static func normalised(_ host: String) -> String {
        let host = host.lowercased()
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }
}

@Suite struct RoutingTests {
    private static let table: [RoutePattern] = [
        RoutePattern(host: .init(text: "api.example.com"), path: .init(text: "/v1/*"), methods: ["GET", "POST"]),
        RoutePattern(host: .init(text: "*.example.com"), path: .init(text: "/v1/users")),
        RoutePattern(host: .init(text: "*.b.example.com")),
        RoutePattern(path: .init(text: "/v1/*"), headers: [.init(name: "X-Beta", value: "1")]),
        RoutePattern(path: .init(text: "/v1/deep/*")),
        RoutePattern(path: .init(text: "/healthz")),
        RoutePattern(host: .init(text: "Example.COM."), path: .init(text: "/*")),
        RoutePattern(host: .init(text: "[::1]"), path: .init(text: "*")),
        RoutePattern(path: .init(text: "/"), methods: ["OPTIONS"]),
    ]

    @Test(
        "the first route whose every condition fits is taken",
        arguments: [
            ("api.example.com", "/v1", "GET", "", 0),
            ("api.example.com", "/v1/", "POST", "", 0),
            ("API.Example.com", "/v1/users", "GET", "", 0),
            ("api.example.com.", "/v1/x", "GET", "", 0),
            ("api.example.com", "/v1x", "GET", "", nil),
            ("api.example.com", "/v", "GET", "", nil),
            ("api.example.com", "/V1/x", "GET", "", nil),  // letter case of a path matters
            ("api.example.com", "/v1/users", "PUT", "", 1),  // the wrong method falls through
            ("api.example.com", "/v1/x", "get", "", nil),  // letter case of a method matters
            ("x.y.example.com", "/v1/users", "GET", "", 1),
            ("x.y.example.com", "/v1/users/", "GET", "", nil),  // exact is exact
            ("example.com", "/v1/users", "GET", "", 6),  // the suffix itself is not below it
            ("a.b.example.com", "/v1/users", "GET", "", 1),
            ("a.b.example.com", "/anything", "GET", "", 2),
            ("b.example.com", "/anything", "GET", "", nil),
            ("xb.example.com", "/anything", "GET", "", nil),
            ("other.org", "/v1/x", "GET", "1", 3),
            ("other.org", "/v1/x", "GET", "2", nil),
            ("other.org", "/v1/deep/x", "GET", "1", 3),  // the file's order, not the longest prefix
            ("other.org", "/v1/deep/x", "GET", "", 4),
            ("other.org", "/healthz", "GET", "", 5),
            ("other.org", "/healthz/", "GET", "", nil),
            ("example.com", "/", "GET", "", 6),
            ("example.com", "*", "OPTIONS", "", nil),  // `*` is not below `/`
            ("[::1]", "*", "OPTIONS", "", 7),
            ("", "/", "OPTIONS", "", 8),
            ("", "/", "GET", "", nil),
        ] as [(String, String, String, String, Int?)])
    func firstMatch(host: String, path: String, method: String, beta: String, expected: Int?) {
        let router = Router(Self.table, seed: 1)
        let headers = beta.isEmpty ? [] : [(name: "x-beta", value: beta)]
        let request = LinearRouter.Request(host: host, path: path, method: method, headers: headers)
        #expect(router.match(request.input) == expected)
        #expect(LinearRouter.match(Self.table, request) == expected)
    }

    @Test("without routes nothing matches")
    func empty() {
        let router = Router([], seed: 1)
        #expect(router.match(RouterInput(host: "a", path: "/")) == nil)
        #expect(router.match(RouterInput(host: "", path: "")) == nil)
    }

    @Test("a route without conditions takes everything that comes to it", arguments: ["/", "/a/b", "*", ""])
    func catchAll(path: String) {
        let router = Router([RoutePattern(path: .exact("/only")), RoutePattern()], seed: 1)
        #expect(router.match(RouterInput(host: "anything", path: path)) == 1)
        #expect(router.match(RouterInput(host: "anything", path: "/only")) == 0)
    }

    @Test("every header that is named must be there")
    func allHeaders() {
        let pattern = RoutePattern(headers: [.init(name: "A", value: "1"), .init(name: "B", value: "x y")])
        let router = Router([pattern], seed: 1)
        #expect(router.match(RouterInput(host: "", path: "/", headers: [("a", "1"), ("b", "x y")])) == 0)
        #expect(router.match(RouterInput(host: "", path: "/", headers: [("a", "1")])) == nil)
        #expect(router.match(RouterInput(host: "", path: "/", headers: [("a", "1"), ("b", "X y")])) == nil)
    }

    @Test(
        "the spelling of the configuration is read",
        arguments: [
            ("*", "*", RoutePattern()),
            ("a.org", "/a", RoutePattern(host: .exact("a.org"), path: .exact("/a"))),
            ("*.a.org", "/a/*", RoutePattern(host: .suffix("a.org"), path: .prefix("/a"))),
            ("*a.org", "/*", RoutePattern(host: .exact("*a.org"), path: .prefix(""))),
            ("a.org", "/a*", RoutePattern(host: .exact("a.org"), path: .exact("/a*"))),
        ])
    func spelling(host: String, path: String, expected: RoutePattern) {
        #expect(RoutePattern(host: .init(text: host), path: .init(text: path)) == expected)
    }
}
