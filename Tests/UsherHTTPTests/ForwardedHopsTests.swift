import NIOCore
import Testing
import UsherCore

@testable import UsherHTTP

@Suite("hops that proxies tell of")
struct ForwardedHopsTests {
    /// The hops as text, the nearest first: an address or `-`, and `s` or `c` for what is said of the connection.
    private static func hops(_ fields: String) -> [String] {
        let head = RequestHead()
        guard readRequest([wire("GET / HTTP/1.1\nHost: a\n\(fields)\n")[...]], with: head).verdict == .complete else {
            return ["refused"]
        }
        var hops = ForwardedHops(head)
        var found: [String] = []
        while let hop = hops.next() {
            let security = hop.isSecure.map { $0 ? "s" : "c" } ?? ""
            found.append((hop.address.map { "\($0)" } ?? "-") + security)
        }
        return found
    }

    @Test(
        "X-Forwarded-For is read from the right, line by line",
        arguments: [
            ("", []),
            ("X-Forwarded-For: 192.0.2.1\n", ["192.0.2.1"]),
            ("X-Forwarded-For: 192.0.2.1, 10.0.0.1 ,10.0.0.2\n", ["10.0.0.2", "10.0.0.1", "192.0.2.1"]),
            ("X-Forwarded-For: 1.1.1.1\nx-forwarded-for: 2.2.2.2\n", ["2.2.2.2", "1.1.1.1"]),
            (
                "X-Forwarded-For: 192.0.2.1:8080, [2001:db8::1]:443, [2001:db8::2], 2001:db8::3\n",
                ["2001:db8::3", "2001:db8::2", "2001:db8::1", "192.0.2.1"]
            ),
            ("X-Forwarded-For: ,, 1.1.1.1 ,\n", ["1.1.1.1"]),
            ("X-Forwarded-For: unknown, 1.1.1.1\n", ["1.1.1.1", "-"]),
            (
                "X-Forwarded-For: 1.1.1.1:, 01.1.1.1, 1.1.1, 1.1.1.1:123456, [1.1.1.1], [::1, ::1], [], a\n",
                .init(repeating: "-", count: 9)
            ),
        ])
    func listed(fields: String, expected: [String]) {
        #expect(Self.hops(fields) == expected)
    }

    @Test(
        "Forwarded is read from the right, with quotes, ports and pseudonyms",
        arguments: [
            ("Forwarded: for=192.0.2.1\n", ["192.0.2.1"]),
            (
                "Forwarded: for=192.0.2.1;proto=https;by=10.0.0.1, FOR=10.0.0.2;Proto=HTTP\n",
                ["10.0.0.2c", "192.0.2.1s"]
            ),
            (
                "Forwarded: for=\"[2001:db8::1]:4711\";host=\"a,b;c\", for=\"192.0.2.1:80\"\n",
                ["192.0.2.1", "2001:db8::1"]
            ),
            ("Forwarded: for=\"[2001:db8::1]:_p-1\"\n", ["2001:db8::1"]),
            ("Forwarded: for=1.1.1.1\nForwarded: for=2.2.2.2\n", ["2.2.2.2", "1.1.1.1"]),
            ("Forwarded: for=unknown;proto=https, for=_hidden, for=\"_x:80\"\n", ["-", "-", "-s"]),
            ("Forwarded: proto=https, by=1.1.1.1, for=\"\", for=, for\n", ["-", "-", "-", "-", "-s"]),
            ("Forwarded: for=1.1.1.1;for=2.2.2.2\n", ["-"]),
            ("Forwarded: ;for=1.1.1.1; ;\n", ["1.1.1.1"]),
            ("Forwarded: for=\"2001:db8::1\", for=[2001:db8::2]\n", ["2001:db8::2", "-"]),
            ("Forwarded: for=\"1.1.1\\.1\"\n", ["-"]),
        ])
    func forwarded(fields: String, expected: [String]) {
        #expect(Self.hops(fields) == expected)
    }

    @Test("Forwarded wins over X-Forwarded-For")
    func precedence() {
        #expect(Self.hops("X-Forwarded-For: 1.1.1.1\nForwarded: for=2.2.2.2\n") == ["2.2.2.2"])
    }

    @Test(
        "what a client invents on the left cannot change what a proxy wrote on the right",
        arguments: [
            "for=\"evil", "for=\"", "\"", "for=\"a\\", "for=\"\\\"", ";;;=\"=,", "for=9.9.9.9;x=\"", "\\", ",,,\"\"\"",
        ])
    func invented(prefix: String) {
        #expect(Self.hops("Forwarded: \(prefix), for=192.0.2.1;proto=https\n").first == "192.0.2.1s")
        #expect(Self.hops("Forwarded: \(prefix)\nForwarded: for=\"[::2]\"\n").first == "::2")
        #expect(Self.hops("X-Forwarded-For: \(prefix), 192.0.2.1\n").first == "192.0.2.1")
    }

    @Test("no more than 32 hops are read")
    func bounded() {
        let all = (0..<100).map { "10.0.0.\($0)" }
        let hops = Self.hops("X-Forwarded-For: \(all.joined(separator: ", "))\n")
        #expect(hops == Array(all.reversed().prefix(32)))
    }

    @Test(
        "of a list the last element is found",
        arguments: [("https", "https"), ("http, https", "https"), ("https ,http ", "http"), ("a,", ""), ("", "")])
    func lastElement(value: String, expected: String) {
        let head = RequestHead()
        let text = "GET / HTTP/1.1\nHost: a\nX-Forwarded-Proto: x\nX-Forwarded-Proto: \(value)\n\n"
        _ = readRequest([wire(text)[...]], with: head)
        #expect(head.lastElement(of: .xForwardedProto).map { head.string($0) } == expected)
        #expect(head.lastElement(of: .forwarded) == nil)
    }

    @Test(
        "random text on the left breaks nothing and changes nothing on the right", arguments: [1, 2, 3, 4] as [UInt64])
    func fuzz(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let parts = [
            "for=", "proto=", "https", "\"", "[", "]", ":", "::1", "1.2.3.4", ",", ";", " ", "\\", "_x", "unknown", "=",
        ]
        for _ in 0..<2000 {
            let text = (0..<random.below(14)).map { _ in parts[random.below(parts.count)] }.joined()
            #expect(Self.hops("Forwarded: \(text),for=192.0.2.1\n").first == "192.0.2.1", "seed \(seed): \(text)")
            #expect(Self.hops("X-Forwarded-For: \(text),192.0.2.1\n").first == "192.0.2.1", "seed \(seed): \(text)")
        }
    }
}
