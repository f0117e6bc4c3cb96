import Foundation
import NIOSSL
import Testing
import UsherTestKit
import UsherTransport

/// Certificates of one test, as files in its folder.
struct CertificateFolder: Sendable {
    struct Files: Sendable {
        var chain: String
        var key: String

        /// As a configuration names them.
        var yaml: String { "{ chain: \(self.chain), key: \(self.key) }" }
    }

    let folder: String
    let authority: DevelopmentAuthority
    /// The authority's own file.
    let authorityFile: String

    /// - Parameter name: tells several authorities of one test apart.
    init(_ stage: Stage, name: String = "ca") throws {
        self.folder = stage.folder
        self.authority = try DevelopmentAuthority()
        self.authorityFile = "\(stage.folder)/\(name).pem"
        try self.authority.pair.certificate.write(toFile: self.authorityFile, atomically: true, encoding: .utf8)
    }

    /// A certificate for a server.
    func server(_ names: String..., file: String? = nil, now: Date = .now, days: Int = 100) throws -> Files {
        try self.write(self.authority.issue(.server(names), days: days, now: now), file ?? names[0])
    }

    func client(_ name: String, now: Date = .now, days: Int = 100) throws -> Files {
        try self.write(self.authority.issue(.client(name), days: days, now: now), name)
    }

    func write(_ pair: DevelopmentAuthority.Pair, _ name: String) throws -> Files {
        let base = "\(self.folder)/" + name.replacing("*", with: "wildcard")
        // Each in one step, as those do who renew certificates.
        try pair.key.write(toFile: base + ".key", atomically: true, encoding: .utf8)
        try pair.certificate.write(toFile: base + ".pem", atomically: true, encoding: .utf8)
        return Files(chain: base + ".pem", key: base + ".key")
    }

    /// A client that trusts this authority.
    func client(
        showing certificate: Files? = nil, protocols: [String] = [], version: TLSVersion? = nil
    ) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(self.authorityFile))
        configuration.applicationProtocols = protocols
        if let certificate {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate.chain).map {
                .certificate($0)
            }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: certificate.key, format: .pem))
        }
        if let version {
            configuration.minimumTLSVersion = version
            configuration.maximumTLSVersion = version
        }
        return configuration
    }

    /// What a TLS replica of a test shows.
    func replica(_ files: Files, asksForClients: Bool = false) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.chain).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
        if asksForClients {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(self.authorityFile))
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

/// A listener on a free port that speaks TLS, as a configuration has it.
func tlsListener(_ certificates: CertificateFolder.Files..., keys: String = "") -> String {
    let list = certificates.map(\.yaml).joined(separator: ", ")
    return "listeners: [{ address: 127.0.0.1:0, tls: { certificates: [\(list)]\(keys.isEmpty ? "" : ", " + keys) } }]\n"
}

/// A route that answers everything by itself.
let answersHere = "routes: [{ respond: { status: 200, body: here } }]\n"

extension CertificateFolder {
    /// Asks for something as `a.test` and leaves.
    func visit(_ gateway: RunningGateway) async throws -> RawTLSClient.Secured {
        let secured = try await RawTLSClient.connect(port: gateway.port, name: "a.test", try self.client())
        #expect(try await secured.ask().status == 200)
        await secured.connection.close()
        return secured
    }
}

extension RawTLSClient.Secured {
    func ask() async throws -> ReceivedMessage {
        try await self.connection.send(Text.get())
        return try await self.connection.receiveAnswer()
    }
}
