import Foundation
import NIOCore
import NIOSSL
import Testing
import UsherTestKit
import UsherTransport

/// Replicas that are spoken to in TLS.
@Suite(.timeLimit(.minutes(1))) struct ReplicaTLSTests {
    @Test("a replica whose certificate is right gets requests, many on one connection")
    func verified() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let upstream = try await Self.upstream(stage, folder.replica(folder.server("127.0.0.1")))
            let gateway = try await stage.gateway(Self.service(upstream, "verify: \(folder.authorityFile)"))
            for _ in 0..<20 { #expect(try await gateway.ask(Text.get()).text == "ok") }
            #expect(upstream.connections.entries.count == 1)
        }
    }

    @Test("a certificate of another authority, for another name or out of date is refused, and the reason is told")
    func refused() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let others = try CertificateFolder(stage, name: "others")
            let old = try folder.server("127.0.0.1", file: "old", now: .now.addingTimeInterval(-1e7), days: 1)
            for (context, keys, reason) in [
                (try others.replica(others.server("127.0.0.1", file: "foreign")), "", "not signed by an authority"),
                (try folder.replica(folder.server("b.test")), "", "not for this name"),
                (try folder.replica(folder.server("127.0.0.1")), ", server-name: web.test", "not for this name"),
                (try folder.replica(old), "", "not valid now"),
            ] {
                let upstream = try await Self.upstream(stage, context)
                let gateway = try await stage.gateway(
                    Self.service(upstream, "verify: \(folder.authorityFile)\(keys)"))
                #expect(try await gateway.ask(Text.get()).status == 502)
                try await gateway.wait(for: upstream, toBe: "unreachable")
                let told = try await gateway.endpoint(upstream)?.reason
                #expect(told?.contains(reason) == true, "\(told ?? "")")
                #expect(upstream.received.joined().isEmpty)
            }
        }
    }

    @Test("without verify it is the system's authorities that count, and a stranger's is not among them")
    func system() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let upstream = try await Self.upstream(stage, folder.replica(folder.server("127.0.0.1")))
            let gateway = try await stage.gateway(Self.service(upstream, ""))
            #expect(try await gateway.ask(Text.get()).status == 502)
        }
    }

    @Test("server-name is asked for and compared, and a socket without a name can be used with it")
    func serverName() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let context = try folder.replica(folder.server("*.internal"))
            for place in [ScriptedUpstream.Place.ipv4, .unix(path: stage.folder + "/replica")] {
                let upstream = try await Self.upstream(stage, context, at: place)
                let gateway = try await stage.gateway(
                    Self.service(upstream, "verify: \(folder.authorityFile), server-name: web.internal"))
                #expect(try await gateway.ask(Text.get()).text == "ok")
            }
        }
    }

    @Test("a replica that asks who we are is shown the certificate; without one it is unreachable")
    func clientCertificate() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let context = try folder.replica(folder.server("127.0.0.1"), asksForClients: true)
            let upstream = try await Self.upstream(stage, context)
            let ours = try folder.client("usher")
            let gateway = try await stage.gateway(
                Self.service(upstream, "verify: \(folder.authorityFile), certificate: \(ours.yaml)"))
            #expect(try await gateway.ask(Text.get()).text == "ok")
            let nameless = try await stage.gateway(Self.service(upstream, "verify: \(folder.authorityFile)"))
            #expect(try await nameless.ask(Text.get()).status == 502)
            // The next probe gets through the handshake again, so it is the history that tells.
            let reasons = try await nameless.endpoint(upstream)?.events?.map(\.reason) ?? []
            #expect(reasons.contains { $0.contains("TLS: the other side refused: certificate required") }, "\(reasons)")
        }
    }

    @Test("an answer that lasts until the close is not whole when TLS has no end")
    func cutOff() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let upstream = try await stage.upstream(tls: folder.replica(folder.server("127.0.0.1"))) { peer in
                _ = try await peer.receive(through: "\r\n\r\n")
                try await peer.send("HTTP/1.1 200 OK\r\n\r\nhalf")
                try await peer.cut()
            }
            let gateway = try await stage.gateway(Self.service(upstream, "verify: \(folder.authorityFile)"))
            let client = try await RawClient.connect(port: gateway.port)
            try await client.send(Text.get())
            let received = String(buffer: try await client.receiveUntilEnd())
            #expect(received.contains("half") && !received.hasSuffix("0\r\n\r\n"), "\(received)")
            await client.close()
        }
    }

    @Test("readiness is checked in TLS, and a reload that would speak in a way nobody understands is refused")
    func readiness() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let upstream = try await Self.upstream(stage, folder.replica(folder.server("127.0.0.1")))
            func service(_ tls: String) -> String {
                "services: { web: { replicas: [\"\(upstream.address)\"], readiness: { path: /ready, interval: 100ms }"
                    + "\(tls) } }"
            }
            let good = service(", tls: { verify: \(folder.authorityFile) }")
            let gateway = try await stage.gateway(good)
            #expect(try await gateway.ask(Text.get()).text == "ok")
            let refused = try await gateway.reload(service(""))
            #expect(refused.outcome == "refused", "\(refused)")
            #expect(refused.problems.joined().contains("none of the new replicas is ready"))
            #expect(try await gateway.ask(Text.get()).text == "ok")
        }
    }

    @Test("a reload from the clear to TLS uses no connection from before")
    func reload() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let plain = try await stage.upstream(answering: Text.answer("plain"))
            let gateway = try await stage.gateway(to: plain)
            #expect(try await gateway.ask(Text.get()).text == "plain")
            let secured = try await Self.upstream(stage, folder.replica(folder.server("127.0.0.1")))
            let text = Self.service(secured, "verify: \(folder.authorityFile)")
            #expect(try await gateway.reload(text).outcome == "applied")
            for _ in 0..<5 { #expect(try await gateway.ask(Text.get()).text == "ok") }
        }
    }

    @Test("changed authorities are taken over for new connections; a file that is no good is not")
    func rotation() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let next = try CertificateFolder(stage, name: "next")
            let upstream = try await Self.upstream(stage, next.replica(next.server("127.0.0.1")))
            let gateway = try await stage.gateway(
                Self.service(upstream, "verify: \(folder.authorityFile)", more: ", retries: { attempts: 1 }"))
            #expect(try await gateway.ask(Text.get()).status == 502)
            func write(_ text: String, _ outcome: String) async throws {
                try text.write(toFile: folder.authorityFile, atomically: true, encoding: .utf8)
                let labels = "used_by=\"service web\",certificate=\"\(folder.authorityFile)\",outcome=\"\(outcome)\""
                try await gateway.wait(for: "usher_certificate_reloads_total{\(labels)}", toBe: 1)
            }
            try await write("nothing", "refused")
            try await write(next.authority.pair.certificate, "applied")
            try await gateway.wait(for: upstream, toBe: "ready")
            #expect(try await gateway.ask(Text.get()).text == "ok")
        }
    }

    @Test("files that cannot be used are told at the start")
    func start() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let failure = await #expect(throws: RunningGateway.StartFailure.self) {
                try await stage.gateway(Self.service(upstream, "verify: \(stage.folder)/none.pem"))
            }
            #expect(
                try #require(failure).description
                    == "services.web.tls: cannot read \(stage.folder)/none.pem: No such file or directory")
        }
    }

    @Test("a replica that breaks off in its handshake or stalls there fails the connect, within its time")
    func brokenHandshake() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let silent = try await stage.upstream { peer in try await peer.waitForEnd() }
            let rude = try await stage.upstream { peer in _ = try await peer.receive() }
            let plain = try await stage.upstream { peer in
                _ = try await peer.receive()
                try await peer.send(Text.answer("no TLS", status: "400 Bad Request"))
            }
            for (upstream, reason) in [
                (silent, "no connection in time"), (rude, "closed in the middle of the handshake"),
                (plain, "TLS: "),
            ] {
                let gateway = try await stage.gateway(
                    Self.service(
                        upstream, "verify: \(folder.authorityFile)", more: ", timeouts: { connect: 300ms }"))
                #expect([502, 504].contains(try await gateway.ask(Text.get()).status))
                try await gateway.wait(for: upstream, toBe: "unreachable")
                let told = try await gateway.endpoint(upstream)?.reason
                #expect(told?.contains(reason) == true, "\(told ?? "")")
            }
        }
    }

    @Test("large bodies pass both ways, and a slow reader holds the replica up instead of filling memory")
    func largeBodies() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let size = 8 << 20
            let body = String(repeating: "0123456789abcdef", count: size / 16)
            let upstream = try await Self.upstream(stage, folder.replica(folder.server("127.0.0.1"))) { request in
                request.body.readableBytes == 0 ? Text.answer(body) : Text.answer("\(request.body.readableBytes)")
            }
            let gateway = try await stage.gateway(Self.service(upstream, "verify: \(folder.authorityFile)"))
            #expect(try await gateway.ask(Text.get()).text == body)
            #expect(try await gateway.ask(Text.post(body: body)).text == "\(size)")
        }
    }

    // MARK: Helpers

    private static func upstream(
        _ stage: Stage, _ tls: NIOSSLContext, at place: ScriptedUpstream.Place = .ipv4,
        answer: @escaping @Sendable (ReceivedMessage) -> String = { _ in Text.ok }
    ) async throws -> ScriptedUpstream {
        try await stage.upstream(at: place, tls: tls) { peer in
            while let request = try await peer.receiveRequest() { try await peer.send(answer(request)) }
        }
    }

    private static func service(_ upstream: ScriptedUpstream, _ tls: String, more: String = "") -> String {
        "services: { web: { replicas: [\"\(upstream.address)\"], tls: { \(tls) }\(more) } }"
    }
}
