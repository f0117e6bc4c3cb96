internal import Crypto
internal import FoundationEssentials
package import NIOSSL
internal import SwiftASN1
internal import UsherCore
internal import X509

/// What a certificate says of itself: for the choice by name, for tables and for warnings.
package struct CertificateFacts: Sendable, Hashable {
    /// How its owner signs, which a client must be able to check.
    package enum KeyKind: Sendable, Hashable, CustomStringConvertible {
        /// On the curve with this many bits: 256, 384 or 521.
        case ecdsa(Int)
        case rsa
        case ed25519

        package var description: String {
            switch self {
            case .ecdsa(let bits): "ECDSA P-\(bits)"
            case .rsa: "RSA"
            case .ed25519: "Ed25519"
            }
        }
    }

    /// Host names in lower case, `*.example.com` among them; the common name when there is no other (RFC 6125 §6.4.4).
    package var names: [String]
    /// IP addresses that it stands for.
    package var addresses: [String]
    /// RFC 4514 names in printable ASCII.
    package var subject: String
    package var issuer: String
    package var keyKind: KeyKind
    /// Seconds since the Unix epoch, both inclusive.
    package var notBefore: Int
    package var notAfter: Int

    package init(_ certificate: NIOSSLCertificate) throws {
        let parsed = try Certificate(derEncoded: try certificate.toDERBytes())
        let alternatives = try parsed.extensions.subjectAlternativeNames.map { Array($0) } ?? []
        self.names = alternatives.compactMap { name in
            if case .dnsName(let name) = name { return name.lowercased() }
            return nil
        }
        self.addresses = alternatives.compactMap { name in
            guard case .ipAddress(let octets) = name else { return nil }
            return octets.bytes.withUnsafeBytes { IPAddress(networkBytes: $0) }.map { "\($0)" }
        }
        self.subject = Self.printable("\(parsed.subject)")
        self.issuer = Self.printable("\(parsed.issuer)")
        self.keyKind = Self.kind(of: parsed.publicKey)
        self.notBefore = Int(parsed.notValidBefore.timeIntervalSince1970)
        self.notAfter = Int(parsed.notValidAfter.timeIntervalSince1970)
        if alternatives.isEmpty, let common = Self.commonName(parsed.subject) { self.names = [common.lowercased()] }
    }

    /// - Parameter file: where it comes from.
    init(_ certificate: NIOSSLCertificate, in file: String) throws(CertificateProblem) {
        do {
            try self.init(certificate)
        } catch {
            throw CertificateProblem("\(file) holds a certificate that cannot be read: \(error)")
        }
    }

    /// Whether a host may use it; a wildcard stands for one label (RFC 6125 §6.4.3).
    package func isFor(_ host: String) -> Bool {
        let rest = host.firstIndex(of: ".").map { host[$0...] }
        return self.names.contains { $0 == host || ($0.hasPrefix("*.") && $0.dropFirst() == rest) }
    }

    /// What is wrong with its dates at a moment; nil when it is valid then.
    package func problem(atUnixSeconds now: Int) -> String? {
        if now > self.notAfter { return "it expired \(Self.days(from: self.notAfter, to: now)) ago" }
        if now < self.notBefore { return "it is valid only in \(Self.days(from: now, to: self.notBefore))" }
        return nil
    }

    /// The same with the file that it comes from.
    package func problem(of file: String, atUnixSeconds now: Int) -> CertificateProblem? {
        self.problem(atUnixSeconds: now).map { problem in
            CertificateProblem(
                "\(file) cannot be used: \(problem)", endsAt: now < self.notBefore ? self.notBefore : nil)
        }
    }

    /// Whole days until it expires; negative once it has.
    package func daysLeft(atUnixSeconds now: Int) -> Int {
        let left = self.notAfter - now
        return left >= 0 ? left / 86_400 : (left + 1) / 86_400 - 1
    }

    private static func days(from start: Int, to end: Int) -> String {
        let hours = (end - start) / 3600
        return hours < 48 ? "\(hours) h" : "\(hours / 24) days"
    }

    private static func kind(of key: Certificate.PublicKey) -> KeyKind {
        if P256.Signing.PublicKey(key) != nil { return .ecdsa(256) }
        if P384.Signing.PublicKey(key) != nil { return .ecdsa(384) }
        if P521.Signing.PublicKey(key) != nil { return .ecdsa(521) }
        // An Ed25519 key is 32 bytes (RFC 8410 §4), an RSA key many times that.
        return key.subjectPublicKeyInfoBytes.count == 32 ? .ed25519 : .rsa
    }

    private static func commonName(_ subject: DistinguishedName) -> String? {
        for part in subject {
            for attribute in part where attribute.type == .RDNAttributeType.commonName {
                return String(describing: attribute.value)
            }
        }
        return nil
    }

    /// A name in which no byte can break a header, a log line or a terminal: others become `\XX` (RFC 4514 §2.4).
    static func printable(_ text: String) -> String {
        var clean = ""
        for byte in text.utf8 {
            if (0x20...0x7E).contains(byte) {
                clean.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                clean += "\\" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return clean
    }
}
