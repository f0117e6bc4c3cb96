import UsherCore

extension ListenerSettings {
    static var shape: Shape<ListenerSettings> {
        Shape(
            initial: ListenerSettings(address: .ip(.anyV4, port: 0)),
            keys: [
                .value(
                    "address", \.address, .listenAddress, required: true,
                    "A port, an address with a port, or unix:/path; port 0 takes a free one."),
                .value(
                    "trusted-proxies", \.trustedProxies, .list(of: .ranges, hint: "[10.0.0.0/8]"),
                    "Peers whose Forwarded and X-Forwarded-* fields, or PROXY header, are believed."),
                .value(
                    "proxy-protocol", \.proxyProtocol, .bool,
                    "true: trusted proxies must begin with a PROXY header, and others cannot connect."),
                .value(
                    "redirect", \.redirectsToTLS, .words([("none", false), ("https", true)]),
                    "https: every request is redirected (308) to the first listener that speaks TLS."),
                .optional(
                    "tls", \.tls,
                    TLSSettings.shape.kind(hint: "{ certificates: [{ chain: site.pem, key: site.key }] }"),
                    default: "connections speak in the clear", "Certificates, and what clients must show."),
            ], finish: checkProxyProtocol)
    }

    /// True when there are trusted proxies in the file, readable or not.
    private static func hasProxies(_ entries: [ConfigurationNode.Entry]) -> Bool {
        guard let written = entries.first(where: { $0.key == "trusted-proxies" }) else { return false }
        if case .list(let nodes) = written.value.content { return !nodes.isEmpty }
        return true
    }

    /// A listener on which nobody could connect is a mistake.
    private static func checkProxyProtocol(
        _ listener: inout ListenerSettings, _ node: ConfigurationNode, _ reading: Reading
    ) {
        guard listener.proxyProtocol, case .mapping(let entries) = node.content,
            let entry = entries.first(where: { $0.key == "proxy-protocol" })
        else { return }
        reading.inside("proxy-protocol") {
            if case .unix = listener.address {
                let reason = "who connects to a unix socket has no address that could be trusted"
                reading.note("cannot be used here: \(reason)", at: entry.value.position)
            } else if listener.trustedProxies.isEmpty, !hasProxies(entries) {
                let advice = "name the peers that send the header in trusted-proxies"
                reading.note("nobody could connect; \(advice)", at: entry.value.position)
            }
        }
    }
}

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
            let name = text.lowercased()
            let isName = name.utf8.allSatisfy { byte in
                (97...122).contains(byte) || (48...57).contains(byte) || "-_.".utf8.contains(byte)
            }
            guard isName, (1...253).contains(name.utf8.count), !name.contains(".."), name.first != ".",
                name.last != ".", name.contains(where: { !$0.isNumber && $0 != "." })
            else {
                throw TextProblem("'\(shown(text))' cannot be a server name, such as web.internal")
            }
            return name
        } write: {
            $0
        }
    }
}
