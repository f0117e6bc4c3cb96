import Testing
import UsherCore
import UsherTransport

@Suite("The machine's own settings about names")
struct ResolverSettingsTests {
    @Test("servers, search list and options are read, whatever stands between them")
    func settings() {
        let settings = ResolverSettings(
            text: """
                # a comment
                ; another
                domain ignored.example
                nameserver 10.0.0.2
                nameserver	fd00::53
                nameserver nonsense
                nameserver fe80::1%eth0
                search shop.internal internal  bad..name
                options ndots:3 timeout:4 attempts:3 edns0 ndots rotate
                sortlist 10.0.0.0
                nameserver 10.0.0.3
                nameserver 10.0.0.4
                """)
        #expect(settings.servers.map(\.description) == ["10.0.0.2:53", "[fd00::53]:53", "10.0.0.3:53"])
        #expect(settings.search.map(\.description) == ["shop.internal", "internal"])
        #expect(settings.dotsMin == 3)
        #expect(settings.timeout == .seconds(4))
        #expect(settings.rounds == 3)
    }

    @Test("without a server this machine is asked", arguments: ["", "nameserver", "\0\u{FFFD}\n\n", "search a b"])
    func defaults(text: String) {
        let settings = ResolverSettings(text: text)
        #expect(settings.servers.map(\.description) == ["127.0.0.1:53"])
        #expect(settings.dotsMin == 1)
        #expect(settings.timeout == nil)
        #expect(settings.rounds == nil)
    }

    @Test("options out of range are moved into it, and numbers that are none are passed over")
    func ranges() {
        let high = ResolverSettings(text: "options ndots:99 timeout:999 attempts:99")
        #expect(high.dotsMin == 15 && high.timeout == .seconds(30) && high.rounds == 5)
        let low = ResolverSettings(text: "options ndots:-1 timeout:0 attempts:0")
        #expect(low.dotsMin == 0 && low.timeout == .seconds(1) && low.rounds == 1)
        let bad = ResolverSettings(text: "options ndots:x timeout:99999999999999999999 attempts:")
        #expect(bad.dotsMin == 1 && bad.timeout == nil && bad.rounds == nil)
    }

    @Test("at most six domains are searched")
    func searchMax() {
        let many = (0..<100).map { "d\($0).example" }.joined(separator: " ")
        #expect(ResolverSettings(text: "search \(many)").search.count == 6)
    }

    @Test(
        "short names are searched first, long ones as they are, and complete ones nowhere else",
        arguments: [
            ("cart", ["cart.a.example", "cart.b", "cart"]), ("cart.", ["cart"]),
            ("cart.shop", ["cart.shop.a.example", "cart.shop.b", "cart.shop"]),
            ("cart.shop.eu", ["cart.shop.eu", "cart.shop.eu.a.example", "cart.shop.eu.b"]), ("not a name", []),
        ])
    func candidates(text: String, names: [String]) {
        let settings = ResolverSettings(text: "search a.example b\noptions ndots:2")
        #expect(settings.candidates(for: text).map(\.description) == names)
    }

    @Test("the hosts file gives every address of a name, in its order")
    func hosts() {
        let hosts = HostsFile(
            text: """
                127.0.0.1 localhost
                10.0.0.1\tcart.internal cart # the first
                10.0.0.2 CART.internal
                fd00::1 cart.internal.
                # 10.0.0.3 cart.internal
                nonsense cart.internal
                10.0.0.4
                """)
        #expect(hosts.addresses(of: "Cart.Internal").map(\.description) == ["10.0.0.1", "10.0.0.2", "fd00::1"])
        #expect(hosts.addresses(of: "cart").map(\.description) == ["10.0.0.1"])
        #expect(hosts.addresses(of: "localhost").map(\.description) == ["127.0.0.1"])
        #expect(hosts.addresses(of: "other").isEmpty)
    }

    @Test(
        "localhost is this machine, even without a hosts file", arguments: ["localhost", "LOCALHOST.", "a.localhost"])
    func localhost(name: String) {
        #expect(HostsFile(text: "").addresses(of: name).map(\.description) == ["127.0.0.1", "::1"])
        #expect(HostsFile(text: "").addresses(of: "localhost.example").isEmpty)
    }

    @Test("files that are not there, or are no files, say nothing")
    func missingFiles() {
        for path in ["/nonexistent/file", "/", "/dev/null"] {
            let system = SystemResolver(settingsPath: path, hostsPath: path)
            #expect(system.settings().servers.map(\.description) == ["127.0.0.1:53"])
            #expect(system.hosts().addresses(of: "cart").isEmpty)
        }
    }

    @Test("a file without an end is read up to a bound", .timeLimit(.minutes(1)))
    func endlessFile() {
        let system = SystemResolver(settingsPath: "/dev/zero", hostsPath: "/dev/zero")
        #expect(system.settings().servers.count == 1)
    }
}
