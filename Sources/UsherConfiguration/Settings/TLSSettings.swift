/// What a listener needs to speak TLS.
public struct TLSSettings: Sendable, Hashable {
    public enum Version: String, CaseIterable, Sendable, Hashable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    public enum ClientCertificate: String, CaseIterable, Sendable, Hashable {
        /// Without one there is no handshake.
        case require
        /// One that is shown must be valid.
        case request
    }

    /// Chosen by the name that a client asks for; the first is for unknown names. Never empty.
    public var certificates: [CertificateSettings] = []
    /// The oldest version that is spoken. Default: 1.2.
    public var minimum = Version.tls12
    /// Absolute path of the certificates of those who sign clients' certificates. Nil: clients show none.
    public var clientAuthorities: String?
    /// Default, with authorities: require.
    public var clientCertificate = ClientCertificate.require
    /// How long browsers remember to come by TLS only (RFC 6797). Nil: they are not told to.
    public var hsts: Duration?

    public init() {}
}

/// A certificate with its key: absolute paths of PEM files.
public struct CertificateSettings: Sendable, Hashable {
    /// The site's own certificate first, then those that signed it.
    public var chain = ""
    public var key = ""

    public init() {}
}

/// How replicas of a service are spoken to in TLS.
public struct UpstreamTLSSettings: Sendable, Hashable {
    public enum Authorities: Sendable, Hashable {
        /// Those that the system trusts.
        case system
        /// Absolute path of a file with certificates.
        case file(String)
    }

    /// Who may sign replicas' certificates. Default: whom the system trusts.
    public var verify = Authorities.system
    /// The name that replicas are asked for and that their certificates must have. Nil: the host by which they are
    /// listed or found.
    public var serverName: String?
    /// What Usher shows when replicas ask who it is. Nil: nothing.
    public var certificate: CertificateSettings?

    public init() {}
}
