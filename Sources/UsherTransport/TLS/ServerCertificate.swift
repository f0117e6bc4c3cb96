package import NIOSSL
internal import UsherCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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
    package let context: NIOSSLContext
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
            self.context = try NIOSSLContext(configuration: rules.configuration(chain: chain, key: key))
        } catch {
            throw CertificateProblem(
                "the key in \(files.key) does not belong to the first certificate in \(files.chain)")
        }
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

/// Why a certificate or key cannot be used: one line that names the file.
package struct CertificateProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Reading PEM files, with reasons that name the file.
enum CertificateFile {
    /// Larger files are no certificates. 1 MiB, which holds some hundred authorities.
    private static let largest = 1 << 20

    /// All certificates of a file, at least one.
    static func certificates(in path: String) throws(CertificateProblem) -> [NIOSSLCertificate] {
        let bytes = try self.bytes(of: path)
        guard let found = try? NIOSSLCertificate.fromPEMBytes(bytes), !found.isEmpty else {
            throw CertificateProblem("\(path) holds no certificate in PEM form")
        }
        return found
    }

    static func privateKey(in path: String) throws(CertificateProblem) -> NIOSSLPrivateKey {
        let bytes = try self.bytes(of: path)
        if let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) { return key }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.contains("ENCRYPTED") {
            throw CertificateProblem("the key in \(path) is encrypted; Usher needs it without a passphrase")
        }
        throw CertificateProblem("\(path) holds no private key in PEM form")
    }

    private static func bytes(of path: String) throws(CertificateProblem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw CertificateProblem("cannot read \(path): \(Self.reason)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw CertificateProblem("cannot read \(path): \(Self.reason)") }
            if count == 0 { return bytes }
            bytes += piece[..<count]
            guard bytes.count <= Self.largest else { throw CertificateProblem("\(path) is larger than 1 MiB") }
        }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
