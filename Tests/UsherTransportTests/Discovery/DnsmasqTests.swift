import Foundation
import NIOPosix
import Testing
import UsherCore
import UsherTestKit
import UsherTransport

@Suite("Discovery against a real name server", .timeLimit(.minutes(2)))
struct DnsmasqTests {
    private let folder: URL
    private let hosts: URL
    private let discovery = ReplicaDiscovery(on: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(10))

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "usher-dnsmasq-\(UUID())")
        self.hosts = self.folder.appending(path: "hosts")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    private func write(_ lines: [String]) throws {
        try lines.map { $0 + "\n" }.joined().write(to: self.hosts, atomically: true, encoding: .utf8)
    }

    private func addresses(_ server: Dnsmasq, _ name: String = "cart.internal") async throws -> [String] {
        let target = DNSTarget(name: name, port: 9000, server: server.address)
        return try await self.discovery.resolve(target).replicas.map(\.address.description)
    }

    @Test("addresses of both families are found, also behind an alias")
    func addresses() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        try self.write(["10.0.0.2 cart.internal", "10.0.0.1 cart.internal", "fd00::1 cart.internal"])
        let configuration = "local-ttl=7\ncname=alias.internal,cart.internal"
        let server = try await Dnsmasq.start(hosts: self.hosts, configuration: configuration)
        let expected = ["10.0.0.1:9000", "10.0.0.2:9000", "[fd00::1]:9000"]
        #expect(try await self.addresses(server) == expected)
        #expect(try await self.addresses(server, "ALIAS.internal.") == expected)
        let found = try await self.discovery.resolve(DNSTarget(name: "cart.internal", port: 1, server: server.address))
        #expect(found.ttl == .seconds(7))
        server.kill()
    }

    @Test("services are found with their ports, weights and backups")
    func services() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        try self.write(["10.0.0.1 a.internal", "10.0.0.2 b.internal", "fd00::2 b.internal"])
        let server = try await Dnsmasq.start(
            hosts: self.hosts,
            configuration: """
                srv-host=_http._tcp.cart.internal,a.internal,9000,10,5
                srv-host=_http._tcp.cart.internal,b.internal,9001,20,0
                srv-host=_http._tcp.cart.internal,gone.internal,9002,5,0
                srv-host=_http._tcp.none.internal
                """)
        let found = try await self.discovery.resolve(
            DNSTarget(name: "_http._tcp.cart.internal", port: nil, server: server.address))
        #expect(
            found.replicas.map { "\($0.address) \($0.weight) \($0.isBackup)" } == [
                "10.0.0.1:9000 5 false", "10.0.0.2:9001 1 true", "[fd00::2]:9001 1 true",
            ])
        await #expect(throws: DNSFailure.noSuchName("_http._tcp.none.internal")) {
            try await self.discovery.resolve(
                DNSTarget(name: "_http._tcp.none.internal", port: nil, server: server.address))
        }
        server.kill()
    }

    @Test("an answer of two hundred addresses comes over TCP")
    func largeAnswer() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        try self.write((0..<200).map { "10.0.1.\($0) cart.internal" })
        let server = try await Dnsmasq.start(hosts: self.hosts)
        #expect(Set(try await self.addresses(server)).count == 200)
        server.kill()
    }

    @Test("changes count at the next resolution; a name that is gone is told apart from a server that is gone")
    func changes() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        try self.write(["10.0.0.1 cart.internal"])
        let server = try await Dnsmasq.start(hosts: self.hosts)
        #expect(try await self.addresses(server) == ["10.0.0.1:9000"])
        try self.write(["10.0.0.3 cart.internal", "10.0.0.2 cart.internal"])
        try await server.reload()
        #expect(try await self.addresses(server) == ["10.0.0.2:9000", "10.0.0.3:9000"])
        try self.write(["10.0.0.9 other.internal"])
        try await server.reload()
        await #expect(throws: DNSFailure.noSuchName("cart.internal")) { try await self.addresses(server) }
        server.kill()
        let failure = DNSFailure.noAnswer("cart.internal: \(server.address): Connection refused")
        await #expect(throws: failure) { try await self.addresses(server) }
        try self.write(["10.0.0.4 cart.internal"])
        let again = try await Dnsmasq.start(hosts: self.hosts, port: server.port)
        #expect(try await self.addresses(again) == ["10.0.0.4:9000"])
        again.kill()
    }

    @Test("a server that will not answer for a name is a failure, not a missing name")
    func refused() async throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        try self.write([])
        let server = try await Dnsmasq.start(hosts: self.hosts)
        await #expect(throws: DNSFailure.noAnswer("cart.example: \(server.address): REFUSED")) {
            try await self.addresses(server, "cart.example")
        }
        server.kill()
    }
}
