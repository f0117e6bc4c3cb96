import UsherCore

extension TLSSettings {
    static var shape: Shape<TLSSettings> {
        Shape(
            initial: TLSSettings(),
            keys: [
                .value(
                    "certificates", \.certificates,
                    .list(
                        of: CertificateSettings.shape.kind(hint: "{ chain: site.pem, key: site.key }"), atLeast: 1,
                        hint: "[{ chain: site.pem, key: site.key }]"), required: true,
                    "Chosen by the name that a client asks for; the first is for unknown names. Watched."),
                .value("minimum", \.minimum, .cases(), "The oldest version of TLS that is spoken."),
                .optional(
                    "client-ca", \.clientAuthorities, .path, default: "clients show no certificate",
                    "PEM file with the certificates of those who sign clients' certificates."),
                .value(
                    "client-certificate", \.clientCertificate, .cases(),
                    "require: no connection without one; request: one that is shown must be valid."),
                .optional(
                    "hsts", \.hsts, .duration(.zero...(.seconds(10 * 365 * 86400))),
                    default: "browsers are not told", "How long browsers remember to come by TLS only."),
            ],
            finish: { tls, node, reading in
                guard tls.clientAuthorities == nil, case .mapping(let entries) = node.content,
                    !entries.contains(where: { $0.key == "client-ca" }),
                    let entry = entries.first(where: { $0.key == "client-certificate" })
                else { return }
                reading.inside("client-certificate") {
                    reading.note("has no effect without client-ca, which says whose are accepted", at: entry.position)
                }
            })
    }
}

extension CertificateSettings {
    static var shape: Shape<CertificateSettings> {
        Shape(
            initial: CertificateSettings(),
            keys: [
                .value(
                    "chain", \.chain, .path, required: true,
                    "PEM file: the site's own certificate first, then those that signed it."),
                .value("key", \.key, .path, required: true, "PEM file with the private key, without a passphrase."),
            ])
    }
}

extension UpstreamTLSSettings {
    static var shape: Shape<UpstreamTLSSettings> {
        Shape(
            initial: UpstreamTLSSettings(),
            keys: [
                .value(
                    "verify", \.verify, .authorities,
                    "Who may sign replicas' certificates: `system`, or a PEM file with their certificates."),
                .optional(
                    "server-name", \.serverName, .serverName, default: "the host by which a replica is listed or found",
                    "The name that replicas' certificates must have."),
                .optional(
                    "certificate", \.certificate,
                    CertificateSettings.shape.kind(hint: "{ chain: usher.pem, key: usher.key }"),
                    default: "none is shown", "What Usher shows to replicas that ask who it is."),
            ])
    }
}

extension Kind where Value == UpstreamTLSSettings.Authorities {
    static var authorities: Kind {
        let path = Kind<String>.path
        return Kind(
            schema: path.schema,
            read: { node, reading in
                guard let (text, _) = reading.text(of: node) else { return nil }
                if text == "system" { return .system }
                if ["none", "no", "off", "false", "true"].contains(text.lowercased()) {
                    let advice = "say `system`, or name a file with the certificates of those who sign replicas'"
                    reading.note("cannot be '\(text)': replicas are always verified; \(advice)", at: node.position)
                    return nil
                }
                return path.read(node, reading).map(UpstreamTLSSettings.Authorities.file)
            },
            write: { authorities in
                switch authorities {
                case .system: .string("system")
                case .file(let path): .string(path)
                }
            })
    }
}

extension Kind where Value == String {
    /// A host name, as a certificate may have it (RFC 6066 §3 knows no addresses).
    static var serverName: Kind {
        parsed(pattern: "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?") { text, _ throws(TextProblem) in
            guard ReplicaAddress.isHostName(text) else {
                throw TextProblem("'\(shown(text))' cannot be a server name, such as web.internal")
            }
            return text.lowercased()
        } write: {
            $0
        }
    }
}
