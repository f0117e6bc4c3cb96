import Foundation
import Testing
import UsherTestKit

extension FaultTests {
    /// Handshakes that stall, break off, or are none, while good clients come in TLS all the time.
    @Suite(.timeLimit(.minutes(2))) struct TLSAttackTests {
        /// A TLS listener, with good clients on it over both versions of HTTP.
        private func besieged(_ limits: String = "", _ body: (Siege) throws -> Void) throws {
            let replica = try ReplicaProcess()
            let more = "limits: { connections-per-client: 60000\(limits) }\n\(TLSTools.listener)"
            let configuration = Configuration.proxying([replica.port], more: more)
            try UsherProcess.running(configuration, files: try TLSTools.files.get()) { usher in
                let port = usher.port
                let clients = [
                    GoodClient(.http1) { try TLSTools.connect(port, applicationProtocol: "http/1.1") },
                    GoodClient(.http2) { try TLSTools.connect(port, applicationProtocol: "h2") },
                ]
                try body(Siege(usher, clients: clients))
            }
        }

        /// Handshakes that ended so.
        private func handshakes(_ siege: Siege, _ outcome: String) throws -> Int {
            try siege.usher.scrape().count("usher_tls_handshakes_total", "outcome=\"\(outcome)\"")
        }

        @Test("handshakes that stall, wherever they do, are ended when their time is over, and counted")
        func stalls() throws {
            let hello = [UInt8](try TLSTools.hello.get())
            let stages = [[], [22], Array(hello.prefix(hello.count / 2)), hello, hello + [22, 3, 3, 0, 100, 1]]
            try self.besieged(", head-time: 1s") { siege in
                try siege.withstand("stalled handshakes") { horde in
                    horde.playEach(within: .seconds(14)) { $1 == 0 ? stages[$0.index % stages.count] : nil }
                    #expect(horde.closed == 100)
                    let late = try self.handshakes(siege, "timed-out")
                    #expect(late == 100)
                }
            }
        }

        @Test("a first message that comes a byte at a time is understood, and its client may leave at any moment")
        func bytewise() throws {
            let hello = [UInt8](try TLSTools.hello.get())
            try self.besieged { siege in
                try siege.withstand("a byte at a time") { horde in
                    // A certificate is longer than that, and any alert is shorter.
                    horde.play(until: { $0.receivedBytes > 300 }) { $0 < hello.count ? [hello[$0]] : nil }
                    #expect(horde.members.allSatisfy { $0.receivedBytes > 300 }, "\(horde.members[0].testDescription)")
                }
                let left = try self.handshakes(siege, "aborted")
                #expect(left == 100)
            }
        }

        @Test("noise in place of a handshake, or in the middle of one, is refused at once and counted")
        func noise() throws {
            let seed = UInt64.random(in: .min ... .max)
            print("seed \(seed)")
            var random = SplitMix(seed: seed)
            let hello = [UInt8](try TLSTools.hello.get())
            let noises = (0..<100).map { index -> [UInt8] in
                let bytes = (0..<2000).map { _ in UInt8.random(in: 0...255, using: &random) }
                return switch index % 4 {
                // Records of no version, records of noise, and a hello that is answered and followed by noise.
                case 0: [22, 0x99] + bytes
                case 1: [22, 3, 1, 7, 0xD0] + [2] + bytes.dropFirst()
                case 2: hello + [23, 3, 3, 7, 0xD0] + bytes
                default: Array(hello.prefix(60)) + bytes
                }
            }
            try self.besieged { siege in
                try siege.withstand("noise") { horde in
                    horde.playEach(within: .seconds(14)) { $1 == 0 ? noises[$0.index] : nil }
                    #expect(horde.closed == 100, "seed \(seed)")
                }
                let scrape = try siege.usher.scrape()
                let ended = scrape.count("usher_tls_handshakes_total")
                let completed = scrape.count("usher_tls_handshakes_total", "outcome=\"completed\"")
                #expect(ended - completed == 100, "seed \(seed): \(scrape.text)")
            }
        }

        @Test("handshakes broken off in the middle, by the hundreds, leave nothing behind and are counted")
        func aborts() throws {
            let hello = try TLSTools.hello.get()
            try self.besieged { siege in
                let port = siege.usher.port
                try siege.withstand("broken off", count: 1) { _ in
                    for round in 0..<500 {
                        let client = try RawClient(port)
                        client.send(hello)
                        guard round % 2 == 0 else { continue }
                        // In the middle of the answer, by a reset instead of an end.
                        _ = client.readSome(upTo: 5)
                        var reset = linger(l_onoff: 1, l_linger: 0)
                        setsockopt(
                            client.descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
                    }
                }
                let left = try self.handshakes(siege, "aborted")
                #expect(left == 500)
            }
        }

        @Test("plain requests at a port of TLS, by the hundreds, are told so and counted")
        func plaintext() throws {
            try self.besieged { siege in
                try siege.withstand("plain requests", count: 300) { horde in
                    horde.play { $0 == 0 ? Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8) : nil }
                    #expect(horde.closed == 300)
                    #expect(horde.members.allSatisfy { $0.receivedBytes > 150 }, "\(horde.members[0].testDescription)")
                }
                let told = try self.handshakes(siege, "plaintext")
                #expect(told == 300)
            }
        }

        @Test("floods inside TLS are ended as those in the clear")
        func floods() throws {
            let pings = Array(repeatElement(HTTP2Wire.ping(), count: 900).joined())
            try self.besieged { siege in
                let port = siege.usher.port
                // Each has a process of its own.
                try siege.withstand(
                    "pings inside TLS", count: 20, connect: { try TLSTools.connect(port, applicationProtocol: "h2") }
                ) { horde in
                    horde.play { $0 == 0 ? HTTP2Wire.hello : pings }
                    #expect(horde.told("ENHANCE_YOUR_CALM") == 20, "\(horde.members[0].testDescription)")
                }
                let failed = try siege.usher.metric("usher_http2_connections_failed_total")
                #expect(failed == 20)
            }
        }

        /// `USHER_FAULT_IDLE`, else as many as are opened in a few seconds.
        private static var idleCount: Int {
            ProcessInfo.processInfo.environment["USHER_FAULT_IDLE"].flatMap { Int($0) } ?? 1000
        }

        @Test("a thousand idle TLS connections, opened in a row, take little each and hinder nobody")
        func idle() throws {
            try self.besieged { siege in
                try siege.withstand("handshakes in a row", count: 1, mebibytesMax: 16 + Self.idleCount / 16) { _ in
                    let idle = try IdleTLS(siege.usher.port, count: Self.idleCount)
                    let areOpen = idle.readLine() == "open"
                    #expect(areOpen)
                    let perConnection = (siege.usher.residentMebibytes - siege.memory) * 1024 / Self.idleCount
                    print("\(Self.idleCount) idle TLS connections, \(perConnection) KiB each")
                    #expect(idle.finish() == Self.idleCount)
                }
            }
        }
    }
}
