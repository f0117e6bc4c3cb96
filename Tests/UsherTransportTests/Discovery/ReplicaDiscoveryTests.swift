import Foundation
import NIOPosix
import Testing
import UsherCore
import UsherTestKit
import UsherTransport

@Suite("Replicas by name", .timeLimit(.minutes(2)))
struct ReplicaDiscoveryTests {
    private static let a1 = DNSWire.a([10, 0, 0, 1], ttl: 30)
    private static let a2 = DNSWire.a([10, 0, 0, 2], ttl: 20)
    private static let service = "_http._tcp.cart.internal"

    private let discovery = ReplicaDiscovery(
        on: MultiThreadedEventLoopGroup.singleton,
        system: SystemResolver(settingsPath: "/nonexistent", hostsPath: "/nonexistent"), timeout: .seconds(30),
        rounds: 1)

    private func target(_ port: Int?, _ server: LyingServer, name: String? = nil) -> DNSTarget {
        DNSTarget(
            name: name ?? (port == nil ? Self.service : "cart.internal"), port: port,
            server: .ip(server.server.address, port: server.server.port))
    }

    /// `10.0.0.1:80`, behind it `×5` for a weight and `backup`.
    private func text(_ found: Discovered) -> [String] {
        found.replicas.map { replica in
            "\(replica.address)" + (replica.weight == 1 ? "" : " ×\(replica.weight)")
                + (replica.isBackup ? " backup" : "")
        }
    }

    // MARK: Addresses

    @Test("IPv4 and IPv6 addresses are put together, in order and each once")
    func bothFamilies() async throws {
        let server = try await LyingServer.zone([
            "cart.internal 1": [Self.a2, Self.a1, Self.a2], "cart.internal 28": [DNSWire.aaaa(1, ttl: 25)],
        ])
        let found = try await self.discovery.resolve(self.target(80, server, name: "Cart.internal"))
        #expect(self.text(found) == ["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"])
        #expect(found.ttl == .seconds(20))
        #expect(found.dropped == 0)
        await server.stop()
    }

    @Test(
        "one family is enough; without any the name is missing only when nobody failed",
        arguments: [
            // What the server says of A and of AAAA: records, none, no such name, failure.
            ("records", "none", "found"), ("records", "failure", "found"), ("records", "no name", "found"),
            ("none", "records", "found"), ("failure", "records", "found"),
            ("none", "none", "missing"), ("no name", "no name", "missing"), ("no name", "none", "missing"),
            ("failure", "none", "failed"), ("none", "failure", "failed"), ("failure", "no name", "failed"),
            ("failure", "failure", "failed"),
        ])
    func families(first: String, second: String, expected: String) async throws {
        let server = try await LyingServer.start { query in
            switch query.type == 1 ? first : second {
            case "records": [.send(query.answer([query.type == 1 ? Self.a1 : DNSWire.aaaa(1)]))]
            case "none": [.send(query.answer())]
            case "no name": [.send(query.answer(flags: 0x8183))]
            default: [.send(query.answer(flags: 0x8182))]
            }
        }
        var outcome = "found"
        do throws(DNSFailure) {
            let found = try await self.discovery.resolve(self.target(80, server))
            #expect(found.replicas.count == 1)
        } catch .noSuchName {
            outcome = "missing"
        } catch {
            outcome = "failed"
            #expect("\(error)" == "cart.internal: \(server.server): SERVFAIL")
        }
        #expect(outcome == expected)
        await server.stop()
    }

    @Test(
        "an address needs no server",
        arguments: [("10.0.0.1", "10.0.0.1:80"), ("::1", "[::1]:80"), ("::ffff:10.0.0.1", "10.0.0.1:80")])
    func literals(name: String, address: String) async throws {
        let found = try await self.discovery.resolve(DNSTarget(name: name, port: 80))
        #expect(self.text(found) == [address])
        #expect(found.ttl == .seconds(86_400))
    }

    @Test("localhost needs no server")
    func localhost() async throws {
        let found = try await self.discovery.resolve(DNSTarget(name: "localhost", port: 80))
        #expect(self.text(found) == ["[::1]:80", "127.0.0.1:80"])
    }

    @Test("what cannot be asked for is refused before anybody is asked")
    func notAskable() async {
        let server = ReplicaAddress.ip(IPAddress(v4: 0x7F00_0001), port: 1)
        let targets = [
            DNSTarget(name: "a b", port: 80, server: server), DNSTarget(name: "10.0.0.1", port: nil, server: server),
            DNSTarget(name: "", port: 80), DNSTarget(name: "a b", port: nil),
            DNSTarget(name: "cart.internal", port: 80, server: .name("ns.internal", port: 53)),
            DNSTarget(name: "cart.internal", port: 80, server: .unix(path: "/run/dns")),
        ]
        for target in targets {
            do throws(DNSFailure) {
                let found = try await self.discovery.resolve(target)
                Issue.record("\(target) gave \(found)")
            } catch .notAskable {
                continue
            } catch {
                Issue.record("\(target): \(error)")
            }
        }
    }

    @Test("of more than 10,000 replicas the first by address are kept, and the rest is counted")
    func tooMany() async throws {
        let hosts = ["x", "y", "z"]
        let server = try await LyingServer.start { query in
            if query.type == 33 { return [.send(query.answer(hosts.map { DNSWire.srv(port: 80, $0) }))] }
            guard query.type == 1 else { return [.send(query.answer())] }
            guard query.isStream else { return [.send(query.answer(flags: 0x8380))] }
            let network = UInt8(hosts.firstIndex(of: query.name) ?? 0)
            let records = (0..<4000).map { DNSWire.a([10, network, UInt8($0 >> 8), UInt8($0 & 255)]) }
            return [.send(query.answer(records))]
        }
        let found = try await self.discovery.resolve(self.target(nil, server))
        #expect(found.replicas.count == 10_000)
        #expect(found.dropped == 2000)
        #expect(found.replicas.first?.address.description == "10.0.0.0:80")
        #expect(found.replicas.last?.address.description == "10.2.7.207:80")
        await server.stop()
    }

    @Test("more than 65,536 replicas are taken for a lie")
    func farTooMany() async throws {
        let server = try await LyingServer.start { query in
            guard query.isStream else { return [.send(query.answer(flags: query.type == 28 ? 0x8180 : 0x8380))] }
            if query.type == 33 {
                return [.send(query.answer((1...20).map { DNSWire.srv(port: $0, "host.internal") }))]
            }
            let records = (0..<4000).map { DNSWire.a([10, 0, UInt8($0 >> 8), UInt8($0 & 255)]) }
            return [.send(query.answer(records))]
        }
        await #expect(throws: DNSFailure.noAnswer("\(Self.service): more than 65536 addresses")) {
            try await self.discovery.resolve(self.target(nil, server))
        }
        await server.stop()
    }

    // MARK: Services

    @Test("the lowest priority are the primaries, all others backups; weights are 1 to 1000")
    func services() async throws {
        let server = try await LyingServer.zone([
            "\(Self.service) 33": [
                DNSWire.srv(priority: 20, weight: 7, port: 9002, "c.internal"),
                DNSWire.srv(priority: 10, weight: 0, port: 9000, "a.internal", ttl: 9),
                DNSWire.srv(priority: 10, weight: 65_535, port: 9001, "b.internal"),
                DNSWire.srv(priority: 30, weight: 1, port: 9003, "d.internal"),
                DNSWire.srv(priority: 10, weight: 5, port: 0, "a.internal"),
                DNSWire.srv(priority: 10, weight: 5, port: 9000, ""),
            ],
            "a.internal 1": [Self.a1], "b.internal 1": [Self.a2],
            "c.internal 28": [DNSWire.aaaa(3)], "d.internal 1": [DNSWire.a([10, 0, 0, 4])],
        ])
        let found = try await self.discovery.resolve(self.target(nil, server))
        #expect(
            self.text(found) == [
                "10.0.0.1:9000", "10.0.0.2:9001 ×1000", "10.0.0.4:9003 backup", "[fd00::3]:9002 ×7 backup",
            ])
        #expect(found.ttl == .seconds(9))
        await server.stop()
    }

    @Test("of two services at one address the primary counts, then the heavier")
    func sameAddress() async throws {
        let server = try await LyingServer.zone([
            "\(Self.service) 33": [
                DNSWire.srv(priority: 2, weight: 900, port: 80, "a"),
                DNSWire.srv(priority: 1, weight: 3, port: 80, "b"),
                DNSWire.srv(priority: 1, weight: 5, port: 80, "a"), DNSWire.srv(priority: 1, weight: 4, port: 80, "b"),
            ],
            "a 1": [Self.a1], "b 1": [Self.a1],
        ])
        let found = try await self.discovery.resolve(self.target(nil, server))
        #expect(self.text(found) == ["10.0.0.1:80 ×5"])
        await server.stop()
    }

    @Test("addresses that come with the services are not asked for, those of strangers are not believed")
    func additional() async throws {
        let server = try await LyingServer.start { query in
            switch (query.name, query.type) {
            case (Self.service, 33):
                let records = [DNSWire.srv(port: 80, "a.internal"), DNSWire.srv(port: 80, "b.internal")]
                let more = [
                    DNSWire.a([10, 0, 0, 1], of: DNSWire.name("a.internal"), ttl: 11),
                    DNSWire.a([6, 6, 6, 6], of: DNSWire.name("bank.example")),
                ]
                return [.send(query.answer(records, additional: more))]
            case ("b.internal", 1): return [.send(query.answer([Self.a2]))]
            default: return [.send(query.answer())]
            }
        }
        let found = try await self.discovery.resolve(self.target(nil, server))
        #expect(self.text(found) == ["10.0.0.1:80", "10.0.0.2:80"])
        #expect(found.ttl == .seconds(11))
        let asked = Set(server.queries.entries.map { "\($0.name) \($0.type)" })
        #expect(asked == ["\(Self.service) 33", "b.internal 1", "b.internal 28"])
        await server.stop()
    }

    @Test("a target that does not exist is left out, also as the one with the lowest priority")
    func missingTarget() async throws {
        let server = try await LyingServer.zone([
            "\(Self.service) 33": [
                DNSWire.srv(priority: 1, port: 80, "gone.internal"), DNSWire.srv(priority: 2, port: 80, "a.internal"),
            ],
            "a.internal 1": [Self.a1],
        ])
        let found = try await self.discovery.resolve(self.target(nil, server))
        #expect(self.text(found) == ["10.0.0.1:80"])
        await server.stop()
    }

    @Test("a target that cannot be asked for fails all: its replicas may be fine")
    func failingTarget() async throws {
        let server = try await LyingServer.start { query in
            switch query.name {
            case Self.service:
                [.send(query.answer([DNSWire.srv(port: 80, "a.internal"), DNSWire.srv(port: 80, "bad.internal")]))]
            case "a.internal": [.send(query.answer(query.type == 1 ? [Self.a1] : []))]
            default: [.send(query.answer(flags: 0x8182))]
            }
        }
        await #expect(throws: DNSFailure.noAnswer("bad.internal: \(server.server): SERVFAIL")) {
            try await self.discovery.resolve(self.target(nil, server))
        }
        await server.stop()
    }

    @Test(
        "services that lead nowhere are missing",
        arguments: [
            [DNSWire.srv(port: 0, "")], [DNSWire.srv(port: 80, "")], [DNSWire.srv(port: 80, "gone.internal")], [],
        ])
    func noServices(records: [[UInt8]]) async throws {
        let server = try await LyingServer.zone(["\(Self.service) 33": records])
        await #expect(throws: DNSFailure.noSuchName(Self.service)) {
            try await self.discovery.resolve(self.target(nil, server))
        }
        await server.stop()
    }

    @Test("a hundred targets are all asked for")
    func manyTargets() async throws {
        let server = try await LyingServer.start { query in
            if query.type == 33 {
                let answer = query.answer((0..<100).map { DNSWire.srv(port: 80, "host\($0).internal") })
                return [.send(query.isStream ? answer : query.answer(flags: 0x8380))]
            }
            let number = UInt8(query.name.dropFirst(4).prefix { $0 != "." }) ?? 0
            return [.send(query.answer(query.type == 1 ? [DNSWire.a([10, 0, 0, number])] : []))]
        }
        let found = try await self.discovery.resolve(self.target(nil, server))
        #expect(found.replicas.count == 100)
        await server.stop()
    }

    // MARK: The machine's own settings

    /// A discovery that asks this server by its own `resolv.conf` and hosts file.
    private func discovery(
        _ server: LyingServer, settings: String = "", hosts: String = "", in folder: URL
    ) throws -> ReplicaDiscovery {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let paths = [folder.appending(path: "resolv.conf"), folder.appending(path: "hosts")]
        try "nameserver 127.0.0.1\n\(settings)\n".write(to: paths[0], atomically: true, encoding: .utf8)
        try "\(hosts)\n".write(to: paths[1], atomically: true, encoding: .utf8)
        let system = SystemResolver(
            settingsPath: paths[0].path, hostsPath: paths[1].path, serverPort: server.server.port)
        return ReplicaDiscovery(on: MultiThreadedEventLoopGroup.singleton, system: system, timeout: .seconds(30))
    }

    private let folder = FileManager.default.temporaryDirectory.appending(path: "usher-discovery-\(UUID())")

    @Test("a short name is searched where the machine searches, and the first that exists is taken")
    func search() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        let server = try await LyingServer.zone(["cart.b.internal 1": [Self.a1], "cart 1": [Self.a2]])
        let discovery = try self.discovery(server, settings: "search a.internal b.internal", in: self.folder)
        #expect(self.text(try await discovery.resolve(DNSTarget(name: "cart", port: 80))) == ["10.0.0.1:80"])
        #expect(self.text(try await discovery.resolve(DNSTarget(name: "cart.", port: 80))) == ["10.0.0.2:80"])
        await #expect(throws: DNSFailure.noSuchName("shop")) {
            try await discovery.resolve(DNSTarget(name: "shop", port: 80))
        }
        await server.stop()
    }

    @Test("a name that cannot be asked for ends the search: the next may be somebody else's")
    func searchEnds() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        let server = try await LyingServer.start { query in
            [.send(query.name == "cart.a.internal" ? query.answer(flags: 0x8182) : query.answer([Self.a1]))]
        }
        let settings = "search a.internal b.internal\noptions attempts:1"
        let discovery = try self.discovery(server, settings: settings, in: self.folder)
        await #expect(throws: DNSFailure.noAnswer("cart.a.internal: \(server.server): SERVFAIL")) {
            try await discovery.resolve(DNSTarget(name: "cart", port: 80))
        }
        #expect(Set(server.queries.entries.map(\.name)) == ["cart.a.internal"])
        await server.stop()
    }

    @Test("the hosts file comes first, unless the configuration names a server")
    func hostsFirst() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        let server = try await LyingServer.zone(["cart.internal 1": [Self.a1]])
        let discovery = try self.discovery(server, hosts: "10.9.9.9 cart.internal", in: self.folder)
        #expect(self.text(try await discovery.resolve(DNSTarget(name: "CART.internal", port: 80))) == ["10.9.9.9:80"])
        #expect(server.queries.entries.isEmpty)
        let target = self.target(80, server)
        #expect(self.text(try await discovery.resolve(target)) == ["10.0.0.1:80"])
        // Changes of the files count without a restart.
        try "\n".write(to: self.folder.appending(path: "hosts"), atomically: true, encoding: .utf8)
        #expect(self.text(try await discovery.resolve(DNSTarget(name: "cart.internal", port: 80))) == ["10.0.0.1:80"])
        await server.stop()
    }

    // MARK: Ends

    @Test("a resolution ends when its time is over, whatever is still to be asked")
    func limit() async throws {
        let server = try await LyingServer.start { _ in [] }
        let discovery = ReplicaDiscovery(
            on: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(30), limit: .milliseconds(200))
        await #expect(throws: DNSFailure.noAnswer("cart.internal: not resolved within 0.2 seconds")) {
            try await discovery.resolve(self.target(80, server))
        }
        await server.stop()
    }

    @Test("a cancelled resolution ends at once", arguments: [80, nil])
    func cancellation(port: Int?) async throws {
        let server = try await LyingServer.start { query in
            query.type == 33 ? [.send(query.answer([DNSWire.srv(port: 80, "silent.internal")]))] : []
        }
        let target = self.target(port, server)
        let discovery = self.discovery
        let task = Task { try await discovery.resolve(target) }
        try await server.queries.wait(for: 2)
        task.cancel()
        await #expect(throws: DNSFailure.cancelled) { try await task.value }
        await server.stop()
    }
}
