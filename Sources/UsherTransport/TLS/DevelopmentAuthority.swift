internal import Crypto
package import FoundationEssentials
internal import SwiftASN1
internal import UsherCore
internal import X509

/// A certificate authority for development and tests: it makes itself, and signs for the names of one's own machine.
///
/// Its keys are on the curve P-256, which everybody knows.
package struct DevelopmentAuthority: Sendable {
    /// A certificate and its key, both as PEM.
    package struct Pair: Sendable, Hashable {
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Whom a certificate tells apart.
    package enum Subject: Sendable, Hashable {
        /// Host names, `*.` before one, and IP addresses; the first is also the common name.
        case server([String])
        /// A client, by its common name.
        case client(String)

        fileprivate var commonName: String {
            switch self {
            case .server(let names): names.first ?? ""
            case .client(let name): name
            }
        }
    }

    package let pair: Pair
    private let certificate: Certificate
    private let key: P256.Signing.PrivateKey

    /// Browsers of Apple's refuse certificates that are valid for longer, whoever signed them.
    package static let validDays = 825
    private static let authorityDays = 3650

    /// Makes a new one.
    package init(now: Date = .now) throws {
        let key = P256.Signing.PrivateKey()
        // Browsers keep authorities by their names.
        let number = String(UInt32.random(in: .min ... .max), radix: 16)
        let name = try DistinguishedName { CommonName("Usher development authority \(number)") }
        self.certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: Self.start(now), notValidAfter: Self.day(Self.authorityDays, after: now), issuer: name,
            subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true))
                SubjectKeyIdentifier(hash: .init(key.publicKey))
            }, issuerPrivateKey: .init(key))
        self.key = key
        self.pair = Pair(
            certificate: try self.certificate.serializeAsPEM().pemString + "\n", key: key.pemRepresentation + "\n")
    }

    /// Takes up one that was made before.
    package init(_ pair: Pair) throws {
        self.pair = pair
        self.certificate = try Certificate(pemEncoded: pair.certificate)
        self.key = try P256.Signing.PrivateKey(pemRepresentation: pair.key)
        guard self.certificate.publicKey == Certificate.PublicKey(self.key.publicKey) else {
            throw CertificateProblem("the key is not the certificate's")
        }
    }

    /// Signs a new certificate.
    package func issue(_ subject: Subject, days: Int = Self.validDays, now: Date = .now) throws -> Pair {
        let key = P256.Signing.PrivateKey()
        let issuer = self.certificate.subject
        let authorityKey = try self.certificate.extensions.subjectKeyIdentifier?.keyIdentifier
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: Self.start(now), notValidAfter: Self.day(days, after: now), issuer: issuer,
            subject: try DistinguishedName { CommonName(subject.commonName) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                SubjectKeyIdentifier(hash: .init(key.publicKey))
                AuthorityKeyIdentifier(keyIdentifier: authorityKey)
                switch subject {
                case .server(let names):
                    try ExtendedKeyUsage([.serverAuth])
                    SubjectAlternativeNames(names.map(Self.generalName))
                case .client:
                    try ExtendedKeyUsage([.clientAuth])
                }
            }, issuerPrivateKey: .init(self.key))
        return Pair(certificate: try certificate.serializeAsPEM().pemString + "\n", key: key.pemRepresentation + "\n")
    }

    private static func generalName(_ text: String) -> GeneralName {
        guard let address = IPAddress(text: text[...]) else { return .dnsName(text) }
        // Four bytes for IPv4 (RFC 5280 §4.2.1.6).
        return .ipAddress(ASN1OctetString(contentBytes: address.networkBytes.suffix(address.isV4 ? 4 : 16)))
    }

    /// A day ago: clocks differ.
    private static func start(_ now: Date) -> Date { Self.day(-1, after: now) }

    private static func day(_ count: Int, after date: Date) -> Date {
        date.addingTimeInterval(Double(count) * 86_400)
    }
}
