import NIOCore
import Testing

@testable import UsherHTTP

@Suite("canonical targets")
struct TargetTests {
    @Test(
        "a target has one form",
        arguments: [
            ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/b/c", "/a/b/c"),
            // Dot segments (RFC 3986 §5.2.4).
            ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../", "/"),
            ("/a/../b", "/b"), ("/a/b/../../c", "/c"), ("/a/b/c/./../../g", "/a/g"), ("/a/b/..", "/a/"),
            ("/...", "/..."), ("/a/...", "/a/..."), ("/a/.b", "/a/.b"), ("/a/..b", "/a/..b"), ("/a/b..", "/a/b.."),
            ("/.well-known/x", "/.well-known/x"), ("/a./b", "/a./b"), ("/a../b", "/a../b"),
            ("/%2e", "/"), ("/a/%2e%2E/b", "/b"), ("/a/.%2e/b", "/b"), ("/a/%2e./b", "/b"), ("/%2e%2e%2e", "/..."),
            // Empty segments.
            ("//", "/"), ("//a", "/a"), ("/a//b", "/a/b"), ("/a///b//", "/a/b/"), ("/a//../b", "/b"),
            ("//a/..//b", "/b"), ("/.//a", "/a"),
            // Escapes (RFC 3986 §6.2.2).
            ("/%41%7a%30", "/Az0"), ("/%2d%2E%5f%7E", "/-._~"), ("/%c3%bc", "/%C3%BC"), ("/%20", "/%20"),
            ("/%3f", "/%3F"), ("/%23", "/%23"), ("/%25", "/%25"), ("/%252e%252e", "/%252e%252e"),
            ("/%2b+", "/%2B+"), ("/a%3bb;c", "/a%3Bb;c"), ("/%0d%0a", "/%0D%0A"), ("/%7f%ff", "/%7F%FF"),
            ("/%2525", "/%2525"), ("/a%3a:", "/a%3A:"), ("/%5b[", "/%5B["),
            // Encoded slashes stay.
            ("/a%2fb", "/a%2Fb"), ("/a%5cb", "/a%5Cb"), ("/a%2Fb/../c", "/c"), ("/a%2f...", "/a%2F..."),
            // Bytes that should have been encoded.
            ("/a|b", "/a%7Cb"), ("/{a}", "/%7Ba%7D"), ("/\"<>^`", "/%22%3C%3E%5E%60"),
            // Parameters.
            ("/a;b=c", "/a;b=c"), ("/;a", "/;a"), ("/a;..", "/a;.."), ("/...;a", "/...;a"), ("/a/..a;b", "/a/..a;b"),
            // Queries keep everything but the form of their escapes.
            ("/?", "/?"), ("/?a=b&c", "/?a=b&c"), ("/?%61=%e4%2f", "/?a=%E4%2F"), ("/a?../b", "/a?../b"),
            ("/?//", "/?//"), ("/?a|b\\c", "/?a%7Cb%5Cc"), ("/?%00", "/?%00"), ("/.?a", "/?a"), ("/?a%3fb", "/?a%3Fb"),
        ])
    func canonical(received: String, expected: String) {
        let reading = readRequest([wire("GET \(received) HTTP/1.1\nHost: a\n\n")[...]])
        #expect(reading.verdict == .complete)
        #expect(reading.target == expected)
        let again = readRequest([wire("GET \(reading.target) HTTP/1.1\nHost: a\n\n")[...]])
        #expect(again.target == expected, "canonical means that reading again changes nothing")
        let parts = expected.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        #expect(reading.path == parts[0])
        #expect(reading.query == (parts.count > 1 ? parts[1] : nil))
        let absolute = readRequest([wire("GET http://a\(received) HTTP/1.1\nHost: a\n\n")[...]])
        #expect(absolute.target == expected)
    }

    @Test(
        "targets that could be read in two ways are refused",
        arguments: [
            "/..", "/../", "/../a", "/a/../..", "/a/../../b", "/%2e%2e", "/%2e./a", "//..", "/./..",
            "/\\", "/a\\b", "/a/..\\b", "/%", "/%4", "/%4g", "/%g4", "/%%41", "/a%", "/?%", "/?%4", "/?a=100%", "/?%zz",
            "/%00", "/a%00b", "/a%00?b", "/..;", "/a/..;/b", "/a/..;x=y/b", "/.;/a", "/a/.;", "/a/%2e%2e;x",
            "/a/..%2fb", "/a/..%5cb", "/a%2f..", "/a%2f../b", "/a%5c..%5cb", "/a%2f.%2fb", "/..%2f..%2fetc",
            "/a%2f..;x",
            "/%2e%2e%2fb", "/a%2F%2e%2e", "/a;x%2f..",
        ])
    func refused(target: String) {
        #expect(readRequest([wire("GET \(target) HTTP/1.1\nHost: a\n\n")[...]]).refusedStatus == 400)
        #expect(readRequest([wire("GET http://a\(target) HTTP/1.1\nHost: a\n\n")[...]]).refusedStatus == 400)
    }

    @Test(
        "encoded slashes are reported when they are left in the path",
        arguments: [("/a%2fb", true), ("/a%5Cb", true), ("/a/b", false), ("/?%2f", false), ("/a%252fb", false)])
    func encodedSlash(target: String, reported: Bool) {
        let reading = readRequest([wire("GET \(target) HTTP/1.1\nHost: a\n\n")[...]])
        #expect(reading.flags.contains("encoded-slash") == reported)
    }

    @Test(
        "only a target that changes is copied",
        arguments: [
            ("/a/b?c=d", false), ("/.well-known/a", false), ("/%20?%2F//", false), ("/a/./b", true), ("/%41", true),
            ("http://a/b", false), ("http://a", true),
        ])
    func copying(target: String, copies: Bool) {
        let bytes = wire("GET \(target) HTTP/1.1\nHost: a\n\n")
        let head = RequestHead()
        #expect(readRequest([bytes[...]], with: head).verdict == .complete)
        #expect((head.bytes.readableBytes > bytes.count) == copies)
    }

    @Test("every byte in a path is plain, encoded or refused, and never lost")
    func everyByte() {
        for byte in UInt8.min...UInt8.max {
            let text: [UInt8] = Array("GET /a".utf8) + [byte] + Array("b HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let reading = readRequest([text[...]])
            guard reading.verdict == .complete else { continue }
            let hex = String(byte, radix: 16, uppercase: true)
            let plain = "/a\(Character(UnicodeScalar(byte)))b"
            #expect([plain, "/a%\(hex)b"].contains(reading.target))
        }
    }
}
