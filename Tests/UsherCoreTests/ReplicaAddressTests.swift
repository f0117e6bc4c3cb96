import Testing
import UsherCore

@Suite struct ReplicaAddressTests {
    @Test(
        "addresses of every kind are read and written",
        arguments: [
            ("127.0.0.1:9001", ReplicaAddress.ip(IPAddress(v4: 0x7F00_0001), port: 9001), "127.0.0.1:9001"),
            ("[::1]:9003", .ip(IPAddress(high: 0, low: 1), port: 9003), "[::1]:9003"),
            ("unix:/run/web.sock", .unix(path: "/run/web.sock"), "unix:/run/web.sock"),
            ("unix:web.sock", .unix(path: "web.sock"), "unix:web.sock"),
            ("web.internal:80", .name("web.internal", port: 80), "web.internal:80"),
            ("LOCALHOST:65535", .name("localhost", port: 65535), "localhost:65535"),
            ("my_host-1:1", .name("my_host-1", port: 1), "my_host-1:1"),
        ])
    func read(text: String, expected: ReplicaAddress, description: String) throws {
        let address = try ReplicaAddress(text: text)
        #expect(address == expected)
        #expect(address.description == description)
    }

    @Test(
        "a wrong address says what is wrong",
        arguments: [
            ("web.internal", "needs a port: web.internal:9001"),
            ("[::1]", "needs a port: [::1]:9001"),
            ("::1:9003", "an IPv6 address stands in brackets: [::1]:9003"),
            ("[::1:9003", "'[::1:9003' lacks its ]"),
            ("[127.0.0.1]:80", "'127.0.0.1' is not an IPv6 address"),
            ("http://web:80", "'http://web:80' has a scheme; write only the address, such as 127.0.0.1:9001"),
            ("web:0", "the port of 'web:0' must be a number from 1 to 65535"),
            ("web:65536", "the port of 'web:65536' must be a number from 1 to 65535"),
            ("web:", "the port of 'web:' must be a number from 1 to 65535"),
            ("web:http", "the port of 'web:http' must be a number from 1 to 65535"),
            ("127.0.0.300:80", "'127.0.0.300' is neither an address nor a host name"),
            (":80", "'' is neither an address nor a host name"),
            ("-web:80", "'-web' is neither an address nor a host name"),
            ("a..b:80", "'a..b' is neither an address nor a host name"),
            ("we b:80", "'we b' is neither an address nor a host name"),
            ("unix:", "needs a path behind unix:, such as unix:/run/web.sock"),
            ("unix:/a\0b", "the path must not contain a NUL"),
        ])
    func wrong(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try ReplicaAddress(text: text) }
    }

    @Test("names and socket paths end at the system's limits")
    func limits() throws {
        let label = String(repeating: "a", count: 63)
        #expect(throws: Never.self) { try ReplicaAddress(text: "\(label):80") }
        #expect(throws: TextProblem.self) { try ReplicaAddress(text: "\(label)a:80") }
        let longest = "unix:" + String(repeating: "p", count: ReplicaAddress.unixPathMaximum)
        #expect(throws: Never.self) { try ReplicaAddress(text: longest) }
        #expect(throws: TextProblem("the path has 108 bytes, but a socket's path has at most 107")) {
            try ReplicaAddress(text: longest + "p")
        }
    }
}
