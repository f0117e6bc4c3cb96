import Foundation
import NIOSSL
import Testing
import UsherTestKit
import UsherTransport

/// Clients that show who they are.
@Suite(.timeLimit(.minutes(1))) struct ClientCertificateTests {
    @Test("with require nobody comes in without a certificate that its authority has signed and that is valid now")
    func require() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let strangers = try CertificateFolder(stage, name: "strangers")
            let gateway = try await Self.gateway(stage, folder)
            let old = try folder.client("old", now: .now.addingTimeInterval(-40 * 86400), days: 30)
            let early = try folder.client("early", now: .now.addingTimeInterval(40 * 86400))
            let forged = try strangers.client("mallory")
            for version in [TLSVersion.tlsv12, .tlsv13] {
                for shown in [nil, old, early, forged] {
                    let status = try? await Self.ask(gateway, folder, showing: shown, version: version).status
                    #expect(status == nil, "\(shown?.chain ?? "none") in \(version)")
                }
                let answer = try await Self.ask(gateway, folder, showing: folder.client("alice"), version: version)
                #expect(answer.text == "CN=alice")
            }
            #expect(try await gateway.metric("usher_tls_handshakes_total{outcome=\"failed\"}") == 8)
        }
    }

    @Test("with request a client may come without one, but one that is shown must be good")
    func request() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let strangers = try CertificateFolder(stage, name: "strangers")
            let gateway = try await Self.gateway(stage, folder, keys: ", client-certificate: request")
            #expect(try await Self.ask(gateway, folder).text.isEmpty)
            #expect(try await Self.ask(gateway, folder, showing: folder.client("bob")).text == "CN=bob")
            let forged = try strangers.client("mallory")
            await #expect(throws: (any Error).self) { try await Self.ask(gateway, folder, showing: forged) }
        }
    }

    @Test("the subject reaches the service, and what a client says of itself does not")
    func headers() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                tlsListener(
                    try folder.server("a.test"),
                    keys: "client-ca: \(folder.authorityFile), client-certificate: request")
                    + "services: { web: { replicas: [\"\(upstream.address)\"] } }")
            let forged = "Usher-Identity: admin\r\nusher_identity: admin\r\nUsher-Client-Certificate: CN=admin\r\n"
            for shown in [try folder.client("alice"), nil] {
                let secured = try await Self.connect(gateway, folder, showing: shown)
                try await secured.connection.send(Text.get("/", host: "a.test", forged))
                #expect(try await secured.connection.receiveAnswer().status == 200)
                await secured.connection.close()
            }
            #expect(upstream.received.joined().contains("admin") == false)
            let lines = upstream.received.joined().split(separator: "\r\n").filter { $0.hasPrefix("Usher-") }
            #expect(
                lines == [
                    "Usher-Identity: CN=alice", "Usher-Class: authenticated", "Usher-Client-Certificate: CN=alice",
                ])
            try await gateway.stop()
            #expect(try gateway.accessLog().map { $0["identity"] as? String } == ["CN=alice", nil])
        }
    }

    @Test("other authorities hold for new connections, also for clients that would resume a session")
    func resumption() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let others = try CertificateFolder(stage, name: "others")
            let gateway = try await Self.gateway(stage, folder)
            let alice = try folder.client("alice")
            for version in ["-tls1_2", "-tls1_3"] {
                let session = "\(stage.folder)/session\(version)"
                let first = try await Self.openssl(gateway, version, folder, alice, "-sess_out", session)
                #expect(first.contains("CN=alice"), "\(first)")
                // The very same session, shown with nothing else, is good as long as the rules are.
                let again = try await Self.openssl(gateway, version, folder, nil, "-sess_in", session)
                #expect(again.contains("Reused, ") && again.contains("CN=alice"), "\(again)")
            }
            let open = try await Self.connect(gateway, folder, showing: alice)
            let labels = "{used_by=\"listener 127.0.0.1:\(gateway.port)\",certificate=\"\(folder.authorityFile)\""
            try others.authority.pair.certificate
                .write(toFile: folder.authorityFile, atomically: true, encoding: .utf8)
            try await gateway.wait(for: "usher_certificate_reloads_total" + labels + ",outcome=\"applied\"}", toBe: 1)
            // What was agreed on with those who are in holds no more.
            try await open.connection.waitForEnd()
            for version in ["-tls1_2", "-tls1_3"] {
                let session = "\(stage.folder)/session\(version)"
                let late = try await Self.openssl(gateway, version, folder, alice, "-sess_in", session)
                #expect(!late.contains("CN=alice\n"), "\(late)")
            }
        }
    }

    @Test("a session whose certificate has expired is refused, and does not keep the client out that has a new one")
    func renewed() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let gateway = try await Self.gateway(stage, folder)
            let seconds = 5.0
            // Certificates begin a day before they are made.
            let made = Date.now.addingTimeInterval(seconds - 86_400)
            let old = try folder.client("old", now: made, days: 1)
            let session = "\(stage.folder)/session"
            let first = try await Self.openssl(gateway, "-tls1_3", folder, old, "-sess_out", session)
            #expect(first.contains("CN=old"), "\(first)")
            try await Task.sleep(for: .seconds(made.addingTimeInterval(86_401).timeIntervalSinceNow))
            let new = try folder.client("new")
            let late = try await Self.openssl(gateway, "-tls1_3", folder, new, "-sess_in", session)
            #expect(late.contains("Reused, ") && !late.contains("CN=old\n"), "\(late)")
            // From then on nobody's session is resumed, so that the new certificate is asked for.
            var again = ""
            repeat {
                again = try await Self.openssl(gateway, "-tls1_3", folder, new, "-sess_in", session)
            } while again.contains("Reused, ")
            #expect(again.contains("CN=new"), "\(again)")
        }
    }

    // MARK: Helpers

    /// Answers with the identity.
    private static func gateway(
        _ stage: Stage, _ folder: CertificateFolder, keys: String = ""
    ) async throws -> RunningGateway {
        try await stage.gateway(
            tlsListener(try folder.server("a.test"), keys: "client-ca: \(folder.authorityFile)\(keys)")
                + "routes: [{ redirect: { to: \"/{identity}\", status: 302 } }]")
    }

    private static func connect(
        _ gateway: RunningGateway, _ folder: CertificateFolder, showing shown: CertificateFolder.Files?,
        version: TLSVersion? = nil
    ) async throws -> RawTLSClient.Secured {
        try await RawTLSClient.connect(
            port: gateway.port, name: "a.test", try folder.client(showing: shown, version: version))
    }

    /// In TLS 1.3 a client hears of its refusal only when it reads.
    private static func ask(
        _ gateway: RunningGateway, _ folder: CertificateFolder, showing shown: CertificateFolder.Files? = nil,
        version: TLSVersion? = nil
    ) async throws -> (status: Int, text: String) {
        let secured = try await self.connect(gateway, folder, showing: shown, version: version)
        try await secured.connection.send(Text.get("/", host: "a.test"))
        let answer = try await secured.connection.receiveAnswer()
        await secured.connection.close()
        return (answer.status, String((answer.value("Location") ?? "").dropFirst()))
    }

    /// Asks by the command and returns all that it printed.
    private static func openssl(
        _ gateway: RunningGateway, _ version: String, _ folder: CertificateFolder, _ shown: CertificateFolder.Files?,
        _ more: String...
    ) async throws -> String {
        var arguments = [
            "s_client", "-connect", "127.0.0.1:\(gateway.port)", "-servername", "a.test", version, "-CAfile",
            folder.authorityFile, "-ign_eof",
        ]
        if let shown { arguments += ["-cert", shown.chain, "-key", shown.key] }
        let request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        return try await Tool.run("openssl", arguments + more, input: request).output
    }
}
