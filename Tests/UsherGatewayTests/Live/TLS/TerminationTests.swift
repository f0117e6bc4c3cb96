import Foundation
import NIOCore
import NIOSSL
import Testing
import UsherTestKit
import UsherTransport

/// Listeners that speak TLS.
@Suite(.timeLimit(.minutes(1))) struct TerminationTests {
    @Test("the certificate is that of the name: exact before wildcard, the first for names that are unknown")
    func names() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let listener = tlsListener(
                try folder.server("first.test"), try folder.server("*.shop.test", "shop.test"),
                try folder.server("cart.shop.test"))
            let gateway = try await stage.gateway(listener + answersHere)
            for (name, expected) in [
                ("first.test", "first.test"), ("shop.test", "*.shop.test"), ("eu.shop.test", "*.shop.test"),
                ("cart.shop.test", "cart.shop.test"), ("CART.shop.test", "cart.shop.test"),
                ("a.b.shop.test", "first.test"), ("other.test", "first.test"), (nil, "first.test"),
            ] {
                var client = try folder.client()
                client.certificateVerification = .none
                let secured = try await RawTLSClient.connect(port: gateway.port, name: name, client)
                let names = try secured.certificate.map { try CertificateFacts($0).names }
                #expect(names?.first == expected, "asked for \(name ?? "nobody")")
                #expect(try await secured.ask().text == "here")
            }
        }
    }

    @Test("ALPN chooses HTTP/2 or HTTP/1.1, and without it HTTP/1.1 is spoken")
    func protocols() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(tlsListener(try folder.server("a.test")) + answersHere)
            for (offered, chosen) in [
                (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"),
                (["http/1.0"], "http/1.0"), (["spdy/3", "http/1.1"], "http/1.1"), ([], nil),
            ] {
                let secured = try await RawTLSClient.connect(
                    port: gateway.port, name: "a.test", try folder.client(protocols: offered))
                #expect(secured.applicationProtocol == chosen, "\(offered)")
                if chosen == "h2" {
                    // Settings come first (RFC 9113 §3.4).
                    try await secured.connection.send(ByteBuffer(bytes: HTTP2Wire.hello))
                    let frame = try await secured.connection.receive(count: 9)
                    #expect(frame.getInteger(at: 3, as: UInt8.self) == HTTP2Wire.Kind.settings)
                } else {
                    #expect(try await secured.ask().status == 200)
                }
                await secured.connection.close()
            }
            await #expect(throws: (any Error).self) {
                try await RawTLSClient.connect(
                    port: gateway.port, name: "a.test", try folder.client(protocols: ["smtp"]))
            }
            #expect(try await gateway.metric("usher_tls_handshakes_total{outcome=\"no-protocol\"}") == 1)
        }
    }

    @Test("TLS 1.2 and 1.3 are spoken, nothing older; with minimum 1.3 only that", arguments: [false, true])
    func versions(onlyNewest: Bool) async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let keys = onlyNewest ? "minimum: 1.3" : ""
            let gateway = try await stage.gateway(tlsListener(try folder.server("a.test"), keys: keys) + answersHere)
            for (version, isSpoken) in [(TLSVersion.tlsv11, false), (.tlsv12, !onlyNewest), (.tlsv13, true)] {
                let secured = try? await RawTLSClient.connect(
                    port: gateway.port, name: "a.test", try folder.client(version: version))
                #expect((secured != nil) == isSpoken, "\(version)")
                if let secured {
                    #expect(secured.version == version)
                    #expect(try await secured.ask().status == 200)
                }
            }
            let failed = try await gateway.metric("usher_tls_handshakes_total{outcome=\"failed\"}")
            #expect(failed == (onlyNewest ? 2 : 1))
        }
    }

    @Test("a service learns that the request came over TLS, and the access log tells the version and the protocol")
    func forwarded() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                tlsListener(try folder.server("a.test")) + "services: { web: { replicas: [\"\(upstream.address)\"] } }")
            let secured = try await RawTLSClient.connect(
                port: gateway.port, name: "a.test", try folder.client(version: .tlsv12))
            try await secured.connection.send(Text.get("/", host: "a.test", "X-Forwarded-Proto: http\r\n"))
            #expect(try await secured.connection.receiveAnswer().status == 200)
            await secured.connection.close()
            let received = upstream.received.joined()
            #expect(received.contains("\r\nX-Forwarded-Proto: https\r\n"))
            #expect(received.contains(";proto=https;host=\"a.test\""))
            try await gateway.stop()
            let entry = try #require(try gateway.accessLog().first)
            #expect(entry["tls"] as? String == "1.2" && entry["protocol"] as? String == "HTTP/1.1")
        }
    }

    @Test("plain HTTP on the TLS port is answered with 400 and a hint, and the port goes on")
    func plaintext() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(tlsListener(try folder.server("a.test")) + answersHere)
            let answer = try await gateway.ask(Text.get())
            #expect(answer.status == 400)
            #expect(answer.text == "this port speaks TLS: use https:// instead of http://\n")
            #expect(try await gateway.metric("usher_tls_handshakes_total{outcome=\"plaintext\"}") == 1)
            #expect(try await folder.visit(gateway).version == .tlsv13)
        }
    }

    @Test("a handshake that stalls is ended after head-time, wherever it stalls; others are served meanwhile")
    func stalled() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(
                tlsListener(try folder.server("a.test")) + "limits: { head-time: 1s }\n" + answersHere)
            let hello = try RecordedHello.bytes(name: "a.test")
            for count in [0, 1, 5, 60, hello.count - 1, hello.count] {
                let client = try await stage.client(gateway)
                if count > 0 { try await client.send(ByteBuffer(bytes: hello.prefix(count))) }
                #expect(try await folder.visit(gateway).version == .tlsv13)
                try await client.waitForEnd()
            }
            try await gateway.wait(for: "usher_tls_handshakes_total{outcome=\"timed-out\"}", toBe: 6)
        }
    }

    @Test("a ClientHello in pieces of one byte is as good as a whole one")
    func pieces() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(tlsListener(try folder.server("a.test")) + answersHere)
            let client = try await stage.client(gateway)
            for byte in try RecordedHello.bytes(name: "a.test") { try await client.send(ByteBuffer(bytes: [byte])) }
            // A ServerHello in a handshake record.
            let record = try await client.receive(count: 6)
            #expect(record.getInteger(at: 0, as: UInt8.self) == 22 && record.getInteger(at: 5, as: UInt8.self) == 2)
        }
    }

    @Test("garbage instead of a handshake gets an alert or nothing, is counted, and nobody else notices")
    func garbage() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(tlsListener(try folder.server("a.test")) + answersHere)
            let hello = try RecordedHello.bytes(name: "a.test")
            let broken: [[UInt8]] = [
                [22, 3, 1, 0xFF, 0xFF], [22, 3, 1, 0, 4, 2, 0, 0, 0], [22, 9, 9, 0, 1, 1],
                [22, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0],
                hello.prefix(11) + [UInt8](repeating: 0xFF, count: hello.count - 11),
            ]
            for bytes in broken {
                let client = try await stage.client(gateway)
                client.sendInBackground(ByteBuffer(bytes: bytes))
                // A fatal alert (RFC 8446 §6.2).
                let alert = try await client.receiveUntilEnd()
                #expect(alert.getInteger(at: 0, as: UInt8.self) == 21, "\(bytes.prefix(12))")
            }
            #expect(try await gateway.metric("usher_tls_handshakes_total{outcome=\"failed\"}") == 5)
            #expect(try await folder.visit(gateway).version == .tlsv13)
        }
    }

    @Test("a PROXY header comes before the handshake, and tells the client's address")
    func proxyHeader() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let listener = """
                listeners: [{ address: 127.0.0.1:0, proxy-protocol: true, trusted-proxies: [127.0.0.0/8], \
                tls: { certificates: [\(try folder.server("a.test").yaml)] } }]\n
                """
            let gateway = try await stage.gateway(
                listener + "routes: [{ respond: { status: 200, body: x }, headers: { set: "
                    + "{ X-From: \"{source-address}\" } } }]")
            let secured = try await RawTLSClient.connect(
                port: gateway.port, name: "a.test", try folder.client(),
                head: "PROXY TCP4 192.0.2.7 192.0.2.1 40000 443\r\n")
            #expect(try await secured.ask().value("X-From") == "192.0.2.7")
        }
    }

    @Test("what a listener needs and has not is said at the start; one bad pair of several is left out")
    func start() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let good = try folder.server("a.test")
            let other = try folder.server("b.test")
            let mixed = CertificateFolder.Files(chain: good.chain, key: other.key)
            let failure = await #expect(throws: RunningGateway.StartFailure.self) {
                try await stage.gateway(tlsListener(mixed) + answersHere)
            }
            let text = try #require(failure).description
            #expect(text.contains("the key in \(mixed.key) does not belong to the first certificate in \(mixed.chain)"))
            let gateway = try await stage.gateway(tlsListener(mixed, good) + answersHere)
            #expect(try await folder.visit(gateway).version == .tlsv13)
            let labels = "{used_by=\"listener 127.0.0.1:\(gateway.port)\",certificate=\"\(mixed.chain)\"}"
            #expect(try await gateway.metric("usher_certificate_problem" + labels) == 1)
        }
    }
}
