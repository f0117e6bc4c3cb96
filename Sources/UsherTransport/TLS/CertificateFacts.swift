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
    /// Its owner's name as an identity: the subject, or when that is empty the first alternative name, such as
    /// `spiffe://example/web`. Empty: it names nobody.
    package var identity: String
    /// RFC 4514 names in printable ASCII.
    package var subject: String
    package var issuer: String
    package var keyKind: KeyKind
    /// It may sign others, or has signed itself: whoever trusts it trusts somebody.
    package var isTrustAnchor: Bool
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
        self.identity =
            self.subject.isEmpty ? alternatives.lazy.compactMap { Self.text(of: $0) }.first ?? "" : self.subject
        self.keyKind = Self.kind(of: parsed.publicKey)
        switch try parsed.extensions.basicConstraints {
        case .isCertificateAuthority: self.isTrustAnchor = true
        case .notCertificateAuthority, nil: self.isTrustAnchor = parsed.issuer == parsed.subject
        }
        self.notBefore = Int(parsed.notValidBefore.timeIntervalSince1970)
        self.notAfter = Int(parsed.notValidAfter.timeIntervalSince1970)
        if alternatives.isEmpty, let common = Self.commonName(parsed.subject) { self.names = [common.lowercased()] }
    }

    /// - Parameter file: where it comes from.
    init(_ certificate: NIOSSLCertificate, in file: String) throws(CertificateProblem) {
        do {
            try self.init(certificate)
        } catch {
            let reason =
                switch error {
                case CryptoKitError.incorrectParameterSize: "its key is too short; RSA needs 2048 bits"
                default: "\(error)"
                }
            throw CertificateProblem("\(file) holds a certificate that cannot be read: \(reason)")
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
        let minutes = (end - start) / 60
        if minutes < 120 { return "\(minutes) min" }
        return minutes < 2880 ? "\(minutes / 60) h" : "\(minutes / 1440) days"
    }

    private static func kind(of key: Certificate.PublicKey) -> KeyKind {
        if P256.Signing.PublicKey(key) != nil { return .ecdsa(256) }
        if P384.Signing.PublicKey(key) != nil { return .ecdsa(384) }
        if P521.Signing.PublicKey(key) != nil { return .ecdsa(521) }
        // An Ed25519 key is 32 bytes (RFC 8410 §4), an RSA key many times that.
        return key.subjectPublicKeyInfoBytes.count == 32 ? .ed25519 : .rsa
    }

    private static func text(of name: GeneralName) -> String? {
        switch name {
        case .uniformResourceIdentifier(let text), .rfc822Name(let text), .dnsName(let text): Self.printable(text)
        default: nil
        }
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
