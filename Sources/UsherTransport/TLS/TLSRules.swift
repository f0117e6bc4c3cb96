internal import NIOCore
package import NIOSSL

/// What a TLS listener asks of its clients, whichever certificate they get.
package struct TLSRules: Sendable {
    package enum Minimum: Sendable, Hashable {
        case tls12, tls13
    }

    /// Must clients show a certificate?
    package enum ClientCertificate: Sendable, Hashable {
        case request, require
    }

    /// Default: TLS 1.2.
    package var minimum = Minimum.tls12
    /// Who may sign clients' certificates, and whether one is needed. Nil: none is asked for.
    package var clients: (authorities: [NIOSSLCertificate], policy: ClientCertificate)?

    package init() {}

    /// - Parameter authorities: a file with the certificates of those who sign clients' certificates.
    /// - Throws: `CertificateProblem`.
    package mutating func ask(_ policy: ClientCertificate, signedBy authorities: String) throws {
        let certificates = try CertificateFile.certificates(in: authorities)
        guard try certificates.contains(where: { try CertificateFacts($0, in: authorities).isTrustAnchor }) else {
            throw CertificateProblem("\(authorities) holds no certificate of an authority, which could sign clients'")
        }
        self.clients = (certificates, policy)
    }

    /// What TLS 1.2 may use: forward secrecy and authenticated encryption only (RFC 9325 §4.2). TLS 1.3 has its own.
    private static let cipherSuites: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    /// The same with the cheapest cipher suites of TLS 1.2 only; nil: TLS 1.2 is not spoken.
    func light(_ configuration: TLSConfiguration) -> TLSConfiguration? {
        guard self.minimum == .tls12 else { return nil }
        var light = configuration
        light.cipherSuiteValues = Array(Self.cipherSuites.prefix(2))
        return light
    }

    func configuration(chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = self.minimum == .tls13 ? .tlsv13 : .tlsv12
        configuration.cipherSuiteValues = Self.cipherSuites
        configuration.applicationProtocols = ALPN.ours
        configuration.shutdownTimeout = TLSHandlers.shutdownTime
        if let clients = self.clients {
            configuration.trustRoots = .certificates(clients.authorities)
            configuration.certificateVerification =
                clients.policy == .require ? .noHostnameVerification : .optionalVerification
            configuration.sendCANameList = true
        }
        return configuration
    }
}

/// Protocols that may be spoken inside TLS (RFC 7301).
enum ALPN {
    static let http2 = "h2"
    /// In the order in which we would have them. HTTP/1.0 has a name too, for clients that speak nothing newer.
    static let ours = [http2, "http/1.1", "http/1.0"]
}
