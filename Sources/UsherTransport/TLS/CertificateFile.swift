import NIOSSL

/// Why a certificate or key cannot be used: one line.
package struct CertificateProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
    /// When it goes away by itself, in seconds since the Unix epoch; nil: it does not.
    package var endsAt: Int?

    package init(_ description: String, endsAt: Int? = nil) {
        self.description = description
        self.endsAt = endsAt
    }

    static func mismatch(_ files: ServerCertificate.Files) -> CertificateProblem {
        CertificateProblem("the key in \(files.key) does not belong to the first certificate in \(files.chain)")
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
        let bytes: [UInt8]
        do {
            bytes = try SmallFile.bytes(of: path, upTo: Self.largest)
        } catch {
            throw CertificateProblem("cannot read \(path): \(error)")
        }
        guard bytes.count <= Self.largest else { throw CertificateProblem("\(path) is larger than 1 MiB") }
        return bytes
    }
}
