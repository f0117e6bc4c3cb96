import NIOCore
import Testing
import UsherCore
import UsherHTTP
import UsherTransport

@Suite("Whose request it is")
struct PeerTests {
    private static func head(_ fields: String) -> RequestHead {
        let head = RequestHead()
        var input = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        _ = head.parse(&input, limits: HeadLimits())
        return head
    }

    private static func client(_ peer: String?, trusting trusted: [String] = ["10.0.0.0/8"], _ fields: String) throws
        -> String
    {
        let peer = Peer(
            address: peer.flatMap { IPAddress(text: $0) }, trusted: try trusted.map { try IPRange(text: $0) })
        return peer.clientAddress(of: self.head(fields)).map { "\($0)" } ?? "none"
    }

    @Test(
        "the nearest hop that is not trusted is the client",
        arguments: [
            ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
            ("X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\n", "192.0.2.7"),
            ("X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.1.1.1, 10.2.2.2\r\n", "192.0.2.7"),
            ("X-Forwarded-For: 10.0.0.7, 10.1.1.1\r\n", "10.0.0.7"),
            ("X-Forwarded-For: 192.0.2.7, unknown, 10.1.1.1\r\n", "10.1.1.1"),
            ("X-Forwarded-For: 192.0.2.7, nonsense\r\n", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("Forwarded: for=1.1.1.1, for=192.0.2.7;proto=https, for=10.3.3.3\r\n", "192.0.2.7"),
            ("Forwarded: for=\"[2001:db8::7]:99\"\r\n", "2001:db8::7"),
            ("Forwarded: for=_secret, for=10.3.3.3\r\n", "10.3.3.3"),
            ("Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\n", "192.0.2.7"),
        ])
    func trusted(fields: String, expected: String) throws {
        #expect(try Self.client("10.0.0.1", fields) == expected)
    }

    @Test("nobody else is believed")
    func untrusted() throws {
        #expect(try Self.client("192.0.2.1", "X-Forwarded-For: 1.1.1.1\r\n") == "192.0.2.1")
        #expect(try Self.client("10.0.0.1", trusting: [], "Forwarded: for=1.1.1.1\r\n") == "10.0.0.1")
        #expect(try Self.client(nil, "X-Forwarded-For: 1.1.1.1\r\n") == "none")
    }

    @Test("the search ends after 32 hops at the last that was read")
    func bounded() throws {
        let hops = (0..<40).map { "10.0.1.\($0)" }.joined(separator: ",")
        #expect(try Self.client("10.0.0.1", "X-Forwarded-For: 192.0.2.7,\(hops)\r\n") == "10.0.1.8")
    }

    @Test(
        "a trusted peer says whether the client came over TLS",
        arguments: [
            ("X-Forwarded-Proto: https\r\n", true), ("X-Forwarded-Proto: HTTPS\r\n", true),
            ("X-Forwarded-Proto: http\r\n", false), ("X-Forwarded-Proto: http, https\r\n", true),
            ("X-Forwarded-Proto: https, http\r\n", false), ("X-Forwarded-Proto: xhttps\r\n", false), ("", false),
            ("Forwarded: for=192.0.2.7;proto=https, for=10.1.1.1;proto=http\r\n", true),
            ("Forwarded: for=192.0.2.7;proto=https, for=192.0.2.8;proto=http\r\n", false),
            ("Forwarded: for=192.0.2.7;proto=http\r\nX-Forwarded-Proto: https\r\n", false),
            ("Forwarded: for=192.0.2.7\r\nX-Forwarded-Proto: https\r\n", true),
        ])
    func secure(fields: String, expected: Bool) throws {
        let ranges = [try IPRange(text: "10.0.0.0/8")]
        let trusted = Peer(address: IPAddress(text: "10.0.0.1"), trusted: ranges)
        #expect(trusted.isSecure(Self.head(fields)) == expected)
        let stranger = Peer(address: IPAddress(text: "192.0.2.1"), trusted: ranges)
        #expect(!stranger.isSecure(Self.head(fields)))
    }

    @Test(
        "an address of a socket is the address that was written",
        arguments: ["127.0.0.1", "0.0.0.0", "255.1.2.3", "::1", "2001:db8::ff:1", "::ffff:1.2.3.4"])
    func conversion(text: String) throws {
        let place = try SocketAddress(ipAddress: text, port: 4711)
        #expect(IPAddress(place) == IPAddress(text: text))
        #expect(IPAddress(try SocketAddress(unixDomainSocketPath: "/x")) == nil)
        #expect(IPAddress(nil) == nil)
    }
}
