internal import NIOSSL
internal import UsherCore

/// One certificate with its key, checked and ready for handshakes.
///
/// It has a context of its own, and with it session tickets of its own: a ticket opens nothing but a new handshake at
/// any other certificate or under any other rules.
package final class ServerCertificate: Sendable {
    /// Absolute paths of the files that it came from.
    package struct Files: Sendable, Hashable {
        package var chain: String
        package var key: String

        package init(chain: String, key: String) {
            self.chain = chain
            self.key = key
        }
    }

    package let files: Files
    package let facts: CertificateFacts
    private let context: NIOSSLContext
    /// For clients of TLS 1.2 that know AES-128: they choose the cipher suite, and most name AES-256 with SHA-384
    /// first, which costs both sides more and protects nothing better (RFC 9325 §4.2). Nil: TLS 1.2 is not spoken.
    private let lightContext: NIOSSLContext?
    private let chain: [NIOSSLCertificate]
    private let key: NIOSSLPrivateKey

    /// Reads and checks both files; blocks while it does.
    ///
    /// - Throws: `CertificateProblem`, which names the file.
    package convenience init(_ files: Files, rules: TLSRules) throws {
        let chain = try CertificateFile.certificates(in: files.chain)
        let key = try CertificateFile.privateKey(in: files.key)
        try self.init(files, chain, key, try CertificateFacts(chain[0], in: files.chain), rules)
    }

    /// The same certificate under other rules.
    package func under(_ rules: TLSRules) throws -> ServerCertificate {
        try ServerCertificate(self.files, self.chain, self.key, self.facts, rules)
    }

    private init(
        _ files: Files, _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey, _ facts: CertificateFacts,
        _ rules: TLSRules
    ) throws {
        self.files = files
        self.chain = chain
        self.key = key
        self.facts = facts
        do {
            let configuration = rules.configuration(chain: chain, key: key)
            self.context = try NIOSSLContext(configuration: configuration)
            self.lightContext = try rules.light(configuration).map { try NIOSSLContext(configuration: $0) }
        } catch {
            throw CertificateProblem.mismatch(files)
        }
    }

    /// What the handshake with a client begins with. The same hello gets the same one, which knows its tickets.
    func context(for hello: ClientHello) -> NIOSSLContext {
        let knowsAES128 = self.facts.keyKind == .rsa ? hello.offersRSAWithAES128 : hello.offersECDSAWithAES128
        return !hello.offersTLS13 && knowsAES128 ? self.lightContext ?? self.context : self.context
    }

    /// Whether a client could check this certificate's signature.
    func suits(_ hello: ClientHello) -> Bool {
        switch self.facts.keyKind {
        case .rsa:
            return true
        case .ecdsa(let bits):
            guard hello.offersTLS13 || hello.offersECDSASuite else { return false }
            // Without the extension TLS 1.2 clients get SHA-1, which nobody signs any more; the RSA pair is the better
            // try (RFC 5246 §7.4.1.4.1).
            return hello.signatureAlgorithms.contains(bits == 256 ? 0x0403 : bits == 384 ? 0x0503 : 0x0603)
        case .ed25519:
            guard hello.offersTLS13 || hello.offersECDSASuite else { return false }
            return hello.signatureAlgorithms.contains(0x0807)
        }
    }
}
