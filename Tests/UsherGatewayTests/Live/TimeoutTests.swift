import NIOCore
import Testing
import UsherTestKit

@Suite("Time-outs and clients that leave", .timeLimit(.minutes(1)))
struct TimeoutTests {
    private static let silent: ScriptedUpstream.Script = { peer in
        _ = try await peer.receiveRequest()
        try await peer.waitForEnd()
    }

    @Test("no first byte within timeouts.response is 504, and the replica's connection is closed")
    func response() async throws {
        try await onStage { stage in
            let ended = Signal()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.waitForEnd()
                ended.fire()
            }
            let gateway = try await stage.gateway(to: upstream, keys: "timeouts: { response: 300ms }")
            #expect(try await gateway.ask(Text.post(body: "x")).status == 504)
            try await ended.wait()
        }
    }

    @Test("a GET whose replica stays silent is answered by another one")
    func responseIsRetried() async throws {
        try await onStage { stage in
            let silent = try await stage.upstream(script: Self.silent)
            let good = try await stage.upstream()
            let gateway = try await stage.gateway(
                to: silent, good, keys: "balance: round-robin, timeouts: { response: 3s }")
            for _ in 1...2 { #expect(try await gateway.ask(Text.get()).status == 200) }
            #expect(silent.received.joined().contains("GET / "))
        }
    }

    @Test("timeouts.total bounds all tries together")
    func total() async throws {
        try await onStage { stage in
            let one = try await stage.upstream(script: Self.silent)
            let two = try await stage.upstream(script: Self.silent)
            let gateway = try await stage.gateway(
                to: one, two, keys: "timeouts: { response: 20s, total: 400ms }, retries: { attempts: 5 }")
            #expect(try await gateway.ask(Text.get()).status == 504)
            #expect(one.connections.entries.count + two.connections.entries.count <= 1)
        }
    }

    @Test("a route's own time-outs count instead of the service's")
    func routeTimeouts() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(script: Self.silent)
            let gateway = try await stage.gateway(
                """
                services: { web: { replicas: ["\(upstream.address)"], timeouts: { response: 20s } } }
                routes: [{ service: web, timeouts: { response: 300ms } }]
                """)
            #expect(try await gateway.ask(Text.get()).status == 504)
        }
    }

    @Test("silence inside an answer longer than timeouts.idle cuts it off")
    func idle() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
                try await peer.waitForEnd()
            }
            let gateway = try await stage.gateway(to: upstream, keys: "timeouts: { idle: 300ms }")
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            try await client.waitForEnd()
            #expect(client.received.hasSuffix("some"))
            try await gateway.stop()
            let line = try #require(try gateway.accessLog().first)
            #expect((line["why"] as? String)?.contains("silent") == true)
        }
    }

    @Test("a client that leaves ends the replica's work: its connection closes", arguments: [true, false])
    func clientAborts(answerHasBegun: Bool) async throws {
        try await onStage { stage in
            let atWork = Signal()
            let ended = Signal()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                if answerHasBegun { try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome") }
                atWork.fire()
                try await peer.waitForEnd()
                ended.fire()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            if answerHasBegun { _ = try await client.receive(through: "some") }
            try await atWork.wait()
            await client.close()
            try await ended.wait()
            try await gateway.wait(
                for:
                    "usher_endpoint_requests_total{service=\"web\",endpoint=\"\(upstream.address)\","
                    + "outcome=\"client-aborted\"}",
                toBe: 1)
        }
    }

    @Test("a client that leaves in the middle of its upload ends the replica's request")
    func clientAbortsUpload() async throws {
        try await onStage { stage in
            let begun = Signal()
            let ended = Signal()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receive(through: "half")
                begun.fire()
                try await peer.waitForEnd()
                ended.fire()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
            try await begun.wait()
            await client.reset()
            try await ended.wait()
        }
    }

    @Test("a client that does not read makes the replica wait: what Usher holds stays small")
    func slowReader() async throws {
        try await onStage { stage in
            let size = 256 << 20
            let piece = ByteBuffer(repeating: 0x61, count: 1 << 20)
            let progress = Journal<Int>()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                for number in 1...(size >> 20) {
                    try await peer.send(piece)
                    progress.note(number)
                }
            }
            let gateway = try await stage.gateway(to: upstream, keys: "timeouts: { idle: 3s }")
            let client = try await stage.client(gateway, receiveBuffer: 65536)
            try await client.send(Text.get())
            let head = try await client.receiveHead()
            #expect(head.status == 200)
            // The replica gets stuck: time passes and nothing more is taken, though it has far more to send. The
            // idle time-out passes, too, and does not count, because it is the client who does not read.
            var last = -1
            while last != progress.entries.count {
                last = progress.entries.count
                try await Task.sleep(for: .seconds(4))
            }
            #expect(last < 32, "\(last) MiB were taken from the replica")
            var count = 0
            while count < size, let bytes = try await client.receive() { count += bytes.readableBytes }
            #expect(count == size)
        }
    }

    @Test("a replica that does not read makes the client wait, and then gets everything")
    func slowReplica() async throws {
        try await onStage { stage in
            let size = 64 << 20
            let goOn = Signal()
            let upstream = try await stage.upstream(receiveBuffer: 65536) { peer in
                _ = try await peer.receiveHead()
                try await goOn.wait()
                var count = 0
                while count < size, let bytes = try await peer.receive() { count += bytes.readableBytes }
                try await peer.send(Text.answer("\(count)"))
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
            let progress = Journal<Int>()
            let sending = Task {
                let piece = ByteBuffer(repeating: 0x61, count: 1 << 20)
                for number in 1...(size >> 20) {
                    try await client.send(piece)
                    progress.note(number)
                }
            }
            var last = -1
            while last != progress.entries.count {
                last = progress.entries.count
                try await Task.sleep(for: .seconds(1))
            }
            #expect(last < 32, "\(last) MiB were taken from the client")
            goOn.fire()
            #expect(try await client.receiveAnswer().text == "\(size)")
            try await sending.value
        }
    }

    @Test("a body that comes more slowly than body-rate, once its grace is over, is 408, and the replica's try ends")
    func slowBody() async throws {
        try await onStage { stage in
            let ended = Signal()
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveHead()
                try await peer.waitForEnd()
                ended.fire()
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nfew")
            #expect(try await client.receiveAnswer().status == 408)
            try await client.waitForEnd()
            try await ended.wait()
        }
    }

    @Test("a client that leaves while Usher still connects for it leaves no try behind")
    func clientAbortsConnecting() async throws {
        try await onStage { stage in
            // TEST-NET-1 (RFC 5737): nobody answers there, so the connection attempt hangs or is refused by the system.
            let gateway = try await stage.gateway(
                "services: { web: { replicas: [\"192.0.2.1:9\"], timeouts: { connect: 20s } } }")
            let inFlight = "usher_endpoint_requests_in_flight{service=\"web\",endpoint=\"192.0.2.1:9\"}"
            let client = try await stage.client(gateway)
            try await client.send(Text.get())
            try await gateway.wait(for: "usher_client_connections", toBe: 1)
            await client.close()
            try await gateway.wait(for: "usher_client_connections", toBe: 0)
            try await gateway.wait(for: inFlight, toBe: 0)
        }
    }

    @Test("a client that pipelines and reads no answers is not served ahead without end")
    func pipeliningWithoutReading() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                "routes: [{ respond: { status: 200, body: \(String(repeating: "x", count: 1000)) } }]")
            let client = try await stage.client(gateway, receiveBuffer: 4096)
            let requests = Text.get()
            let count = 200_000
            client.sendInBackground(ByteBuffer(string: String(repeating: requests, count: count)))
            var last = -1.0
            var now = 0.0
            while last != now {
                last = now
                try await Task.sleep(for: .seconds(1))
                now = try await gateway.metric("usher_sent_bytes_total{service=\"-\",route=\"*\"}") ?? 0
            }
            // 200 MB of answers are asked for; the sockets' own buffers take a few.
            #expect(now < 24e6)
            await client.reset()
        }
    }

    @Test(
        "the last bytes of an answer are not cut off when a client that rests reads on and the connection is to close",
        arguments: (0..<12).map { (5 << 19) + $0 << 17 })
    func lastAnswerToSlowReader(size: Int) async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                try await peer.send(ByteBuffer(repeating: 0x61, count: size))
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway, receiveBuffer: 65536)
            try await client.send(Text.get("/", "Connection: close\r\n"))
            let head = try await client.receiveHead()
            #expect(head.status == 200)
            // The sizes straddle what the sockets' buffers hold, so that for one of them the last bytes wait in Usher
            // alone. The client rests for longer than a refused one is listened to.
            try await Task.sleep(for: .seconds(4))
            var count = 0
            while count < size, let bytes = try await client.receive() { count += bytes.readableBytes }
            #expect(count == size)
        }
    }
}
