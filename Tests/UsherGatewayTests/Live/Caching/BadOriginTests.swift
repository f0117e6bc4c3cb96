import NIOCore
import Testing
import UsherTestKit

/// Services that lie, stop half way or say too much.
@Suite("Bad origins and the cache", .timeLimit(.minutes(2)))
struct BadOriginTests {
    @Test(
        "what does not come whole is passed on as far as it goes, and never kept",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nCache-Control: max-age=60\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n5\r\nshort\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n5\r\nshort\r\nzz\r\n",
        ])
    func half(answer: String) async throws {
        try await onStage { stage in
            let asked = Journal<String>()
            let upstream = try await stage.upstream { peer in
                guard let request = try await peer.receiveRequest() else { return }
                asked.note(request.target)
                try await peer.send(answer)
            }
            let gateway = try await stage.cached(at: upstream, service: "retries: { attempts: 1 }")
            for _ in 1...2 {
                let client = try await stage.client(gateway)
                try await client.send(Text.get())
                #expect(try await client.receiveHead().status == 200)
                try await client.waitForEnd()
                #expect(client.received.contains("short"))
            }
            #expect(asked.entries.count == 2)
        }
    }

    @Test(
        "whole answers of every framing are kept",
        arguments: [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n4\r\nsome\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\nsome",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n"
                + "Connection: X-Gone\r\nX-Gone: 1\r\n\r\nsome",
        ])
    func framings(answer: String) async throws {
        try await onStage { stage in
            let origin = Origin { _, _ in answer }
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "some")
            let hit = try await gateway.ask(Text.get())
            #expect(hit.text == "some" && hit.cache?.hasPrefix("hit") == true)
            #expect(hit.value("content-length") == "4" && hit.values("x-gone").isEmpty)
            #expect(origin.count == 1)
        }
    }

    @Test("an answer longer than `object-limit` flows to everybody who asked, and is not kept")
    func tooLong() async throws {
        try await onStage { stage in
            let long = String(repeating: "x", count: 3 << 20)
            for framing in ["Content-Length: \(long.utf8.count)", "Connection: close"] {
                let origin = Origin { _, _ in
                    "HTTP/1.1 200 OK\r\n\(framing)\r\nCache-Control: max-age=60\r\n\r\n" + long
                }
                let gateway = try await stage.cached(origin)
                for _ in 1...3 {
                    let answer = try await gateway.ask(Text.get())
                    #expect(answer.body.readableBytes == long.utf8.count)
                    #expect(answer.cache?.hasPrefix("hit") == false)
                }
                #expect(origin.count == 3)
            }
        }
    }

    @Test("answers that come at once take half of the memory at most; the others flow and are not kept")
    func manyAtOnce() async throws {
        try await onStage { stage in
            let gate = Signal()
            let (most, rest) = (String(repeating: "x", count: 900_000), String(repeating: "y", count: 100))
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    try await peer.send(
                        "HTTP/1.1 200 OK\r\nContent-Length: 900100\r\nCache-Control: max-age=60\r\n\r\n")
                    try await peer.send(most)
                    if request.target.hasPrefix("/held") { try await gate.wait() }
                    try await peer.send(rest)
                }
            }
            let gateway = try await stage.gateway(
                """
                caches: { pages: { memory: 16MiB, object-limit: 1MiB } }
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes: [{ service: web, cache: pages }]
                """)
            var clients: [RawConnection] = []
            for number in 0..<20 {
                let client = try await stage.client(gateway)
                try await client.send(Text.get("/held/\(number)"))
                #expect(try await client.receiveHead().status == 200)
                #expect(try await client.receive(count: most.utf8.count).readableBytes == most.utf8.count)
                clients.append(client)
            }
            gate.fire()
            for client in clients { #expect(String(buffer: try await client.receive(count: 100)) == rest) }
            var kept = 0
            for number in 0..<20 {
                let only = "Cache-Control: only-if-cached\r\n"
                if try await gateway.ask(Text.get("/held/\(number)", only)).status == 200 { kept += 1 }
            }
            #expect((8...9).contains(kept))
            // What was on its way counts no more.
            _ = try await gateway.ask(Text.get("/quick"))
            #expect(try await gateway.ask(Text.get("/quick")).cache?.hasPrefix("hit") == true)
        }
    }

    @Test("a client that reads slowly slows down an answer that is not kept, and memory stays small")
    func slowReader() async throws {
        try await onStage { stage in
            let sent = Journal<Int>()
            let upstream = try await stage.upstream { peer in
                guard try await peer.receiveRequest() != nil else { return }
                try await peer.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n")
                let piece = String(repeating: "x", count: 1 << 20)
                for number in 1...64 {
                    try await peer.send(piece)
                    sent.note(number)
                }
            }
            let gateway = try await stage.cached(at: upstream)
            let client = try await stage.client(gateway, receiveBuffer: 4096)
            try await client.send(Text.get())
            #expect(try await client.receiveHead().status == 200)
            // Whatever sockets hold on the way, it is far from 64 MiB.
            _ = try await client.receive(count: 1 << 20)
            #expect(sent.entries.count < 40)
            let rest = try await client.receive(count: 63 << 20)
            #expect(rest.readableBytes == 63 << 20)
        }
    }

    @Test("thousands of variants of one target: the newest are there, and the others make room")
    func variants() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\nVary: X-Any\r\n")
            let gateway = try await stage.cached(origin)
            let client = try await stage.client(gateway)
            for number in 1...2000 {
                #expect(try await client.ask(Text.get("/", "X-Any: \(number)\r\n")).text == "\(number)")
            }
            #expect(try await client.ask(Text.get("/", "X-Any: 2000\r\n")).text == "2000")
            #expect(try await client.ask(Text.get("/", "X-Any: 1900\r\n")).text == "1900")
            #expect(try await client.ask(Text.get("/", "X-Any: 1\r\n")).text == "2001")
        }
    }

    @Test("a `Vary` that changes takes the answers before it along")
    func otherVary() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\nVary: X-One\r\n")
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get("/", "X-One: 1\r\n")).text == "1")
            origin.answers("Cache-Control: max-age=60\r\nVary: X-Two\r\n")
            #expect(try await gateway.ask(Text.get("/", "X-One: 2\r\n")).text == "2")
            #expect(try await gateway.ask(Text.get("/", "X-One: 1\r\n")).text == "2")
            origin.answers("Cache-Control: max-age=60\r\n")
            #expect(try await gateway.ask(Text.get("/", "X-Two: 2\r\n")).text == "3")
            #expect(try await gateway.ask(Text.get("/", "X-Two: 3\r\n")).text == "3")
        }
    }

    @Test("a page under a picture's name is not kept, where that is looked at")
    func deception() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\nContent-Type: text/html\r\n")
            let gateway = try await stage.cached(origin, keys: "check-extension: true")
            #expect(try await gateway.ask(Text.get("/account/x.png")).text == "1")
            #expect(try await gateway.ask(Text.get("/account/x.png")).text == "2")
            #expect(try await gateway.ask(Text.get("/page")).text == "3")
            #expect(try await gateway.ask(Text.get("/page")).text == "3")
        }
    }

    @Test("fields that are no part of the key change nothing that others get")
    func poisoning() async throws {
        try await onStage { stage in
            let origin = Origin { request, _ in
                // A careless service: it writes into its page what anybody may say.
                Text.answer(request.value("x-forwarded-host") ?? "", "Cache-Control: max-age=60\r\n")
            }
            let gateway = try await stage.cached(origin)
            let evil = "X-Forwarded-Host: evil.example\r\nX-Original-URL: /evil\r\nX-Forwarded-Scheme: nothttp\r\n"
            #expect(try await gateway.ask(Text.get("/", evil)).text == "a.example")
            #expect(try await gateway.ask(Text.get()).text == "a.example")
        }
    }

    @Test("hits count against the caller's quota as well")
    func quotas() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(
                origin, route: "quota: few", more: "quotas: { few: { anonymous: 3/h } }")
            for left in [2, 1, 0] {
                let answer = try await gateway.ask(Text.get())
                #expect(answer.text == "1" && answer.value("X-RateLimit-Remaining") == "\(left)")
            }
            #expect(try await gateway.ask(Text.get()).status == 429)
        }
    }

    @Test("parameters that tell nothing apart, and their order, where the file says so")
    func query() async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\n")
            let gateway = try await stage.cached(origin, keys: "drop-query: [utm_*, fbclid], sort-query: true")
            #expect(try await gateway.ask(Text.get("/?b=2&a=1&utm_source=x")).text == "1")
            #expect(try await gateway.ask(Text.get("/?a=1&fbclid=7&b=2")).text == "1")
            #expect(try await gateway.ask(Text.get("/?a=1&b=3")).text == "2")
            #expect(try await gateway.ask(Text.get("/?a=2&a=1")).text == "3")
            #expect(try await gateway.ask(Text.get("/?a=1&a=2")).text == "4")
            // What is no part of the key cannot shape what is kept: the service never sees it.
            #expect(origin.requests.entries[0].target == "/?a=1&b=2")
        }
    }
}
