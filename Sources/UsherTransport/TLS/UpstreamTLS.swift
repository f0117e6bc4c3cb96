internal import NIOCore
internal import NIOSSL
internal import Synchronization
internal import UsherCore

/// How the replicas of a service are spoken to in TLS: who may have signed their certificates, what name they must
/// have, and what we show them.
///
/// It is one object for all connections of a service, so that changed files hold for every new connection at once.
package final class UpstreamTLS: Sendable, Hashable {
    package struct Configuration: Sendable, Hashable {
        /// A file with the certificates of those who sign replicas'. Nil: whom the system trusts.
        package var authorities: String?
        /// The name that replicas must have. Nil: the host of their own address.
        package var serverName: String?
        /// What we show to a replica that asks. Nil: nothing.
        package var certificate: ServerCertificate.Files?

        package init() {}
    }

    private struct Loaded {
        let context: NIOSSLContext
        /// Of the certificate that we show.
        let facts: CertificateFacts?
    }

    package let configuration: Configuration
    private let loaded: Mutex<Loaded>

    /// Reads all files; blocks while it does.
    ///
    /// - Throws: `CertificateProblem`.
    package init(_ configuration: Configuration) throws {
        self.configuration = configuration
        self.loaded = Mutex(try Self.load(configuration))
    }

    package static func == (left: UpstreamTLS, right: UpstreamTLS) -> Bool { left === right }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }

    /// Of the certificate that replicas are shown; nil when there is none.
    package var facts: CertificateFacts? { self.loaded.withLock { $0.facts } }

    /// Reads all files anew, for connections that are opened from now on; blocks while it does.
    ///
    /// - Throws: `CertificateProblem`, and then everything stays as it was.
    package func reload() throws {
        let loaded = try Self.load(self.configuration)
        if let problem = self.problem(of: loaded.facts) { throw problem }
        self.loaded.withLock { $0 = loaded }
    }

    /// Why the certificate in use should not be shown to replicas; nil when it is valid now, or there is none.
    package var problem: CertificateProblem? { self.problem(of: self.facts) }

    private func problem(of facts: CertificateFacts?) -> CertificateProblem? {
        guard let chain = self.configuration.certificate?.chain else { return nil }
        return facts?.problem(of: chain, atUnixSeconds: WallClock.seconds)
    }

    /// The TLS end of a new connection.
    func handler(to address: ReplicaAddress) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(
            context: self.loaded.withLock { $0.context }, serverHostname: self.serverName(of: address),
            customVerificationCallback: nil, configuration: TLSHandlers.configuration)
    }

    /// A certificate for the address that we are connected to has been good enough so far, also where a name is asked
    /// for.
    ///
    /// - Throws: `CertificateProblem`.
    func checkName(_ pipeline: ChannelPipeline, of address: ReplicaAddress) throws {
        guard let name = self.serverName(of: address) else { return }
        let certificate = try pipeline.syncOperations.nioSSL_peerCertificate()
        guard try certificate.map({ try CertificateFacts($0).isFor(name.lowercased()) }) == true else {
            throw CertificateProblem(TLSReason.otherName)
        }
    }

    /// Nil for an IP address, which its certificate must name instead.
    private func serverName(of address: ReplicaAddress) -> String? {
        if let name = self.configuration.serverName { return name }
        if case .name(let host, _) = address { return host.hasSuffix(".") ? String(host.dropLast()) : host }
        return nil
    }

    private static func load(_ settings: Configuration) throws -> Loaded {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = TLSHandlers.shutdownTime
        if let file = settings.authorities {
            configuration.trustRoots = .certificates(try CertificateFile.certificates(in: file))
        }
        var facts: CertificateFacts?
        if let files = settings.certificate {
            let chain = try CertificateFile.certificates(in: files.chain)
            facts = try CertificateFacts(chain[0], in: files.chain)
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(try CertificateFile.privateKey(in: files.key))
        }
        do {
            return Loaded(context: try NIOSSLContext(configuration: configuration), facts: facts)
        } catch {
            guard let files = settings.certificate else {
                throw CertificateProblem("the system's certificates cannot be read: \(error)")
            }
            throw CertificateProblem.mismatch(files)
        }
    }
}
