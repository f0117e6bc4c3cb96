import NIOCore
import Testing
import UsherTestKit

/// Many requests for an answer that is not there yet.
@Suite("Requests that miss at once", .timeLimit(.minutes(3)))
struct CoalescingTests {
    private static let workers = "workers: 2\nlimits: { connections-per-client: 100000 }"

    @Test("ten thousand that miss one answer at once ask the service once")
    func once() async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { _, number in Text.answer("\(number)", "Cache-Control: max-age=60\r\n") }
            let gateway = try await stage.cached(origin, more: Self.workers)
            let start = ContinuousClock.now
            var talks: [(talk: HTTP2Talk, streams: [UInt32])] = []
            for _ in 0..<100 {
                var talk = try await HTTP2Talk(stage.client(gateway))
                var streams: [UInt32] = []
                for _ in 0..<100 { streams.append(try await talk.send("/hot")) }
                talks.append((talk, streams))
            }
            try await origin.requests.wait(for: 1)
            // On a busy machine that took a while, and after each five seconds one of those that wait asks anew.
            let leaders = 1 + Int((ContinuousClock.now - start) / .seconds(5))
            origin.letGo()
            var bodies: [String: Int] = [:]
            for index in talks.indices {
                for stream in talks[index].streams {
                    bodies[try await talks[index].talk.answer(to: stream).text, default: 0] += 1
                }
            }
            #expect(bodies.values.reduce(0, +) == 10_000 && bodies.count <= leaders)
            #expect(origin.count <= leaders)
        }
    }

    /// Clients on connections of their own that all wait for one held answer.
    private static func crowd(_ count: Int, _ stage: Stage, _ gateway: RunningGateway, _ fields: String = "")
        async throws -> [RawConnection]
    {
        var clients: [RawConnection] = []
        for _ in 0..<count {
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/hot", fields))
            clients.append(client)
        }
        return clients
    }

    @Test("an answer that may not be kept lets the others ask at once, not one after the other")
    func uncacheable() async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { _, number in Text.answer("\(number)", "Cache-Control: private\r\n") }
            let gateway = try await stage.cached(origin, more: Self.workers)
            let clients = try await Self.crowd(20, stage, gateway)
            try await origin.requests.wait(for: 1)
            origin.letGo()
            var bodies: Set<String> = []
            for client in clients { bodies.insert(try await client.receiveAnswer().text) }
            #expect(bodies.count == 20 && origin.count == 20)
            // From now on nobody waits for anybody.
            #expect(try await gateway.ask(Text.get("/hot")).cache?.contains("collapsed") == false)
        }
    }

    @Test("a service that breaks off before its answer fails the first, and the others ask for themselves")
    func leaderFails() async throws {
        try await onStage { stage in
            let gate = Signal()
            let asked = Journal<String>()
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if asked.note(request.target) == 1 {
                        try await gate.wait()
                        return
                    }
                    try await peer.send(Text.answer("ok", "Cache-Control: max-age=60\r\n"))
                }
            }
            let gateway = try await stage.cached(at: upstream, service: "retries: { attempts: 1 }", more: Self.workers)
            let clients = try await Self.crowd(20, stage, gateway)
            try await asked.wait(for: 1)
            gate.fire()
            var statuses: [Int: Int] = [:]
            for client in clients { statuses[try await client.receiveAnswer().status, default: 0] += 1 }
            #expect(statuses == [502: 1, 200: 19])
        }
    }

    @Test("the client that asked first may leave: its answer comes for the others, and is kept")
    func leaderLeaves() async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { _, number in Text.answer("\(number)", "Cache-Control: max-age=60\r\n") }
            let gateway = try await stage.cached(origin, more: Self.workers)
            let leader = try await Self.crowd(1, stage, gateway)
            try await origin.requests.wait(for: 1)
            let others = try await Self.crowd(5, stage, gateway)
            await leader[0].close()
            origin.letGo()
            for client in others { #expect(try await client.receiveAnswer().text == "1") }
            #expect(try await gateway.ask(Text.get("/hot")).cache?.hasPrefix("hit") == true)
            #expect(origin.count == 1)
        }
    }

    @Test("after five seconds of waiting one asks anew, for all that wait")
    func patience() async throws {
        try await onStage { stage in
            let gate = Signal()
            let asked = Journal<String>()
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    let number = asked.note(request.target)
                    if number == 1 { try await gate.wait() }
                    try await peer.send(Text.answer("\(number)", "Cache-Control: max-age=60\r\n"))
                }
            }
            let gateway = try await stage.cached(at: upstream, more: Self.workers)
            let leader = try await Self.crowd(1, stage, gateway)
            try await asked.wait(for: 1)
            let followers = try await Self.crowd(5, stage, gateway)
            for client in followers { #expect(try await client.receiveAnswer().text == "2") }
            #expect(asked.entries.count == 2)
            gate.fire()
            #expect(try await leader[0].receiveAnswer().text == "1")
        }
    }

    @Test("an answer flows to all while it comes, and a client that takes nothing holds up nobody")
    func streams() async throws {
        try await onStage { stage in
            let (half, rest) = (String(repeating: "a", count: 300_000), String(repeating: "b", count: 300_000))
            let gate = Signal()
            let upstream = try await stage.upstream { peer in
                while try await peer.receiveRequest() != nil {
                    try await peer.send(
                        "HTTP/1.1 200 OK\r\nContent-Length: 600000\r\nCache-Control: max-age=60\r\n\r\n" + half)
                    try await gate.wait()
                    try await peer.send(rest)
                }
            }
            let gateway = try await stage.cached(at: upstream, more: Self.workers)
            // It asks first, and reads nothing for now.
            let slow = try await stage.client(gateway, receiveBuffer: 4096)
            try await slow.send(Text.get("/hot"))
            let quick = try await Self.crowd(6, stage, gateway)
            for client in quick {
                #expect(try await client.receiveHead().status == 200)
                #expect(String(buffer: try await client.receive(count: half.utf8.count)) == half)
            }
            gate.fire()
            for client in quick { #expect(String(buffer: try await client.receive(count: rest.utf8.count)) == rest) }
            #expect(try await gateway.ask(Text.get("/hot")).cache?.hasPrefix("hit") == true)
            #expect(try await slow.receiveAnswer().text == half + rest)
        }
    }

    @Test("who waits for an answer that turns out to be for others gets its own")
    func varies() async throws {
        try await onStage { stage in
            let origin = Origin(isHeld: true) { request, _ in
                Text.answer(
                    request.value("accept-language") ?? "-", "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n")
            }
            let gateway = try await stage.cached(origin, more: Self.workers)
            var clients: [(String, RawConnection)] = []
            for round in 0..<10 {
                for language in ["de", "fr", "it"] {
                    let client = try await stage.client(gateway)
                    try await client.send(Text.get("/hot", "Accept-Language: \(language)\r\n"))
                    clients.append((language, client))
                    if round == 0, language == "de" { try await origin.requests.wait(for: 1) }
                }
            }
            origin.letGo()
            for (language, client) in clients { #expect(try await client.receiveAnswer().text == language) }
            // The first of each language asked, and those that waited for another one's answer meanwhile.
            #expect(origin.count < 25)
        }
    }

    @Test("an answer that breaks off is cut off for all, and never kept as a whole")
    func cutOff() async throws {
        try await onStage { stage in
            let gate = Signal()
            let asked = Journal<String>()
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if asked.note(request.target) > 1 {
                        try await peer.send(Text.answer("whole", "Cache-Control: max-age=60\r\n"))
                        continue
                    }
                    try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nCache-Control: max-age=60\r\n\r\nhalf")
                    try await gate.wait()
                    return
                }
            }
            let gateway = try await stage.cached(at: upstream, more: Self.workers)
            let clients = try await Self.crowd(4, stage, gateway)
            for client in clients { #expect(try await client.receiveHead().status == 200) }
            gate.fire()
            for client in clients {
                #expect(String(buffer: try await client.receive(count: 4)) == "half")
                try await client.waitForEnd()
            }
            #expect(try await gateway.ask(Text.get("/hot")).text == "whole")
        }
    }
}
