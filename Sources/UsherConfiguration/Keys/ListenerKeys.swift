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
