import Foundation
import Testing
import UsherTestKit
import UsherTransport

/// What OpenSSL's client finds at a listener.
@Suite(.timeLimit(.minutes(1))) struct OpenSSLTests {
    @Test("of an RSA and an ECDSA pair for one name a client gets the one that it can check, whichever is first")
    func pairs() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let rsa = try await Self.rsa(stage)
            let ecdsa = try folder.server("a.test")
            for files in [[rsa, ecdsa], [ecdsa, rsa]] {
                let gateway = try await Self.gateway(stage, files)
                for (arguments, signature) in [
                    (["-tls1_3"], "ECDSA"), (["-tls1_2"], "ECDSA"),
                    (["-tls1_3", "-sigalgs", "RSA-PSS+SHA256"], "RSA-PSS"),
                    (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "RSA-PSS"),
                ] {
                    let told = try await Self.handshake(gateway, arguments)
                    #expect(told.contains("Peer signature type: \(signature)\n"), "\(arguments): \(told)")
                }
            }
        }
    }

    @Test("no cipher without forward secrecy or authenticated encryption, and no renegotiation")
    func refused() async throws {
        try await onStage { stage in
            let gateway = try await Self.gateway(stage, [try CertificateFolder(stage).server("a.test")])
            for cipher in ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "NULL"] {
                let told = try await Self.handshake(gateway, ["-tls1_2", "-cipher", "\(cipher):@SECLEVEL=0"])
                #expect(told.contains("Cipher is (NONE)"), "\(told)")
            }
            let told = try await Self.handshake(gateway, ["-tls1_2"], input: "R\n")
            #expect(told.contains("RENEGOTIATING") && told.contains("unexpected eof"), "\(told)")
        }
    }

    @Test("a client of TLS 1.2 gets AES-128 if it knows it, whatever it names first, and what it knows if not")
    func cipher() async throws {
        try await onStage { stage in
            for files in [try CertificateFolder(stage).server("a.test"), try await Self.rsa(stage)] {
                let gateway = try await Self.gateway(stage, [files])
                #expect(try await Self.handshake(gateway, ["-tls1_2"]).contains("-AES128-GCM-SHA256"))
                for known in ["AES256", "CHACHA20"] {
                    let told = try await Self.handshake(gateway, ["-tls1_2", "-cipher", known])
                    #expect(told.contains("-\(known)-"), "\(told)")
                }
            }
        }
    }

    @Test("sessions are resumed, and a ticket of one listener is worth nothing at another one")
    func resumption() async throws {
        try await onStage { stage in
            let files = [try CertificateFolder(stage).server("a.test")]
            let (first, second) = (try await Self.gateway(stage, files), try await Self.gateway(stage, files))
            for version in ["-tls1_2", "-tls1_3"] {
                let session = "\(stage.folder)/session\(version)"
                // In TLS 1.3 tickets come behind the handshake, so something has to be read.
                let request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
                let saving = [version, "-ign_eof", "-sess_out", session]
                #expect(try await Self.handshake(first, saving, input: request).contains("New, TLSv1."))
                let using = [version, "-ign_eof", "-sess_in", session]
                #expect(try await Self.handshake(first, using, input: request).contains("Reused, TLSv1."))
                #expect(try await Self.handshake(second, using, input: request).contains("New, TLSv1."))
            }
        }
    }

    // MARK: Helpers

    private static func gateway(_ stage: Stage, _ files: [CertificateFolder.Files]) async throws -> RunningGateway {
        let list = files.map(\.yaml).joined(separator: ", ")
        return try await stage.gateway(
            "listeners: [{ address: 127.0.0.1:0, tls: { certificates: [\(list)] } }]\n"
                + "routes: [{ respond: { status: 200, body: x } }]")
    }

    private static func handshake(
        _ gateway: RunningGateway, _ arguments: [String], input: String = ""
    ) async throws -> String {
        let usual = ["s_client", "-connect", "127.0.0.1:\(gateway.port)", "-servername", "a.test"]
        return try await Tool.run("openssl", usual + arguments, input: input).output
    }

    private static func rsa(_ stage: Stage) async throws -> CertificateFolder.Files {
        let files = CertificateFolder.Files(chain: "\(stage.folder)/rsa.pem", key: "\(stage.folder)/rsa.key")
        let made = try await Tool.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", files.key, "-out", files.chain, "-days",
                "9",
                "-subj", "/CN=a.test", "-addext", "subjectAltName=DNS:a.test",
            ])
        guard made.code == 0 else { throw TestKitError.ended(made.output) }
        return files
    }
}
