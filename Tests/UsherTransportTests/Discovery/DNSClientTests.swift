import Foundation
import NIOPosix
import Testing
import UsherCore
import UsherTestKit
import UsherTransport

@Suite("Asking name servers that lie, cut and die", .timeLimit(.minutes(2)))
struct DNSClientTests {
    private typealias Query = LyingServer.Query
    private typealias Step = LyingServer.Step

    private static let truth: [[UInt8]] = [DNSWire.a([10, 0, 0, 1])]
    private static let lie: [[UInt8]] = [DNSWire.a([6, 6, 6, 6])]

    /// - Parameter patience: for tests in which nobody has to run out of it.
    private func client(_ servers: DNSServer..., patience: Duration = .seconds(30), rounds: Int = 1) -> DNSClient {
        var settings = DNSClient.Settings(servers: servers)
        settings.timeout = patience
        settings.rounds = rounds
        return DNSClient(settings, on: MultiThreadedEventLoopGroup.singleton)
    }

    private func addresses(_ answer: DNSAnswer) -> [String] { answer.records.compactMap(\.address?.description) }

    @Test("a server is asked over IPv4 and IPv6", arguments: ["127.0.0.1", "::1"])
    func families(host: String) async throws {
        let server = try await LyingServer.start(host: host) { [.send($0.answer(Self.truth))] }
        let answer = try await self.client(server.server).resolve("Cart.Internal.", .a)
        #expect(self.addresses(answer) == ["10.0.0.1"])
        #expect(answer.ttl == .seconds(60))
        #expect(server.queries.entries.map(\.name) == ["cart.internal"])
        await server.stop()
    }

    @Test(
        "what is not the server's answer is passed over, and the true one is waited for",
        arguments: [
            "wrong identifier", "wrong name", "wrong type", "other port", "empty", "one byte", "garbage",
            "the query itself", "pointers in a circle", "too many records", "cut",
        ])
    func lies(kind: String) async throws {
        let server = try await LyingServer.start { query in
            let lie = query.answer(Self.lie)
            let step: Step =
                switch kind {
                case "wrong identifier":
                    .send(
                        DNSWire.answer(
                            identifier: query.identifier ^ 1, name: query.name, type: query.type, Self.lie))
                case "wrong name":
                    .send(DNSWire.answer(identifier: query.identifier, name: "cart.external", type: 1, Self.lie))
                case "wrong type":
                    .send(DNSWire.answer(identifier: query.identifier, name: query.name, type: 28, Self.lie))
                case "other port": .sendFromElsewhere(lie)
                case "empty": .send([])
                case "one byte": .send([lie[0]])
                case "garbage": .send((0..<500).map { UInt8(truncatingIfNeeded: $0 &* 167) })
                case "the query itself": .send(query.bytes)
                case "pointers in a circle":
                    .send(query.answer([DNSWire.a([6, 6, 6, 6], of: DNSWire.pointer(to: 31))]))
                case "too many records": .send(query.answer(Self.lie, counts: [10_000, 0, 0]))
                default: .send(Array(lie.dropLast()))
                }
            return [step, .send(query.answer(Self.truth))]
        }
        let answer = try await self.client(server.server).resolve("cart.internal", .a)
        #expect(self.addresses(answer) == ["10.0.0.1"])
        #expect(server.queries.entries.count == 1)
        await server.stop()
    }

    @Test("a server that only lies is given up, and the failure says what it sent")
    func onlyLies() async throws {
        let server = try await LyingServer.start { query in
            [.send(query.answer([DNSWire.a([6, 6, 6, 6], of: DNSWire.pointer(to: 31))]))]
        }
        let failure = DNSFailure.noAnswer(
            "cart.internal: \(server.server): no answer within 2.0 seconds; what came was not believed: "
                + "a name cannot be read")
        await #expect(throws: failure) {
            try await self.client(server.server, patience: .seconds(2)).resolve("cart.internal", .a)
        }
        await server.stop()
    }

    @Test("what does not fit into a datagram is asked for over TCP")
    func truncated() async throws {
        let records = (0..<200).map { DNSWire.a([10, 0, 1, UInt8($0)]) }
        let server = try await LyingServer.zone(["cart.internal 1": records])
        let answer = try await self.client(server.server).resolve("cart.internal", .a)
        #expect(answer.records.count == 200)
        #expect(server.queries.entries.map(\.isStream) == [false, true])
        await server.stop()
    }

    @Test("the largest message is read, whole or byte by byte", arguments: [false, true])
    func largest(byteByByte: Bool) async throws {
        let count = byteByByte ? 20 : 4090
        let server = try await LyingServer.start { query in
            let records = (0..<count).map { DNSWire.a([10, 1, UInt8($0 >> 8), UInt8($0 & 255)]) }
            let answer = query.answer(records)
            guard query.isStream else { return [.send(query.answer(flags: 0x8380))] }
            return byteByByte ? (DNSWire.number(answer.count) + answer).map { .sendBare([$0]) } : [.send(answer)]
        }
        let answer = try await self.client(server.server).resolve("cart.internal", .a)
        #expect(Set(self.addresses(answer)).count == count)
        await server.stop()
    }

    @Test(
        "a TCP connection that breaks or lies fails, and the next server is asked",
        arguments: [
            ("no listener", "Connection refused"),
            ("closed at once", "the connection was closed before the answer was complete"),
            ("cut in the length", "the connection was closed before the answer was complete"),
            ("cut in the message", "the connection was closed before the answer was complete"),
            ("length zero", "the message is cut"), ("wrong identifier", "the identifier is another"),
            ("10,000 records told", "more records are told than there are"),
            ("truncated again", "a truncated answer over TCP"),
        ])
    func brokenStreams(kind: String, problem: String) async throws {
        let script: LyingServer.Script = { query in
            guard query.isStream else { return [.send(query.answer(flags: 0x8380))] }
            let lie = query.answer(Self.lie)
            switch kind {
            case "cut in the length": return [.sendBare([0]), .close]
            case "cut in the message": return [.sendBare(DNSWire.number(lie.count) + lie.dropLast()), .close]
            case "length zero": return [.sendBare([0, 0])]
            case "wrong identifier": return [.send([lie[0] ^ 1] + lie.dropFirst())]
            case "10,000 records told": return [.send(query.answer(Self.lie, counts: [10_000, 0, 0]))]
            case "truncated again": return [.send(query.answer(flags: 0x8380))]
            default: return [.close]
            }
        }
        let bad = try await LyingServer.start(streams: kind != "no listener", script: script)
        let good = try await LyingServer.start { [.send($0.answer(Self.truth))] }
        let answer = try await self.client(bad.server, good.server).resolve("cart.internal", .a)
        #expect(self.addresses(answer) == ["10.0.0.1"])
        await #expect(throws: DNSFailure.noAnswer("cart.internal: \(bad.server): \(problem)")) {
            try await self.client(bad.server).resolve("cart.internal", .a)
        }
        await bad.stop()
        await good.stop()
    }

    @Test("a server that fails is passed over for the next", arguments: [1, 2, 4, 5, 9])
    func failingServers(code: Int) async throws {
        let bad = try await LyingServer.start { [.send($0.answer(flags: 0x8180 | code))] }
        let good = try await LyingServer.start { [.send($0.answer(Self.truth))] }
        let answer = try await self.client(bad.server, good.server).resolve("cart.internal", .a)
        #expect(self.addresses(answer) == ["10.0.0.1"])
        await bad.stop()
        await good.stop()
    }

    @Test("a server that does not know EDNS is asked again without", arguments: [1, 4])
    func withoutExtension(code: Int) async throws {
        let server = try await LyingServer.start { query in
            guard query.isExtended else { return [.send(query.answer(Self.truth))] }
            // Some such servers send back nothing but a header.
            return [.send([query.identifier, 0x8180 | code, 0, 0, 0, 0].flatMap(DNSWire.number))]
        }
        let answer = try await self.client(server.server).resolve("cart.internal", .a)
        #expect(self.addresses(answer) == ["10.0.0.1"])
        #expect(server.queries.entries.map(\.isExtended) == [true, false])
        await server.stop()
    }

    @Test("that there is no such name is believed at once", arguments: [0x8183, 0x8180])
    func noSuchName(flags: Int) async throws {
        let first = try await LyingServer.start { [.send($0.answer(flags: flags))] }
        let second = try await LyingServer.start { [.send($0.answer(Self.truth))] }
        await #expect(throws: DNSFailure.noSuchName("cart.internal")) {
            try await self.client(first.server, second.server, rounds: 2).resolve("cart.internal", .a)
        }
        #expect(first.queries.entries.count == 1)
        #expect(second.queries.entries.isEmpty)
        await first.stop()
        await second.stop()
    }

    @Test("silent servers are tried in order, twice, and then given up in bounded time")
    func silence() async throws {
        let first = try await LyingServer.start { _ in [] }
        let second = try await LyingServer.start { _ in [] }
        let client = self.client(first.server, second.server, patience: .milliseconds(200), rounds: 2)
        let within = "no answer within 0.2 seconds"
        let failure = DNSFailure.noAnswer("cart.internal: \(first.server): \(within); \(second.server): \(within)")
        let time = await ContinuousClock().measure {
            await #expect(throws: failure) { try await client.resolve("cart.internal", .a) }
        }
        #expect(try await first.queries.wait(for: 2).count == 2)
        #expect(try await second.queries.wait(for: 2).count == 2)
        #expect(time >= .milliseconds(800) && time < .seconds(20))
        await first.stop()
        await second.stop()
    }

    @Test("a server that is not there is noticed without waiting")
    func nobodyListens() async throws {
        let gone = try await LyingServer.start { _ in [] }
        await gone.stop()
        await #expect(throws: DNSFailure.noAnswer("cart.internal: \(gone.server): Connection refused")) {
            try await self.client(gone.server, patience: .seconds(30)).resolve("cart.internal", .a)
        }
    }

    @Test("what is no name is not asked for, and without servers nobody is", arguments: ["", "a b", "a..b"])
    func notAskable(name: String) async {
        await #expect(throws: DNSFailure.notAskable("'\(name)' is not a name")) {
            try await self.client().resolve(name, .a)
        }
        await #expect(throws: DNSFailure.self) { try await self.client().resolve("cart.internal", .a) }
    }

    @Test("identifiers and source ports cannot be foretold")
    func randomness() async throws {
        let server = try await LyingServer.start { [.send($0.answer(Self.truth))] }
        for _ in 0..<64 { _ = try await self.client(server.server).resolve("cart.internal", .a) }
        // Of 64 out of 65,536 (or 28,232 ports) more than four fall together once in many lifetimes.
        #expect(Set(server.queries.entries.map(\.identifier)).count >= 60)
        #expect(Set(server.queries.entries.map(\.port)).count >= 58)
        let steps = zip(server.queries.entries, server.queries.entries.dropFirst())
            .map { $1.identifier - $0.identifier }
        #expect(Set(steps).count >= 55)
        await server.stop()
    }

    @Test("a cancelled resolution ends at once and leaves no socket open", arguments: [false, true])
    func cancellation(overStream: Bool) async throws {
        let server = try await LyingServer.start { query in
            overStream && !query.isStream ? [.send(query.answer(flags: 0x8380))] : []
        }
        let client = self.client(server.server, patience: .seconds(30), rounds: 5)
        let task = Task { try await client.resolve("cart.internal", .a) }
        let queries = try await server.queries.wait(for: overStream ? 2 : 1)
        let port = try #require(queries.first?.port)
        if !overStream { #expect(!self.isFree(port)) }
        task.cancel()
        await #expect(throws: DNSFailure.cancelled) { try await task.value }
        #expect(try await self.becomesFree(port))
        if overStream { try await server.ends.wait(for: 1) }
        await server.stop()
    }

    @Test("no socket stays open behind an answer, a failure or silence", arguments: ["true", "bad", "long", "silent"])
    func noLeak(name: String) async throws {
        let server = try await LyingServer.start { query in
            switch query.name {
            case "true": [.send(query.answer(Self.truth))]
            case "bad": [.send(query.answer(flags: 0x8182))]
            case "long": query.isStream ? [.sendBare([1])] : [.send(query.answer(flags: 0x8380))]
            default: []
            }
        }
        _ = try? await self.client(server.server, patience: .seconds(2)).resolve(name, .a)
        let queries = server.queries.entries
        #expect(queries.count == (name == "long" ? 2 : 1))
        for query in queries where !query.isStream { #expect(try await self.becomesFree(query.port)) }
        if name == "long" { try await server.ends.wait(for: 1) }
        await server.stop()
    }

    /// Whether the port is free within a time in which no query runs out. It may be held for a moment after it was
    /// closed here: a process that another test is just starting has a copy of every descriptor.
    private func becomesFree(_ port: Int) async throws -> Bool {
        for _ in 0..<500 where !self.isFree(port) { try await Task.sleep(for: .milliseconds(20)) }
        return self.isFree(port)
    }

    /// Whether no socket of 127.0.0.1 has this UDP port.
    private func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        place.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        return withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
