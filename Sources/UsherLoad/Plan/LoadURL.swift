package import UsherCore

/// Where load goes: a server, and what is asked of it.
package struct LoadURL: Sendable, Hashable {
    package var server: LoadServer
    /// Path and query as they go on the wire, beginning with `/`.
    package var target: String

    /// Reads `http://host:port/path?query`; a fragment is left out.
    package init(text: String) throws(TextProblem) {
        let isTLS: Bool
        let rest: Substring
        if text.lowercased().hasPrefix("http://") {
            (isTLS, rest) = (false, text.dropFirst("http://".count))
        } else if text.lowercased().hasPrefix("https://") {
            (isTLS, rest) = (true, text.dropFirst("https://".count))
        } else {
            throw TextProblem("'\(text)' is not a URL; write it like http://127.0.0.1:8080/path")
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        server = try LoadServer(isTLS: isTLS, authority: authority)
        target = try Self.target(rest.dropFirst(authority.count))
    }

    /// A path with its query, with `/` before it where it has none.
    package static func target(_ text: Substring) throws(TextProblem) -> String {
        let kept = text.prefix { $0 != "#" }
        for byte in kept.utf8 where byte <= 0x20 || byte >= 0x7F {
            throw TextProblem("'\(kept)' has a space or a letter that must be written percent-encoded, such as %20")
        }
        return kept.hasPrefix("/") ? String(kept) : "/" + kept
    }
}

/// The server that load goes to.
package struct LoadServer: Sendable, Hashable {
    package var isTLS: Bool
    package var address: ReplicaAddress
    /// What requests name it: the host, and the port where it is not the scheme's own.
    package var authority: String

    package init(isTLS: Bool, authority: Substring) throws(TextProblem) {
        self.isTLS = isTLS
        guard !authority.contains("@") else {
            throw TextProblem("a URL must not hold a name or a password; send them by -H 'Authorization: …'")
        }
        let usual = isTLS ? 443 : 80
        let isPortGiven = authority.last != "]" && authority.contains(":") && authority.last != ":"
        let host = authority.last == ":" ? authority.dropLast() : authority
        address = try ReplicaAddress(text: isPortGiven ? String(host) : "\(host):\(usual)")
        switch address {
        case .ip(let ip, let port):
            let host = ip.isV4 ? "\(ip)" : "[\(ip)]"
            self.authority = port == usual ? host : "\(host):\(port)"
        case .name(let name, let port): self.authority = port == usual ? name : "\(name):\(port)"
        case .unix: throw TextProblem("load goes to a host and a port, such as http://127.0.0.1:8080/")
        }
    }

    /// `https://example.com`
    package var origin: String { (isTLS ? "https://" : "http://") + authority }

    /// What a certificate must be for; nil for an address.
    package var name: String? {
        if case .name(let name, _) = address { return name }
        return nil
    }
}
