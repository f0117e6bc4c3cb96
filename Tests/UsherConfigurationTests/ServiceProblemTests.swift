import Testing
import UsherConfiguration

/// What wrong sessions, health rules, names and PROXY listeners are answered with.
@Suite struct ServiceProblemTests {
    /// Problems without `u.yaml:` and the place, of a service `a` with one key.
    private func problems(_ key: String, _ value: String) -> [String] {
        let replicas = key == "replicas" ? "" : "replicas: [a:1], "
        return problems(ofFile: "services: { a: { \(replicas)\(key): \(value) } }")
    }

    private func problems(ofFile text: String) -> [String] {
        do {
            _ = try ConfigurationReader.read(text: text, file: "u.yaml", environment: [:])
            return []
        } catch {
            return error.problems.map { "\($0.keyPath): \($0.message)" }
        }
    }

    private static let unfollowed =
        "cannot be followed; write one place with a cookie or header, such as "
        + "{cookie.SID} or {header.x-session}"
    private static let constant =
        "is the same for every request, so one replica would get them all; add something "
        + "like {header.x-user}"

    @Test(
        "a session that cannot work is refused",
        arguments: [
            ("{}", ["session: needs one of the keys 'cookie', 'hash' and 'follow'"]),
            ("{ ttl: 1h }", ["session: needs one of the keys 'cookie', 'hash' and 'follow'"]),
            ("none", ["session: must be a mapping, such as { cookie: usher-session }, not a single value"]),
            ("{ cokie: a, ttl: 1h }", ["session.cokie: unknown key (did you mean 'cookie'?)"]),
            (
                "{ cookie: a, hash: [path] }",
                ["session: has both 'cookie' and 'hash'; a session is recognised in one way"]
            ),
            (
                "{ hash: [path], ttl: 1h }",
                ["session.ttl: has no effect beside 'hash'; it belongs to 'cookie'"]
            ),
            (
                "{ follow: \"{cookie.a}\", at-most: 125% }",
                ["session.at-most: has no effect beside 'follow'; it belongs to 'hash'"]
            ),
            ("{ cookie: \"a b\" }", ["session.cookie: 'a b' cannot be a cookie's name"]),
            ("{ cookie: \"\" }", ["session.cookie: '' cannot be a cookie's name"]),
            ("{ cookie: sitzung-ä }", ["session.cookie: 'sitzung-ä' cannot be a cookie's name"]),
            (
                "{ cookie: \(String(repeating: "a", count: 129)) }", ["session.cookie: is longer than 128 bytes"]
            ),
            ("{ cookie: a, ttl: 59s }", ["session.ttl: 59s is out of range: 1m to 400d"]),
            ("{ cookie: a, ttl: 401d }", ["session.ttl: 401d is out of range: 1m to 400d"]),
            ("{ cookie: a, ttl: 60 }", ["session.ttl: needs a unit: 250ms, 2s, 5m, 1h, 30d"]),
            ("{ hash: [] }", ["session.hash: must not be empty"]),
            (
                "{ hash: source-address }",
                [
                    "session.hash: must be a list, such as [source-address, destination-address], not a single value"
                ]
            ),
            (
                "{ hash: [source-adress, \"{body.sub}\"] }",
                [
                    "session.hash[0]: unknown variable '{source-adress}' (did you mean '{source-address}'?)",
                    "session.hash[1]: {body.sub} is read for the key of a sharded service alone, not here",
                ]
            ),
            ("{ hash: [service, \"{{\"] }", ["session.hash: \(constant)"]),
            (
                "{ hash: [\(Array(repeating: "path", count: 17).joined(separator: ", "))] }",
                ["session.hash: has more than 16 elements"]
            ),
            ("{ hash: [path], at-most: 100% }", ["session.at-most: 100% is out of range: above 100%, at most 1000%"]),
            ("{ hash: [path], at-most: 1001% }", ["session.at-most: 1001% is out of range: 0% to 1000%"]),
            ("{ follow: cookie.SID }", ["session.follow: 'cookie.SID' \(unfollowed)"]),
            ("{ follow: \"{query.sid}\" }", ["session.follow: '{query.sid}' \(unfollowed)"]),
            ("{ follow: \"{cookie.a}{cookie.b}\" }", ["session.follow: '{cookie.a}{cookie.b}' \(unfollowed)"]),
            ("{ follow: \"{cookie.a|path}\" }", ["session.follow: '{cookie.a|path}' \(unfollowed)"]),
            ("{ follow: [\"{cookie.a}\"] }", ["session.follow: must be a single value, not a list"]),
        ] as [(String, [String])])
    func sessions(value: String, expected: [String]) {
        #expect(problems("session", value) == expected.map { "services.a." + $0 })
    }

    @Test(
        "a name that cannot be looked up is refused with the right form",
        arguments: [
            ("{}", [": needs one of the keys 'run' and 'dns'"]),
            ("{ count: 2 }", [": needs one of the keys 'run' and 'dns'"]),
            ("{ dnss: \"a:1\" }", [".dnss: unknown key (did you mean 'dns'?)"]),
            (
                "{ run: [a, \"{port}\"], dns: \"a:1\" }",
                [": has both 'run' and 'dns'; replicas come from one place"]
            ),
            ("{ dns: \"a:1\", count: 2 }", [".count: has no effect beside 'dns'; it belongs to 'run'"]),
            (
                "{ run: [a, \"{port}\"], every: 5s, server: \"1.1.1.1:53\" }",
                [
                    ".every: has no effect beside 'run'; it belongs to 'dns'",
                    ".server: has no effect beside 'run'; it belongs to 'dns'",
                ]
            ),
            ("{ dns: cart.internal }", [".dns: 'cart.internal' needs a port; write \(names)"]),
            ("{ dns: _http.cart.internal }", [".dns: '_http.cart.internal' needs a port; write \(names)"]),
            ("{ dns: _http._tcp }", [".dns: '_http._tcp' needs a port; write \(names)"]),
            (
                "{ dns: \"_http._tcp.cart.internal:80\" }",
                [".dns: SRV records say the port themselves; write _http._tcp.cart.internal without one"]
            ),
            ("{ dns: 10.0.0.1 }", [".dns: '10.0.0.1' \(address)"]),
            ("{ dns: \"10.0.0.1:80\" }", [".dns: '10.0.0.1:80' \(address)"]),
            ("{ dns: \"::1\" }", [".dns: '::1' \(address)"]),
            ("{ dns: \"[::1]:80\" }", [".dns: '[::1]:80' \(address)"]),
            ("{ dns: \"unix:/a\" }", [".dns: 'unix:/a' is not a name to look up; write \(names)"]),
            ("{ dns: \"a b:1\" }", [".dns: 'a b' is not a name to look up; write \(names)"]),
            ("{ dns: \"cart..internal:1\" }", [".dns: 'cart..internal' is not a name to look up; write \(names)"]),
            ("{ dns: \".:1\" }", [".dns: '.' is not a name to look up; write \(names)"]),
            ("{ dns: \":1\" }", [".dns: '' is not a name to look up; write \(names)"]),
            ("{ dns: \"a:0\" }", [".dns: the port of 'a:0' must be a number from 1 to 65535"]),
            ("{ dns: \"a:http\" }", [".dns: the port of 'a:http' must be a number from 1 to 65535"]),
            ("{ dns: \"a:1\", every: 500ms }", [".every: 500ms is out of range: 1s to 1h"]),
            ("{ dns: \"a:1\", server: 10.0.0.2 }", [".server: needs a port: 10.0.0.2:53"]),
            ("{ dns: \"a:1\", server: \"::1\" }", [".server: needs a port: [::1]:53"]),
            (
                "{ dns: \"a:1\", server: \"ns.internal:53\" }",
                [".server: 'ns.internal:53' is not an address with a port, such as 10.0.0.2:53"]
            ),
        ] as [(String, [String])])
    func discovery(value: String, expected: [String]) {
        #expect(problems("replicas", value) == expected.map { "services.a.replicas" + $0 })
    }

    private static let names = "cart.internal:9000, or _http._tcp.cart.internal for SRV records"
    private static let address = "is an address, not a name; write it as replicas: [127.0.0.1:9000]"

    @Test(
        "health rules out of range are refused",
        arguments: [
            (
                "ejection", "{ failures: 0, share: 0%, for: 6m, at-most: 101% }",
                [
                    ".failures: 0 is out of range: 1 to 1000", ".share: 0% is out of range: 1% to 100%",
                    ".for: 6m is out of range: 100ms to 5m", ".at-most: 101% is out of range: 0% to 100%",
                ]
            ),
            (
                "ejection", "off",
                [
                    ": must be a mapping, such as { failures: 5, for: 10s }, or the word none, not a single value"
                ]
            ),
            ("ejection", "{ duration: 5s }", [".duration: unknown key; known here: failures, share, for, at-most"]),
            ("panic", "101%", [": 101% is out of range: 0% to 100%"]),
            ("panic", "50", [": needs a unit: 5%, 12.5%, 100%"]),
            ("slow-start", "61m", [": 61m is out of range: 0s to 1h"]),
        ] as [(String, String, [String])])
    func health(key: String, value: String, expected: [String]) {
        #expect(problems(key, value) == expected.map { "services.a.\(key)" + $0 })
    }

    @Test(
        "a PROXY listener on which nobody could connect is refused",
        arguments: [
            (
                "address: 1, proxy-protocol: true",
                "nobody could connect; name the peers that send the header in trusted-proxies"
            ),
            (
                "address: 1, proxy-protocol: true, trusted-proxies: []",
                "nobody could connect; name the peers that send the header in trusted-proxies"
            ),
            (
                "address: \"unix:/a\", proxy-protocol: true, trusted-proxies: [10.0.0.0/8]",
                "cannot be used here: who connects to a unix socket has no address that could be trusted"
            ),
            ("address: 1, proxy-protocol: yes", "'yes' is neither true nor false"),
        ])
    func proxyProtocol(listener: String, expected: String) {
        let text = "services: { a: { replicas: [a:1] } }\nlisteners: [{ \(listener) }]"
        #expect(problems(ofFile: text) == ["listeners[0].proxy-protocol: " + expected])
    }

    @Test("unreadable trusted proxies are one problem, not two")
    func unreadableProxies() {
        let text = "services: { a: { replicas: [a:1] } }\n"
        let listener = "listeners: [{ address: 1, proxy-protocol: true, trusted-proxies: [x] }]"
        #expect(problems(ofFile: text + listener).count == 1)
    }
}
