import Testing
import UsherCaching
import UsherCore
import UsherHTTP

@Suite("What unsafe methods make invalid", .timeLimit(.minutes(1)))
struct InvalidationTests {
    private static func targets(
        _ fields: String, _ line: String = "POST /a/b/c?q=1 HTTP/1.1", isSecure: Bool = false
    ) throws -> [String] {
        let answer = try Heads.response(fields)
        return Invalidation.targets(try Heads.request("", line), answer, isSecure: isSecure).map {
            "\(Heads.text($0.authority))|\(Heads.text($0.pathAndQuery))"
        }
    }

    @Test("RFC 9111 §4.4: methods that are not safe, also those that nobody knows")
    func methods() {
        let unsafeMethods = UsherHTTP.Method.allCases.filter { Invalidation.isUnsafe($0) }
        #expect(unsafeMethods == [.post, .put, .delete, .patch, .connect, .other])
    }

    @Test("RFC 9111 §4.4: answers that are no errors")
    func statuses() {
        #expect((100..<600).filter { Invalidation.happens(status: $0) } == Array(200..<400))
    }

    @Test("RFC 9111 §4.4: the target is invalid, in its canonical form")
    func target() throws {
        #expect(try Self.targets("") == ["example.com|/a/b/c?q=1"])
        #expect(try Self.targets("", "PUT //a/./%7eb HTTP/1.1") == ["example.com|/a/~b"])
        #expect(try Self.targets("", "PUT http://EXAMPLE.com:80/x? HTTP/1.1") == ["example.com|/x?"])
        #expect(try Self.targets("", "PUT http://example.com:443/x HTTP/1.1", isSecure: true) == ["example.com|/x"])
        #expect(try Self.targets("", "PUT http://example.com:443/x HTTP/1.1") == ["example.com:443|/x"])
    }

    @Test(
        "RFC 3986 §5.4: references are resolved against the target",
        arguments: [
            ("/x", "/x"), ("x", "/a/b/x"), ("./x", "/a/b/x"), ("../x", "/a/x"), ("../../x", "/x"), ("..", "/a/"),
            (".", "/a/b/"), ("../../../../x", "/x"), ("?y=2", "/a/b/c?y=2"), ("x?y#z", "/a/b/x?y"), ("/", "/"),
            ("x/", "/a/b/x/"), ("/x/./y/../z", "/x/z"), ("//example.com", "/"), ("//example.com/x", "/x"),
            ("//EXAMPLE.COM:80?y", "/?y"), ("http://example.com", "/"), ("HTTP://Example.com:80/x/../y", "/y"),
            ("/%7Ex/%2fy", "/~x/%2Fy"), ("/x?a/../b", "/x?a/../b"), ("/x//y", "/x/y"), ("x:y/z", nil), ("/a b", nil),
            ("/é", nil), ("/%zz", nil), ("/x\\y", nil), ("http:/x", nil), ("http:x", nil), ("//", nil),
            ("mailto:a@example.com", nil), ("/%2e%2e/%2e%2e/%2e%2e/%2e%2e", nil),
        ] as [(String, String?)])
    func resolved(reference: String, expected: String?) throws {
        let base = "example.com|/a/b/c?q=1"
        let targets = [base] + (expected.map { ["example.com|\($0)"] } ?? [])
        #expect(try Self.targets("Location: \(reference)\n") == targets)
        #expect(try Self.targets("content-location: \(reference)\n") == targets)
    }

    @Test(
        "RFC 9111 §4.4: another origin's answers stay",
        arguments: [
            "https://example.com/x", "http://example.com:8080/x", "http://www.example.com/x", "//example.org/x",
            "http://example.com@example.org/x", "http://user@example.com/x", "ftp://example.com/x",
            "//example.com:/x", "http://example.com%2e/x", "http:///x",
        ])
    func otherOrigin(reference: String) throws {
        #expect(try Self.targets("Location: \(reference)\n") == ["example.com|/a/b/c?q=1"])
    }

    @Test("RFC 9111 §4.4: over TLS the origin is another one")
    func secure() throws {
        #expect(try Self.targets("Location: https://example.com:443/x\n", isSecure: true).count == 2)
        #expect(try Self.targets("Location: http://example.com/x\n", isSecure: true).count == 1)
    }

    @Test("RFC 9111 §4.4: both fields count, each target once, and no answer names many")
    func several() throws {
        #expect(
            try Self.targets("Location: /x\nContent-Location: /y\n")
                == ["example.com|/a/b/c?q=1", "example.com|/x", "example.com|/y"])
        #expect(try Self.targets("Location: /x\nContent-Location: /x\n").count == 2)
        #expect(try Self.targets("Location:\nContent-Location: #x\n").count == 1)
        let many = (0..<50).map { "Location: /\($0)\n" }.joined()
        #expect(try Self.targets(many).count == 4)
    }

    @Test("RFC 3986 §5: what a reference names is a target that a request may have")
    func fuzz() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = ["/", "..", ".", "?", "#", "%2e", "%2f", "%", "http:", "//", "example.com", "a", ":", ";", "\\"]
        for _ in 0..<5000 {
            let text = scribbler.text(morsels)
            for target in try Self.targets("Location: \(text)\n").dropFirst() {
                let path = String(target.drop { $0 != "|" }.dropFirst())
                let head = try Heads.request("", "GET \(path) HTTP/1.1")
                #expect(head.string(head.target) == path, "seed \(seed): \(text)")
                #expect(target.hasPrefix("example.com|/"), "seed \(seed): \(text)")
            }
        }
        for unit in ["/", "../", "a/", "/..", "%2e/", "?"] {
            _ = try Self.targets("Location: \(String(repeating: unit, count: 50_000))\n")
        }
    }
}
