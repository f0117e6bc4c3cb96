import Glibc
import Testing

@testable import UsherSupervisor

@Suite struct ReplicaPortsTests {
    @Test("no port is handed out twice while it is in use")
    func unique() {
        let ports = ReplicaPorts()
        let taken = (0..<200).compactMap { _ in ports.take() }
        #expect(Set(taken).count == 200)
        for port in taken { ports.giveBack(port) }
    }

    @Test("a port that was given back can be had again")
    func givenBack() throws {
        let ports = ReplicaPorts()
        let free = try #require(ports.take())
        let one = ReplicaPorts(candidates: free..<(free + 1))
        #expect(one.take() == free)
        #expect(one.take() != free)
        one.giveBack(free)
        #expect(one.take() == free)
    }

    @Test("a port that somebody listens on is neither handed out nor usable", arguments: ["127.0.0.1", "0.0.0.0"])
    func listeners(host: String) throws {
        let ports = ReplicaPorts()
        let free = try #require(ports.take())
        #expect(ports.isUsable(free))
        let listener = try Listener(host: host, port: free)
        defer { listener.close() }
        #expect(!ports.isUsable(free))
        let one = ReplicaPorts(candidates: free..<(free + 1))
        #expect(one.take() != free)
    }

    @Test(
        "ports lie below those for outgoing connections, where there is room",
        arguments: [
            (32768, 20768..<32768), (16384, 10_000..<16384), (11_000, 10_000..<11_000), (10_999, 0..<0), (1024, 0..<0),
        ])
    func range(firstOutgoing: Int, expected: Range<Int>) {
        #expect(ReplicaPorts.belowOutgoing(firstOutgoing) == expected)
    }

    @Test("without room below, the kernel chooses")
    func kernelChoice() {
        #expect(ReplicaPorts(candidates: 0..<0).take() != nil)
    }
}

/// A listening TCP socket that sets SO_REUSEADDR, as servers do.
private struct Listener {
    let descriptor: Int32

    init(host: String, port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = try #require(UInt16(exactly: port)).bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let descriptor = descriptor
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(descriptor, 1) == 0
            }
        }
        try #require(result)
    }

    func close() {
        Glibc.close(descriptor)
    }
}
