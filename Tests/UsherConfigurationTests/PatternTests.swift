import Testing
import UsherConfiguration
import UsherCore

@Suite struct PatternTests {
    @Test(
        "listen addresses of every kind are read and written",
        arguments: [
            ("8080", "0.0.0.0:8080"), ("0", "0.0.0.0:0"), ("127.0.0.1:9900", "127.0.0.1:9900"), ("[::]:80", "[::]:80"),
            ("[::1]:0", "[::1]:0"),
            ("unix:/run/u.sock", "unix:/run/u.sock"),
        ])
    func listen(text: String, description: String) throws {
        #expect(try ListenAddress(text: text).description == description)
    }

    @Test(
        "a wrong listen address says what is wrong",
        arguments: [
            ("", "'' is neither a port from 0 to 65535 nor an address; write 8080, 127.0.0.1:8080 or [::1]:8080"),
            (
                "65536",
                "'65536' is neither a port from 0 to 65535 nor an address; write 8080, 127.0.0.1:8080 or [::1]:8080"
            ),
            (
                "127.0.0.1",
                "'127.0.0.1' is neither a port from 0 to 65535 nor an address; write 8080, 127.0.0.1:8080 or [::1]:8080"
            ),
            ("127.0.0.1:99999", "the port of '127.0.0.1:99999' must be a number from 0 to 65535"),
            (
                "localhost:80",
                "'localhost' is not an address of this machine; write numbers, such as 127.0.0.1 or 0.0.0.0"
            ),
            ("*:80", "'*' is not an address of this machine; write numbers, such as 127.0.0.1 or 0.0.0.0"),
            ("::1:80", "an IPv6 address stands in brackets: [::1]:80"),
            ("unix:", "needs a path behind unix:, such as unix:/run/web.sock"),
        ])
    func wrongListen(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try ListenAddress(text: text) }
    }

    @Test(
        "loopback listeners are known",
        arguments: [
            ("127.0.0.1:1", true), ("[::1]:1", true), ("unix:/a", true), ("8080", false), ("10.0.0.1:1", false),
            ("[::]:1", false),
        ])
    func loopback(text: String, expected: Bool) throws {
        #expect(try ListenAddress(text: text).isLoopback == expected)
    }

    @Test(
        "host patterns ignore case and take everything below a suffix",
        arguments: [
            ("API.Example.com", HostPattern.exact("api.example.com")), ("*.Example.com", .below("example.com")),
            ("localhost", .exact("localhost")),
            ("127.0.0.1", .exact("127.0.0.1")), ("[::0:1]", .exact("[::1]")),
        ])
    func host(text: String, expected: HostPattern) throws {
        #expect(try HostPattern(text: text) == expected)
        #expect(try HostPattern(text: expected.description) == expected)
    }

    @Test(
        "a wrong host pattern is refused",
        arguments: [
            "", "*", "*.", "a.*", "*a.com", "a.com:80", "http://a.com", "a b", "[1.2.3.4]", "[::1", "a/b", "-a.com",
            "1.2.3.4.5",
        ])
    func wrongHost(text: String) {
        #expect(throws: TextProblem.self) { try HostPattern(text: text) }
    }

    @Test(
        "path patterns are brought to the canonical form of requests",
        arguments: [
            ("/", PathPattern.exact("/")), ("/*", .prefix("")), ("/v1/*", .prefix("/v1")), ("/v1/", .exact("/v1/")),
            ("/a%7eb", .exact("/a~b")),
            ("/a%2fb", .exact("/a%2Fb")), ("/é", .exact("/%C3%A9")), ("/a.b/..c/*", .prefix("/a.b/..c")),
            ("/a+b;c=d", .exact("/a+b;c=d")),
            ("/{a}|", .exact("/%7Ba%7D%7C")), ("/%3aA", .exact("/%3AA")),
        ])
    func path(text: String, expected: PathPattern) throws {
        #expect(try PathPattern(text: text) == expected)
        #expect(try PathPattern(text: expected.description) == expected)
    }

    @Test(
        "a path that no request can have is refused",
        arguments: [
            "", "a", "*", "/a*", "/*/b", "/a/**", "/a?b", "/a#b", "/a b", "/a\\b", "/a\n", "/%", "/%4", "/%zz", "/./a",
            "/a/..", "/%2e%2E/a", "/a%00", "//", "//*", "/a//b", "/a//*",
        ])
    func wrongPath(text: String) {
        #expect(throws: TextProblem.self) { try PathPattern(text: text) }
    }
}
