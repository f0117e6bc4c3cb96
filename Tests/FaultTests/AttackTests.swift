import Foundation
import Testing

extension FaultTests {
    /// Clients that cost as much as they can; each must leave Usher as it was, and the good client served meanwhile.
    @Suite(.timeLimit(.minutes(1))) struct AttackTests {
        private static let manyClients = "limits: { connections-per-client: 60000, head-time: 1s, idle: 1s }"

        @Test("400 heads that never end get 408 and are closed, while others are served")
        func slowHeads() throws {
            let replica = try ReplicaProcess()
            try UsherProcess.running(Configuration.proxying([replica.port], more: Self.manyClients)) { usher in
                let before = usher.descriptors
                var slow: [RawClient] = []
                for index in 0..<400 {
                    let client = try RawClient(usher.port)
                    client.send("GET /item/\(index) HTTP/1.1\r\nX-Slow: ")
                    slow.append(client)
                }
                for client in slow { client.send("a") }
                let good = try LoadReport(port: usher.port, requests: 200, connections: 4)
                #expect(good.lost == 0, "\(good.text)")
                for client in slow { #expect(client.readToEnd().hasPrefix("HTTP/1.1 408 ")) }
                slow.removeAll()
                try usher.expectAtRest(descriptors: before)
                #expect(try usher.metric("usher_requests_total", "code=\"2xx\"", "service=\"web\"") == 200)
            }
        }

        @Test("500 connections that say nothing are closed after the idle time")
        func idleConnections() throws {
            try UsherProcess.running(Configuration.proxying([1], more: Self.manyClients)) { usher in
                let before = usher.descriptors
                var idle: [RawClient] = []
                for _ in 0..<500 { idle.append(try RawClient(usher.port)) }
                let isCounted = try eventually { try usher.metric("usher_client_connections") >= 500 }
                #expect(isCounted)
                #expect(RawClient.status(usher.port, "/fixed") == 200)
                for client in idle { #expect(client.isClosedByPeer()) }
                idle.removeAll()
                try usher.expectAtRest(descriptors: before)
            }
        }

        @Test("a body that comes too slowly gets 408 after its grace")
        func slowBody() throws {
            // Waits for the whole body, as most replicas do.
            let replica = try ScriptedReplica { conversation in
                _ = conversation.nextHead()
                while conversation.read() != nil {}
            }
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let before = usher.descriptors
                var client: RawClient? = try RawClient(usher.port, patience: 20)
                client?.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nonly this")
                let text = client?.readToEnd() ?? ""
                #expect(text.hasPrefix("HTTP/1.1 408 "), "\(text)")
                client = nil
                try usher.expectAtRest(descriptors: before)
            }
        }

        @Test("20 clients that read nothing of 100 MiB answers cost little memory, and none once they are gone")
        func slowReaders() throws {
            let replica = try ReplicaProcess()
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let before = (descriptors: usher.descriptors, memory: usher.residentMebibytes)
                var clients: [RawClient] = []
                for _ in 0..<20 {
                    let client = try RawClient(usher.port)
                    client.send("GET /bytes/104857600 HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(!client.readSome().isEmpty)
                    clients.append(client)
                }
                // Its buffers are full once it no longer works.
                #expect(self.isAtRest(usher))
                #expect(usher.residentMebibytes < before.memory + 24)
                #expect(RawClient.status(usher.port, "/item/7") == 200)
                clients.removeAll()
                try usher.expectAtRest(descriptors: before.descriptors)
            }
        }

        @Test(
            "a client that asks without end and reads nothing costs little memory",
            arguments: ["/fixed", "/item/5"])
        func pipeliningWithoutReading(path: String) throws {
            let replica = try ReplicaProcess()
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let before = (descriptors: usher.descriptors, memory: usher.residentMebibytes)
                var client: RawClient? = try RawClient(usher.port, patience: 2, receiveBuffer: 4096)
                let requests = Data(String(repeating: "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", count: 20_000).utf8)
                var sent = 0
                for _ in 0..<20 {
                    let count = client?.send(requests) ?? 0
                    sent += count
                    if count < requests.count || usher.residentMebibytes > before.memory + 100 { break }
                }
                #expect(usher.residentMebibytes < before.memory + 24, "after \(sent) bytes")
                client = nil
                try usher.expectAtRest(descriptors: before.descriptors)
            }
        }

        @Test("20,000 requests sent at once on one connection are answered in their order")
        func pipelining() throws {
            let replica = try ReplicaProcess()
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                let client = try RawClient(usher.port)
                let count = 20_000
                let writer = Thread {
                    for start in stride(from: 0, to: count, by: 1000) {
                        client.send(
                            (start..<start + 1000).map { index in
                                let path = index % 10 == 0 ? "/n/\(index)" : "/fixed"
                                return "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"
                            }.joined())
                    }
                }
                writer.start()
                for index in 0..<count {
                    guard let answer = client.readAnswer() else {
                        Issue.record("the connection ended before answer \(index)")
                        break
                    }
                    let body = index % 10 == 0 ? "/n/\(index)\n" : "fixed\n"
                    guard answer.status == 200, answer.body == body else {
                        Issue.record("answer \(index) is \(answer)")
                        break
                    }
                }
            }
        }

        @Test("noise of every kind on 400 connections is refused and reaches no replica")
        func noise() throws {
            let seed = UInt64.random(in: .min ... .max)
            print("seed \(seed)")
            var random = SplitMix(seed: seed)
            let replica = try ScriptedReplica { conversation in
                while conversation.nextHead() != nil {
                    conversation.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let hello = Data([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] + (0..<500).map { UInt8(truncatingIfNeeded: $0) })
            let greetings = [
                hello, Data("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), Data(count: 5000), Data([0x05, 0x01, 0x00]),
                Data("SSH-2.0-OpenSSH_9.2\r\n".utf8), Data("\r\n\r\n\r\n\r\n".utf8), Data("EHLO x\r\n".utf8),
            ]
            try UsherProcess.running(Configuration.proxying([replica.port], more: Self.manyClients)) { usher in
                let before = usher.descriptors
                for round in 0..<400 {
                    let client = try RawClient(usher.port)
                    if round % 2 == 0 {
                        client.send(greetings[round / 2 % greetings.count])
                    } else {
                        let count = Int.random(in: 1...3000, using: &random)
                        client.send(Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }))
                    }
                }
                try usher.expectAtRest(descriptors: before)
                #expect(RawClient.status(usher.port, "/fixed") == 200)
                #expect(replica.received == [])
            }
        }

        @Test("3,000 connections one after the other leave nothing behind")
        func manyConnections() throws {
            let replica = try ReplicaProcess()
            try UsherProcess.running(Configuration.proxying([replica.port])) { usher in
                for _ in 0..<500 { #expect(RawClient.status(usher.port, "/item/3") == 200) }
                let before = (descriptors: usher.descriptors, memory: usher.residentMebibytes)
                for round in 0..<2500 {
                    switch round % 3 {
                    case 0: #expect(RawClient.status(usher.port, "/item/3") == 200)
                    case 1: _ = try RawClient(usher.port)
                    default: try RawClient(usher.port).send("GET /item/3 HTTP/1.1\r\nHost: a\r\n\r\n")
                    }
                }
                try usher.expectAtRest(descriptors: before.descriptors)
                #expect(usher.residentMebibytes <= before.memory + 4)
            }
        }

        @Test("a client's connections above its limit are refused at once, and counted until it closes some")
        func connectionsPerClient() throws {
            let limits = "limits: { connections-per-client: 8 }"
            try UsherProcess.running(Configuration.proxying([1], more: limits)) { usher in
                var clients: [RawClient] = []
                for _ in 0..<8 {
                    let client = try RawClient(usher.port)
                    #expect(client.get("/fixed")?.status == 200)
                    clients.append(client)
                }
                #expect(try RawClient(usher.port).readToEnd() == "")
                #expect(try usher.metric("usher_client_connections_refused_total") == 1)
                clients.removeLast(2)
                #expect(eventually { RawClient.status(usher.port, "/fixed") == 200 })
                #expect(clients.allSatisfy { $0.get("/fixed")?.status == 200 })
            }
        }

        /// Whether Usher uses next to no processor time for a quarter of a second, soon.
        private func isAtRest(_ usher: UsherProcess) -> Bool {
            eventually {
                let ticks = usher.ticks
                usleep(250_000)
                return usher.ticks - ticks < 3
            }
        }
    }
}

/// Numbers that look random and come again from the same seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
