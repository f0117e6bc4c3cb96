import Testing
import UsherCore
import UsherTransport

@Suite("Connection limits")
struct ConnectionCountsTests {
    private static func peer(_ text: String, trusted: Bool = false) throws -> Peer {
        let address = try #require(IPAddress(text: text))
        return Peer(address: address, trusted: trusted ? [try IPRange(text: text)] : [])
    }

    @Test("one address may have as many connections as the limit says, and again after one closed")
    func perClient() throws {
        let counts = ConnectionCounts(.init(total: 100, perClient: 2))
        let peer = try Self.peer("192.0.2.1")
        #expect(counts.opened(peer, now: .start) == .admitted)
        #expect(counts.opened(peer, now: .start) == .admitted)
        #expect(counts.opened(peer, now: .start) == .tooManyFromClient)
        #expect(counts.opened(try Self.peer("192.0.2.2"), now: .start) == .admitted)
        counts.closed(peer)
        #expect(counts.opened(peer, now: .start) == .admitted)
    }

    @Test("an IPv6 client counts by its /64")
    func subnet() throws {
        let counts = ConnectionCounts(.init(total: 100, perClient: 1))
        #expect(counts.opened(try Self.peer("2001:db8::1"), now: .start) == .admitted)
        #expect(counts.opened(try Self.peer("2001:db8::ffff:2"), now: .start) == .tooManyFromClient)
        #expect(counts.opened(try Self.peer("2001:db8:0:1::1"), now: .start) == .admitted)
    }

    @Test("trusted proxies and unix sockets count only in the total")
    func trusted() throws {
        let counts = ConnectionCounts(.init(total: 5, perClient: 1))
        let proxy = try Self.peer("10.0.0.1", trusted: true)
        for _ in 1...3 { #expect(counts.opened(proxy, now: .start) == .admitted) }
        let local = Peer(address: nil, trusted: [])
        for _ in 1...2 { #expect(counts.opened(local, now: .start) == .admitted) }
        #expect(counts.opened(local, now: .start) == .tooMany)
        #expect(counts.opened(proxy, now: .start) == .tooMany)
        counts.closed(proxy)
        #expect(counts.opened(local, now: .start) == .admitted)
    }

    @Test("new limits hold for the next connection, and count those that are there")
    func update() throws {
        let counts = ConnectionCounts(.init(total: 5, perClient: 1))
        let peer = try Self.peer("192.0.2.1")
        #expect(counts.opened(peer, now: .start) == .admitted)
        #expect(counts.opened(peer, now: .start) == .tooManyFromClient)
        counts.update(.init(total: 5, perClient: 2))
        #expect(counts.opened(peer, now: .start) == .admitted)
        counts.update(.init(total: 1, perClient: 2))
        #expect(counts.opened(try Self.peer("192.0.2.2"), now: .start) == .tooMany)
        counts.closed(peer)
        counts.closed(peer)
        #expect(counts.opened(try Self.peer("192.0.2.2"), now: .start) == .admitted)
    }
}
